import type { ListenAddress } from '../../plan/listen.ts';
import type { TlsPlan } from '../../plan/tls.ts';
import type { Accepted, Backend, BackendContext, Holder, Listener, Security } from '../backend.ts';
import { Gate } from '../gate.ts';
import type { AcceptContext } from './accepted.ts';
import { Arena } from './arena.ts';
import type { ConnectContext } from './attempts.ts';
import { loopDescriptor } from './calls.ts';
import { KernelConnector } from './connector.ts';
import { KernelListener } from './listener.ts';
import { Loop, type Posted } from './loop.ts';
import { TlsEngine } from './openssl/engine.ts';
import type { Poller } from './poller.ts';

/** Polls that bring no connection before the listening sockets count as empty. */
const QUIET_TURNS = 2;
const ARENA_BYTES = 32 * 1024 * 1024;

/**
 * Makes the poller of a thread.
 *
 * @param loopFd the descriptor of libuv's loop
 * @param holder is told of each descriptor just before the poller closes it
 */
export type OpenPoller = (arena: Arena, loopFd: number, holder: Holder) => Poller;

/** The connections of one thread by the kernel's own calls. */
export class KernelBackend implements Backend {
  readonly connector: KernelConnector;
  readonly #context: AcceptContext & ConnectContext;
  readonly #gate: Gate;

  constructor(open: OpenPoller, context: BackendContext) {
    const { clock, wheel, contain, resolver } = context;
    const arena = Arena.map(ARENA_BYTES);
    const { holder } = context;
    const poller = open(arena, loopDescriptor(), holder);
    const loop = new Loop(poller, clock);
    const nodeUses = (by: number) => loop.nodeUses(by);
    holder.add(poller.fd);
    holder.mapped(arena.address(0, 0), arena.sizeBytes);
    for (const { address, lengthBytes } of poller.mappings) holder.mapped(address, lengthBytes);
    const defer = (call: () => void) => this.#afterPoll(call);
    this.#gate = new Gate(context.doorkeeper, context.waitingMax);
    this.#context = {
      clock,
      contain,
      resolver,
      poller,
      gate: this.#gate,
      engine: new TlsEngine(arena, { clock, wheel, contain, defer, nodeUses }),
      loop,
      holder: context.holder,
      received: { floor: 0, end: -1 },
      accepts: { count: 0 },
      queuedBytes: 0,
      after: (delayMs, call) => this.after(delayMs, call),
    };
    this.connector = new KernelConnector(this.#context);
  }

  get waitingMax(): number {
    return this.#gate.waitingMax;
  }

  set waitingMax(connections: number) {
    this.#gate.waitingMax = connections;
  }

  async listen(
    address: ListenAddress,
    given: number | null,
    onAccept: (accepted: Accepted) => void,
  ): Promise<Listener> {
    return new KernelListener(this.#context, address, given, onAccept);
  }

  letIn(): void {
    this.#gate.open();
  }

  async acceptWaiting(withinMs: number): Promise<void> {
    const { clock, accepts } = this.#context;
    const untilMs = clock.nowMs() + withinMs;
    let quietTurns = 0;
    while (quietTurns < QUIET_TURNS && clock.nowMs() < untilMs) {
      const before = accepts.count;
      await new Promise((resolve) => this.#afterPoll(() => resolve(undefined)));
      quietTurns = accepts.count === before ? quietTurns + 1 : 0;
    }
  }

  securityOf(plan: TlsPlan): Security {
    return this.#context.engine.securityOf(plan);
  }

  every(periodMs: number, call: () => void): () => void {
    const { clock, loop } = this.#context;
    const beat = { dueMs: clock.nowMs() + periodMs };
    const leave = loop.beat(beat);
    const timer = setInterval(() => {
      beat.dueMs = clock.nowMs() + periodMs;
      this.#afterPoll(call);
    }, periodMs);
    return () => {
      leave();
      clearInterval(timer);
    };
  }

  after(delayMs: number, call: () => void): () => void {
    let isOver = false;
    const fire = () => {
      if (!isOver) call();
    };
    const timer = setTimeout(() => this.#afterPoll(fire), delayMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }

  close(): void {
    this.#gate.close();
  }

  /**
   * Calls once what has arrived until now was received: a thread that was busy, or stopped, finds a
   * timer due and what it waits for come, and what came in time is never late.
   */
  #afterPoll(call: () => void): void {
    this.#context.loop.post(new AfterPoll(call));
  }
}

class AfterPoll implements Posted {
  readonly #call: () => void;

  constructor(call: () => void) {
    this.#call = call;
  }

  onTurn(): void {
    this.#call();
  }
}
