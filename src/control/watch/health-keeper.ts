import type { Settings } from '../../config/schema.ts';
import { type StateChange, Upkeep, type UpkeepPlan } from '../../core/servers/upkeep.ts';
import { realClock } from '../../io/real-clock.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Logger } from '../../observe/log.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import { probePlanOf, rebalancePlanOf, upkeepPlanOf } from './health-plan.ts';
import { Prober } from './prober.ts';
import { Rebalancer, type RebalancerEvents } from './rebalancer.ts';

/** How late a suspicion, the end of an ejection or of a recovery is seen at the most. */
const TURN_MS = 50;

type HealthEvents = RebalancerEvents & {
  /** Hears of every change of a server's or pool's state. */
  onChange(change: StateChange): void;
};

/** Everything that the control thread does so that traffic meets working servers. */
export class HealthKeeper {
  readonly #table: SharedTable;
  readonly #events: HealthEvents;
  readonly #prober: Prober;
  /** By name. */
  #pools = new Map<string, KeptPool>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    table: SharedTable,
    settings: Settings,
    pools: readonly PoolPlan[],
    events: HealthEvents,
  ) {
    this.#table = table;
    this.#events = events;
    this.#prober = new Prober(table, {
      onChange: (change) => events.onChange(change),
      onBack: (row) => this.cameBack(row),
    });
    this.apply(settings, pools);
  }

  /** Follows other settings; what is known of servers that stay, stays known. */
  apply(settings: Settings, pools: readonly PoolPlan[]): void {
    const nowMs = realClock.nowMs();
    const before = this.#pools;
    this.#pools = new Map(
      pools.map((pool) => {
        const { name } = pool.settings;
        const upkeepPlan = upkeepPlanOf(settings, pool);
        const kept = before.get(name) ?? this.#newPool(upkeepPlan, nowMs);
        if (before.has(name)) kept.upkeep.apply(upkeepPlan, nowMs);
        return [name, kept];
      }),
    );
    const servers = pools.flatMap((pool) => pool.servers);
    this.#prober.apply(probePlanOf(settings, servers), nowMs);
    for (const pool of pools) {
      const { rebalancer } = this.#pools.get(pool.settings.name)!;
      rebalancer.apply(rebalancePlanOf(settings, pool));
    }
  }

  #newPool(plan: UpkeepPlan, nowMs: number): KeptPool {
    const onChange = (change: StateChange) => this.#events.onChange(change);
    return {
      upkeep: new Upkeep(this.#table, plan, onChange, nowMs),
      rebalancer: new Rebalancer(this.#table, this.#events),
    };
  }

  start(log: Logger): void {
    const nowMs = () => realClock.nowMs();
    // Each by itself: probes go on where the rest is broken, and the other way round.
    const steps = [
      guarded(log, 'probes', () => this.#prober.turn(nowMs())),
      guarded(log, 'upkeep', () => this.#each(({ upkeep }) => upkeep.turn(nowMs()))),
      guarded(log, 'rebalancing', () => this.#each(({ rebalancer }) => rebalancer.turn(nowMs()))),
    ];
    this.#timer = setInterval(() => {
      for (const step of steps) step();
    }, TURN_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#prober.close();
  }

  /** An operator gives the traffic back to the primaries. @returns false: they have it */
  failback(): boolean {
    const said = [...this.#pools.values()].map(({ upkeep }) =>
      upkeep.failback('requested by an operator'),
    );
    return said.includes(true);
  }

  /** A server is back, by its probes or an operator: it starts slowly, and is ejected no longer. */
  cameBack(row: number): void {
    const nowMs = realClock.nowMs();
    this.#each(({ upkeep }) => upkeep.has(row) && upkeep.cameBack(row, nowMs));
  }

  #each(step: (pool: KeptPool) => void): void {
    for (const pool of this.#pools.values()) step(pool);
  }
}

/** What is done for one pool. */
interface KeptPool {
  readonly upkeep: Upkeep;
  readonly rebalancer: Rebalancer;
}
