/**
 * One worker's data path, put together from its plan: engine, pools, guard, firewall and routes.
 * The data thread and the simulation use it alike.
 */
import { isDeepStrictEqual } from 'node:util';
import { Engine } from '../core/exchange/engine.ts';
import type { Settled } from '../core/exchange/exchange.ts';
import { Exchanges } from '../core/exchange/exchanges.ts';
import type { WorkerParts } from '../core/ports/worker-context.ts';
import type { ClientPolicy } from '../core/routes/client-policy.ts';
import type { Guard } from '../core/routes/guard.ts';
import type { Route } from '../core/routes/route.ts';
import type { Pool } from '../core/servers/pool.ts';
import type { ServerPlan } from '../core/servers/settings.ts';
import { Waf, type WafOptions } from '../waf/index.ts';
import { LivePool, POOL_PARTS, type PoolParts } from './live-pool.ts';
import { createGuard } from './make-guard.ts';
import type { WorkerPlan } from './worker-plan.ts';

/** The parts of a worker's plan that its data path is built from. */
export type PathPlan = Pick<WorkerPlan, 'guard' | 'shedding' | 'pools' | 'routes'>;

/** Factories of the parts that the simulation replaces. */
export interface Parts extends PoolParts {
  readonly waf: (options: WafOptions) => Waf;
}
const PARTS: Parts = { ...POOL_PARTS, waf: (options) => new Waf(options) };

/** What the data path needs besides its plan. */
export interface PathSurroundings extends WorkerParts {
  /** Called with every exchange when it is over. */
  readonly settled: Settled;
  /** Called with every request refused before it became an exchange. */
  readonly refused: Engine['refused'];
}

/** A route stays as long as its name does, so that a plan touches no connection that uses it. */
interface LiveRoute extends Route {
  pool: Pool;
  guard: Guard;
  waf: Waf | null;
  policy: ClientPolicy;
}

export class Assembly {
  readonly engine: Engine;
  readonly exchanges: Exchanges;
  /** Who is let in, and which proxies are trusted to name the client. */
  guard!: Guard;
  readonly #parts: Parts;
  /** By name. */
  readonly #pools = new Map<string, LivePool>();
  /** By name. */
  readonly #routes = new Map<string, LiveRoute>();

  constructor(given: PathSurroundings, plan: PathPlan, parts: Parts = PARTS) {
    this.#parts = parts;
    this.engine = new Engine(given);
    this.exchanges = new Exchanges(this.engine, given.settled);
    this.follow(plan);
  }

  /** Applies a plan to all further requests; those in flight are not affected. */
  follow(plan: PathPlan): void {
    const { engine } = this;
    this.guard = createGuard(plan.guard, engine.table);
    engine.shedder.settings = plan.shedding;
    this.#followPools(plan);
  }

  /**
   * As `follow`, where nothing but one pool's servers has changed.
   *
   * @throws RangeError where there is no such pool
   */
  followServers(name: string, servers: readonly ServerPlan[]): void {
    const live = this.#livePool(name);
    const before = live.pool;
    live.followServers(servers);
    for (const route of this.#routes.values()) if (route.pool === before) route.pool = live.pool;
    live.retireServers();
  }

  /**
   * The route of that name; it stays the same object over all plans that have it.
   *
   * @throws RangeError where there is none
   */
  route(name: string): Route {
    const route = this.#routes.get(name);
    if (route === undefined) throw new RangeError(`no route is called ${name}`);
    return route;
  }

  get pools(): Pool[] {
    return [...this.#pools.values()].map(({ pool }) => pool);
  }

  /** Looks after waiting requests. Call it on each tick. */
  tick(nowMs: number): void {
    for (const { queue } of this.#pools.values()) queue.tick(nowMs);
  }

  /** Another worker says that it is this one's turn to serve its queue. */
  called(nowMs: number): void {
    for (const { queue } of this.#pools.values()) queue.called(nowMs);
  }

  /** Looks after idle connections and opens some in advance. Call it about once a second. */
  tend(nowMs: number): void {
    for (const { pool } of this.#pools.values()) {
      pool.followAddresses();
      pool.warm(nowMs);
    }
  }

  /** Idle connections to servers. */
  idleConnections(): number {
    let idle = 0;
    for (const { servers } of this.pools) {
      for (const { endpoint } of servers) idle += endpoint.idle.length;
    }
    return idle;
  }

  closeIdle(): void {
    for (const live of this.#pools.values()) live.closeIdle();
  }

  #followPools({ pools, routes }: PathPlan): void {
    const gone = new Map(this.#pools);
    for (const plan of pools) {
      const { name } = plan.settings;
      const live = gone.get(name);
      gone.delete(name);
      if (live === undefined) {
        this.#pools.set(name, new LivePool(this.engine, this.#parts, plan));
      } else live.follow(plan);
    }
    const names = new Set(routes.map(({ name }) => name));
    for (const name of this.#routes.keys()) if (!names.has(name)) this.#routes.delete(name);
    for (const { name, pool: poolName, policy, waf: options } of routes) {
      const { pool } = this.#livePool(poolName);
      const route = this.#routes.get(name);
      const waf = this.#wafOf(options, route?.waf ?? null);
      const { guard } = this;
      if (route === undefined) this.#routes.set(name, { pool, guard, waf, policy });
      else Object.assign(route, { pool, guard, waf, policy });
    }
    for (const live of this.#pools.values()) live.retireServers();
    const nowMs = this.engine.clock.nowMs();
    for (const [name, live] of gone) {
      this.#pools.delete(name);
      // Without servers: who still waits is answered.
      live.followServers([]);
      live.retireServers();
      live.queue.tick(nowMs);
    }
  }

  #livePool(name: string): LivePool {
    const live = this.#pools.get(name);
    if (live === undefined) throw new RangeError(`no pool is called ${name}`);
    return live;
  }

  /** The same firewall as long as its options are the same: its rules are sorted when it is made. */
  #wafOf(options: WafOptions | null, present: Waf | null): Waf | null {
    if (options === null) return null;
    return present !== null && isDeepStrictEqual(present.options, options)
      ? present
      : this.#parts.waf(options);
  }
}
