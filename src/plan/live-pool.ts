import { Chooser } from '../core/balance/choose.ts';
import { createStrategy, type StrategyName } from '../core/balance/registry.ts';
import type { Strategy } from '../core/balance/strategy.ts';
import type { WorkerContext } from '../core/ports/worker-context.ts';
import { Pool } from '../core/servers/pool.ts';
import { Server } from '../core/servers/server.ts';
import type { ServerPlan } from '../core/servers/settings.ts';
import { WaitQueue } from '../core/servers/wait-queue.ts';
import { createPersistence } from './make-persistence.ts';
import { keyOfStrategy } from './strategy-key.ts';
import type { PoolPlan } from './worker-plan.ts';

/** Factories of a pool's parts; the simulation passes instrumented ones. */
export const POOL_PARTS = {
  server: (...given: ConstructorParameters<typeof Server>) => new Server(...given),
  chooser: (...given: ConstructorParameters<typeof Chooser<Server>>) => new Chooser(...given),
  queue: (...given: ConstructorParameters<typeof WaitQueue<Pool>>) => new WaitQueue<Pool>(...given),
  pool: (...given: ConstructorParameters<typeof Pool>) => new Pool(...given),
};
export type PoolParts = typeof POOL_PARTS;

/**
 * A pool over all its plans. A new plan makes a new `Pool`; what has to outlive a plan stays: the
 * queue with who waits in it, the strategy with its turns, servers with their connections.
 */
export class LivePool {
  readonly queue: WaitQueue<Pool>;
  pool: Pool;
  readonly #context: WorkerContext;
  readonly #parts: PoolParts;
  #plan: PoolPlan;
  /** Servers that are to be retired. */
  readonly #leaving: Server[] = [];
  #strategy: { name: StrategyName; instance: Strategy } | null = null;

  constructor(context: WorkerContext, parts: PoolParts, plan: PoolPlan) {
    this.#context = context;
    this.#parts = parts;
    this.#plan = plan;
    this.queue = parts.queue(context, plan.settings.row);
    this.pool = this.#make(plan, []);
  }

  /**
   * Makes the pool of another plan; who waits here goes by it from now on. `retireServers` follows
   * as soon as new requests do so too.
   */
  follow(plan: PoolPlan): void {
    const before = this.pool.servers;
    this.#plan = plan;
    this.pool = this.#make(plan, before);
    const kept = new Set(this.pool.servers);
    this.#leaving.push(...before.filter((server) => !kept.has(server)));
  }

  /** As `follow`, where nothing but the servers has changed. */
  followServers(servers: readonly ServerPlan[]): void {
    this.follow({ ...this.#plan, servers });
  }

  /** Retires the servers that are no longer in the plan, and gives away the room this makes. */
  retireServers(): void {
    for (const server of this.#leaving.splice(0)) server.endpoint.retire();
  }

  closeIdle(): void {
    for (const { endpoint } of this.pool.servers) endpoint.closeIdle();
  }

  #make(plan: PoolPlan, before: readonly Server[]): Pool {
    const { table, random } = this.#context;
    const old = new Map(before.map((server) => [server.row, server]));
    const servers = plan.servers.map((one) => {
      const server = old.get(one.row);
      return server?.isOf(one) ? server.follow(one) : this.#parts.server(one, this.#context);
    });
    const chooser = this.#parts.chooser({
      servers,
      strategy: this.#strategyNamed(plan.strategy),
      table,
      poolRow: plan.settings.row,
      random,
      panicThresholdPercent: plan.panicThresholdPercent,
    });
    return this.#parts.pool(
      this.#context,
      plan.settings,
      servers,
      chooser,
      keyOfStrategy(plan.strategy, plan.strategyKey),
      createPersistence(plan.persistence, plan.servers),
      this.queue,
    );
  }

  /** The same instance as long as the name is the same, so that turns go on over a reload. */
  #strategyNamed(name: StrategyName): Strategy {
    if (this.#strategy?.name !== name) {
      this.#strategy = { name, instance: createStrategy(name, this.#context.random) };
    }
    return this.#strategy.instance;
  }
}
