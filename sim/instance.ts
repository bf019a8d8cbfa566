import type { Http2ClientStream } from '../src/core/clients/http2-client-stream.ts';
import type { ServerPlan } from '../src/core/servers/settings.ts';
import { Upkeep } from '../src/core/servers/upkeep.ts';
import type { PathPlan } from '../src/plan/assembly.ts';
import type { PoolPlan } from '../src/plan/worker-plan.ts';
import { SharedTable } from '../src/table/table.ts';
import type { Chance, Range } from './chance.ts';
import type { SimStream } from './http2-stream.ts';
import type { Setup } from './setup.ts';
import { SimWorker } from './worker.ts';
import type { World } from './world.ts';

/** Workers do not follow a plan in the same moment. */
const FOLLOW_MS: Range = [0, 20];
/** How long a worker that died is not replaced. */
const REPLACE_MS: Range = [20, 1_500];

/** One instance of openclaw: its workers and what they share, and what its control thread does. */
export class SimInstance {
  readonly table: SharedTable;
  /** As it was told last. */
  plan: PathPlan;
  /** Servers of every plan so far. */
  readonly servers: readonly ServerPlan[];
  /** By lane; null: dead, and not replaced yet. */
  readonly #workers: (SimWorker | null)[] = [];
  readonly #world: World;
  readonly #setup: Setup;
  readonly #calls: Chance;
  /** For what only some runs have. */
  readonly #extras: Chance;
  /** By pool. */
  readonly #upkeeps = new Map<string, Upkeep>();
  /** The most that any plan allowed to a pool. */
  readonly #connectionsMost = new Map<string, number>();

  /** @param chance of the workers: each has a fork of it */
  constructor(
    world: World,
    setup: Setup,
    lanes: number,
    chance: Chance,
    calls: Chance,
    extras: Chance,
  ) {
    this.#world = world;
    this.#setup = setup;
    this.#calls = calls;
    this.#extras = extras;
    this.plan = setup.plan;
    this.servers = setup.plan.pools.flatMap(({ servers }) => servers);
    this.table = SharedTable.create({ serverRows: this.servers.length, workerLanes: lanes });
    this.#planned();
    for (let lane = 0; lane < lanes; lane++) this.#workers.push(this.#spawn(lane, chance.fork()));
  }

  get workers(): SimWorker[] {
    return this.#workers.filter((worker) => worker !== null);
  }

  /** Where clients connect, whether or not the worker there is alive. */
  get listeners(): string[] {
    const routes = this.#setup.plan.routes.map(({ name }, at) => (at === 0 ? '' : `-${name}`));
    return this.#workers.flatMap((_, lane) => routes.map((route) => `worker-${lane}${route}`));
  }

  /** By one of the routes, to one of the workers that are alive. */
  openStream(chance: Chance, stream: SimStream): Http2ClientStream | null {
    const { workers } = this;
    const { name } = chance.pick(this.#setup.plan.routes);
    return workers.length === 0 ? null : chance.pick(workers).openStream(name, stream);
  }

  /** @param what kind of change it is */
  follow(plan: PathPlan, what: string): void {
    this.#world.network.trace.note(0, `reload: ${what}`);
    this.plan = plan;
    this.#planned();
    this.#tell((worker) => worker.follow(plan));
  }

  followServers(pool: string, servers: readonly ServerPlan[]): void {
    const rows = servers.map(({ row }) => row).join(' ');
    this.#world.network.trace.note(0, `servers of ${pool}: rows ${rows}`);
    const pools = this.plan.pools.map((one): PoolPlan => {
      return one.settings.name === pool ? { ...one, servers } : one;
    });
    const plan = { ...this.plan, pools: pools as unknown as PathPlan['pools'] };
    this.plan = plan;
    this.#planned();
    this.#tell((worker) => worker.followServers(plan, pool, servers));
  }

  /** A worker dies, and another one takes its lane some time later. */
  killOne(): void {
    const alive = this.workers;
    if (alive.length === 0) return;
    const worker = this.#extras.pick(alive);
    const { lane } = worker;
    const { clock, network } = this.#world;
    worker.die();
    this.#workers[lane] = null;
    if (network.sabotage.remembersDead !== true) this.table.forgetWorker(lane);
    clock.after(this.#extras.within(REPLACE_MS), () => {
      network.trace.note(0, `worker-${lane} is replaced`);
      this.#workers[lane] = this.#spawn(lane, this.#extras.fork());
    });
  }

