import type { ListenAddress } from '../../plan/listen.ts';
import type { TlsPlan } from '../../plan/tls.ts';
import type { Accepted, Backend, BackendContext, Listener, Security } from '../backend.ts';
import { Gate } from '../gate.ts';
import { afterReads } from './after-reads.ts';
import { SocketConnector } from './connector.ts';
import { type ListenerContext, NodeListener } from './listener.ts';
import { ReadBuffers } from './read-buffers.ts';
import { securityOf } from './tls/handshake.ts';

/** Turns of the loop that bring no connection before the listening sockets count as empty. */
const QUIET_TURNS = 2;

/** The connections of one thread by `node:net` and `node:tls`. */
export class NodeBackend implements Backend {
  readonly connector: SocketConnector;
  readonly #context: ListenerContext;
  readonly #gate: Gate;
  /** Connections let in so far. */
  #accepted = 0;

  constructor(given: BackendContext) {
    const { clock, wheel, contain, doorkeeper, waitingMax, readBytes, resolver } = given;
    this.#gate = new Gate(doorkeeper, waitingMax);
    const buffers = new ReadBuffers(readBytes);
    this.#context = { clock, wheel, contain, buffers, reusePort: true, gate: this.#gate };
    this.connector = new SocketConnector(this.#context, resolver);
  }

  get waitingMax(): number {
    return this.#gate.waitingMax;
  }

  set waitingMax(connections: number) {
    this.#gate.waitingMax = connections;
  }

  listen(
    address: ListenAddress,
    given: number | null,
    onAccept: (accepted: Accepted) => void,
  ): Promise<Listener> {
    const count = (accepted: Accepted) => {
      this.#accepted += 1;
      onAccept(accepted);
    };
    return NodeListener.open(address, this.#context, count, given);
  }

  letIn(): void {
    this.#gate.open();
  }

  /** Node accepts one connection from each listening socket in a turn of its loop. */
  async acceptWaiting(withinMs: number): Promise<void> {
    const { clock } = this.#context;
    const untilMs = clock.nowMs() + withinMs;
    let quietTurns = 0;
    while (quietTurns < QUIET_TURNS && clock.nowMs() < untilMs) {
      const before = this.#accepted;
      await new Promise((resolve) => setImmediate(resolve));
      quietTurns = this.#accepted === before ? quietTurns + 1 : 0;
    }
  }

  securityOf(plan: TlsPlan): Security {
    return securityOf(plan);
  }

  every(periodMs: number, call: () => void): () => void {
    const timer = setInterval(afterReads(call), periodMs);
    return () => clearInterval(timer);
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = setTimeout(afterReads(call), delayMs);
    return () => clearTimeout(timer);
  }

  close(): void {
    this.#gate.close();
  }
}
