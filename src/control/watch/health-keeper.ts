import type { Settings } from '../../config/schema.ts';
import { type StateChange, Upkeep } from '../../core/servers/upkeep.ts';
import { realClock } from '../../io/clock.ts';
import { guarded } from '../../observe/guarded.ts';
import type { Logger } from '../../observe/log.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';
import { probePlanOf, rebalancePlanOf, upkeepPlanOf } from './health-plan.ts';
import { Prober } from './prober.ts';
import { Rebalancer, type RebalancerEvents } from './rebalancer.ts';

/** How late a suspicion, the end of an ejection or of a recovery is seen at the most. */
const TURN_MS = 50;

/** Everything that the control thread does so that traffic meets working servers. */
export class HealthKeeper {
  readonly #prober: Prober;
  readonly #upkeep: Upkeep;
  readonly #rebalancer: Rebalancer;
  #timer: NodeJS.Timeout | null = null;

  /** @param events.onChange hears of every change of a server's or pool's state */
  constructor(
    table: SharedTable,
    settings: Settings,
    pool: PoolPlan,
    events: RebalancerEvents & { onChange(change: StateChange): void },
  ) {
    const onChange = (change: StateChange) => events.onChange(change);
    const nowMs = realClock.nowMs();
    this.#upkeep = new Upkeep(table, upkeepPlanOf(settings, pool), onChange, nowMs);
    this.#prober = new Prober(table, {
      onChange,
      onBack: (row) => this.#upkeep.cameBack(row, realClock.nowMs()),
    });
    this.#prober.apply(probePlanOf(settings, pool), nowMs);
    this.#rebalancer = new Rebalancer(table, events);
    this.#rebalancer.apply(rebalancePlanOf(settings, pool));
  }

  /** Follows other settings; what is known of servers that stay, stays known. */
  apply(settings: Settings, pool: PoolPlan): void {
    const nowMs = realClock.nowMs();
    this.#upkeep.apply(upkeepPlanOf(settings, pool), nowMs);
    this.#prober.apply(probePlanOf(settings, pool), nowMs);
    this.#rebalancer.apply(rebalancePlanOf(settings, pool));
  }

  start(log: Logger): void {
    const nowMs = () => realClock.nowMs();
    // Each by itself: probes go on where the rest is broken, and the other way round.
    const steps = [
      guarded(log, 'probes', () => this.#prober.turn(nowMs())),
      guarded(log, 'upkeep', () => this.#upkeep.turn(nowMs())),
      guarded(log, 'rebalancing', () => this.#rebalancer.turn(nowMs())),
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
    return this.#upkeep.failback('an operator said so');
  }

  /** An operator brought a server back: it starts slowly, and is ejected no longer. */
  cameBack(row: number): void {
    this.#upkeep.cameBack(row, realClock.nowMs());
  }
}
