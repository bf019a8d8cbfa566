/** One fault at a time against three servers under steady load, and what the clients notice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancing, Openclaw, until } from '../harness.ts';
import { type Fault, FaultyServer } from './faulty-server.ts';
import { SteadyLoad, type Tally } from './steady-load.ts';

export interface Row extends Tally {
  fault: Fault;
  /** From the fault until the server was left out; -1: it never was. */
  outMs: number;
  /** How often it was ejected: one that comes back and is still broken is ejected again. */
  ejections: number;
  /** Requests that were sent to it after that, while the fault lasted. */
  sentWhileOut: number;
  /** From its mending until it served again. */
  backMs: number;
}

const SERVERS = 3;
const CLIENTS = 12;
/** A fault that nobody has noticed by then never will be. */
const OUT_MS_MAX = 15_000;

/** Short intervals, so that a run does not take an hour; each can be made longer at will. */
const BALANCING: Balancing = {
  timeout: { connect: '1s', read: '2s' },
  health_check: { interval: '1s', timeout: '500ms', endpoint: '/health', success_threshold: 1 },
  failover: {
    detection: { enabled: true, interval: '1s', timeout: '500ms' },
    outlier_detection: {
      interval: '1s',
      min_requests: 3,
      ejection_time: '1s',
      max_ejection_time: '2s',
    },
  },
};

export class KillMatrix {
  readonly #openclaw: Openclaw;
  readonly #servers: readonly FaultyServer[];
  readonly #load: SteadyLoad;
  #next = 0;

  private constructor(openclaw: Openclaw, servers: readonly FaultyServer[]) {
    this.#openclaw = openclaw;
    this.#servers = servers;
    this.#load = new SteadyLoad(`${openclaw.url}/work`, CLIENTS);
  }

  /** @param failover further settings of failover, such as a circuit breaker */
  static async start(failover: object = {}, workers = 2): Promise<KillMatrix> {
    const servers = await Promise.all(Array.from({ length: SERVERS }, () => FaultyServer.start()));
    const addresses = servers.map((server) => server.address);
    const balancing = {
      ...BALANCING,
      servers: addresses,
      failover: { ...(BALANCING.failover as object), ...failover },
    };
    return new KillMatrix(await Openclaw.start(balancing, { workers }), servers);
  }

  /** Lets the next server fail, for `forMs` and until it is left out, and mends it. */
  async run(fault: Fault, forMs: number): Promise<Row> {
    const server = this.#servers[this.#next++ % SERVERS]!;
    await until('all servers serve', () => this.#allServe());
    this.#load.take();
    const ejectionsBefore = this.#ejections();
    const startedMs = performance.now();
    await server.fail(fault);
    let outMs = -1;
    let sentBefore = 0;
    const lastMs = startedMs + OUT_MS_MAX;
    for (;;) {
      const nowMs = performance.now();
      if (nowMs > lastMs || (outMs !== -1 && nowMs - startedMs >= forMs)) break;
      const { standing, attempts } = await this.#statusOf(server);
      if (outMs === -1 && standing !== 'usable') {
        outMs = Math.round(performance.now() - startedMs);
        sentBefore = attempts;
      }
      await sleep(20);
    }
    const sentWhileOut = outMs === -1 ? -1 : (await this.#statusOf(server)).attempts - sentBefore;
    const tally = this.#load.take();
    const ejections = this.#ejections() - ejectionsBefore;
    const mendedMs = performance.now();
    await server.heal(fault);
    await until(`${server.address} serves again`, () => this.#serves(server));
    const backMs = Math.round(performance.now() - mendedMs);
    return { fault, ...tally, outMs, ejections, sentWhileOut, backMs };
  }

  /** What the log says of states that changed. */
  changes(): string[] {
    return this.#openclaw
      .log()
      .filter((line) => line.event.endsWith('_changed'))
      .map((line) => `${line.event} ${line.subject} ${line.from} -> ${line.to}: ${line.cause}`);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await this.#openclaw.stop();
    for (const server of this.#servers) await server.stop();
  }

  #ejections(): number {
    return this.changes().filter((line) => line.includes('-> ejected')).length;
  }

  async #allServe(): Promise<boolean> {
    for (const server of this.#servers) if (!(await this.#serves(server))) return false;
    return true;
  }

  async #serves(server: FaultyServer): Promise<boolean> {
    const before = await this.#statusOf(server);
    if (before.standing !== 'usable') return false;
    await sleep(50);
    return (await this.#statusOf(server)).attempts > before.attempts;
  }

  async #statusOf(server: FaultyServer) {
    const { pools } = await this.#openclaw.status();
    return pools[0]!.servers.find((one) => one.address === server.address)!;
  }
}
