/** A small scene on the simulated network, for tests that script both sides themselves. */

import { DEFAULT_HEAD_LIMITS, DEFAULT_RESPONSE_LIMITS } from '../src/core/http1/head.ts';
import type { CloseCause, StreamOwner } from '../src/core/ports/stream.ts';
import type { ClientPolicy } from '../src/core/routes/client-policy.ts';
import type { PoolSettings } from '../src/core/servers/settings.ts';
import { SharedTable } from '../src/table/table.ts';
import { Chance } from './chance.ts';
import { SimClock } from './clock.ts';
import { Invariants } from './invariants.ts';
import { Ledger } from './ledger.ts';
import { type Endpoint, Network } from './network.ts';
import { pathPlanOf, poolPlanOf, serverPlanOf } from './setup.ts';
import { Trace } from './trace.ts';
import { SimWorker, TICK_MS } from './worker.ts';

const SETTINGS: PoolSettings = {
  name: 'stage',
  row: 0,
  strategy: 'round_robin',
  timeouts: {
    connectMs: 1_000,
    readMs: 2_000,
    writeMs: 2_000,
    streamMs: 3_000,
  },
  responseLimits: DEFAULT_RESPONSE_LIMITS,
  connectionsMax: 1_000,
  idleMax: 8,
  idleMin: 0,
  idleMs: 60_000,
  ageMsMax: 0,
  longAwaitMs: 500,
  waitingMax: 100,
  waitMs: 1_000,
  retries: 0,
  retryBudgetPercent: 20,
  retryWithinMs: 0,
  detects: false,
  breaker: null,
  ejection: null,
  slowStartMs: 0,
};

const POLICY: ClientPolicy = {
  highWaterBytes: 1_024,
  replayBytes: 65_536,
  tracing: null,
  requestMs: 3_000,
  idleMs: 4_000,
  readMs: 2_000,
  writeMs: 2_000,
  uploadBytesPerSecond: 0,
  downloadBytesPerSecond: 0,
  headLimits: DEFAULT_HEAD_LIMITS,
};

/** One end that a test speaks with. */
export class Actor implements StreamOwner {
  stream!: Endpoint;
  /** All that came, as latin1. */
  heard = '';
  /** How it ended; `end` where the other side said properly that nothing more comes. */
  fate: 'open' | 'end' | CloseCause = 'open';
  /** Called for what came, with all of it. */
  onHeard: (heard: string) => void = () => {};

  crashed(): void {}

  onOpen(): void {}
  onDrain(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.heard += bytes.toString('latin1', start, end);
    this.onHeard(this.heard);
  }

  onEnd(): void {
    this.fate = 'end';
  }

  onClose(cause: CloseCause): void {
    if (this.fate === 'open') this.fate = cause;
  }
}

/** One worker, one server, a network that only takes a millisecond. */
export class Stage {
  readonly clock = new SimClock();
  readonly table = SharedTable.create({ serverRows: 1, workerLanes: 1 });
  /** The server's connections, in the order in which they were opened. */
  readonly serverSides: Actor[] = [];
  readonly #network: Network;
  readonly #worker: SimWorker;

  /**
   * @param narrow whose connections take little at a time
   * @param onConnection told of each connection that the worker opens to the server
   * @param settings other than those of a plain stage
   */
  constructor(
    narrow: 'client' | 'server',
    onConnection: (server: Actor) => void,
    settings: Partial<PoolSettings & ClientPolicy> = {},
  ) {
    const { clock } = this;
    const trace = new Trace(() => clock.nowMs(), false);
    const weather = {
      latencyMs: [1, 1] as const,
      cut: 0,
      stall: 0,
      stallMs: [0, 0] as const,
      reset: 0,
      refuse: 0,
      blackHole: 0,
    };
    const network = new Network(clock, new Chance(7), trace, {}, weather);
    this.#network = network;
    const isNarrow = (name: string) => name.includes(narrow === 'client' ? 'worker' : 'server');
    network.windowOf = (name) => (isNarrow(name) ? 1_024 : 16_384);
    const world = {
      clock,
      network,
      ledger: new Ledger(),
      invariants: new Invariants(trace, () => clock.nowMs()),
      screens: false,
      isTroubled: false,
      isWell: true,
    };
    const plan = serverPlanOf('server', 0, 1);
    const pool = poolPlanOf({ ...SETTINGS, ...settings }, [plan], 0);
    const path = pathPlanOf([pool], { ...POLICY, ...settings }, 0);
    this.#worker = new SimWorker(world, path, this.table, 0, new Chance(8), () => {});
    network.listen('server', (stream) => {
      const server = new Actor();
      server.stream = stream;
      this.serverSides.push(server);
      onConnection(server);
      return server;
    });
  }

  /** A client that is connected and says something at once. */
  client(says: string): Actor {
    const client = new Actor();
    client.stream = this.#network.connect('worker-0', client, false);
    client.stream.writeText(says);
    return client;
  }

  /** Somebody reads a little every now and then. */
  sip(reader: Actor, everyMs: number, times: number): void {
    for (let time = 0; time < times; time++) {
      reader.stream.pause();
      this.pass(everyMs);
      reader.stream.resume();
      this.pass(2);
    }
  }

  /** Lets time pass. */
  pass(ms: number): void {
    const { clock } = this;
    const untilMs = clock.nowMs() + ms;
    let tickMs = Math.floor(clock.nowMs() / TICK_MS) * TICK_MS;
    while (tickMs + TICK_MS <= untilMs) {
      tickMs += TICK_MS;
      clock.at(tickMs, () => this.#worker.tick(clock.nowMs()));
    }
    clock.at(untilMs, () => {});
    while (clock.nextMs() <= untilMs) clock.step();
  }
}