  /** What the control thread does every now and then, and what must hold then. */
  check(): void {
    const { clock, network, ledger, invariants } = this.#world;
    for (const upkeep of this.#upkeeps.values()) upkeep.turn(clock.nowMs());
    let connectionsMax = 0;
    for (const most of this.#connectionsMost.values()) connectionsMax += most;
    invariants.checkBounds(this.table, this.servers, network.open, connectionsMax);
    const { highWaterBytes } = this.#setup.plan.routes[0].policy;
    invariants.checkMemory(network.open, ledger, highWaterBytes, this.heldBytes);
    for (const { row } of this.servers) {
      const underWay = this.workers.map((worker) => worker.underWayAt(row));
      const sum = underWay.reduce((all, count) => all + count, 0);
      invariants.checkCounts(this.table, row, sum);
    }
  }

  /** Bytes of a request that may be held beside what is on its way. */
  get heldBytes(): number {
    // What waits for the firewall's verdict comes on top of what is kept for another attempt.
    return this.#setup.plan.routes[0].policy.replayBytes + this.#setup.wafBytes;
  }

  get isWaiting(): boolean {
    const { poolCounts } = this.table;
    return this.#setup.plan.pools.some(({ settings }) => poolCounts.waiting(settings.row) > 0);
  }

  /** At the end. @returns when the next timer is due; infinity where none is set */
  finish(): number {
    const { invariants } = this.#world;
    let timerDueMs = Number.POSITIVE_INFINITY;
    for (const worker of this.workers) {
      const { name, connections, idleConnections } = worker;
      timerDueMs = Math.min(timerDueMs, worker.wheel.earliestMs());
      if (connections > 0) {
        invariants.fail('nothingLeft', `${name} counts ${connections} connections`);
      }
      if (idleConnections > 0) {
        invariants.fail('nothingLeft', `${name} keeps ${idleConnections} connections to servers`);
      }
    }
    return timerDueMs;
  }

  #planned(): void {
    const nowMs = this.#world.clock.nowMs();
    const { trace } = this.#world.network;
    for (const { settings, servers } of this.plan.pools) {
      const { name, connectionsMax } = settings;
      const most = this.#connectionsMost.get(name) ?? 0;
      this.#connectionsMost.set(name, Math.max(most, connectionsMax));
      const plan = { settings, servers, outliers: null, failback: null };
      const upkeep = this.#upkeeps.get(name);
      if (upkeep !== undefined) upkeep.apply(plan, nowMs);
      else {
        const made = new Upkeep(
          this.table,
          plan,
          (change) => trace.note(0, `${change.subject}: ${change.aspect} ${change.to}`),
          nowMs,
        );
        this.#upkeeps.set(name, made);
      }
    }
  }

  #tell(follow: (worker: SimWorker) => void): void {
    const { clock } = this.#world;
    for (const worker of this.workers) {
      // Each is told in order.
      const atMs = Math.max(worker.toldMs, clock.nowMs() + this.#extras.within(FOLLOW_MS));
      worker.toldMs = atMs;
      clock.at(atMs, () => follow(worker));
    }
  }

  #spawn(lane: number, chance: Chance): SimWorker {
    const call = (other: number) => this.#call(other);
    return new SimWorker(this.#world, this.plan, this.table, lane, chance, call);
  }

  /** One worker calls another: it hears soon, late, or never, for a call only saves time. */
  #call(lane: number): void {
    const { clock } = this.#world;
    if (this.#calls.happens(0.1)) return;
    const worker = this.#workers[lane];
    clock.after(this.#calls.within([0, 5]), () => worker?.called(clock.nowMs()));
  }
}
