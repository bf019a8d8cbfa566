import { NetworkSet } from '../base/network-set.ts';
import type { Settings } from '../config/schema.ts';
import { Rate } from '../core/limits/rate.ts';
import { SOURCES_MAX, SourceRates } from '../core/limits/source-rates.ts';
import type { GuardPlan, LimitsPlan, RatePlan } from '../worker/plan.ts';

/** What limits keep over reloads: what each client asked lately, as long as its rate is the same. */
export class GuardState {
  #limits: LimitsPlan | null = null;
  #rates: SourceRates | null = null;

  /** What the data threads need of the settings. */
  planOf(settings: Settings): GuardPlan {
    const { security, trusted_proxies } = settings.load_balancing;
    const { enabled, allowlist, denylist } = security.access_control;
    return {
      trusted: NetworkSet.of(trusted_proxies).memory,
      access: enabled
        ? {
            allowed: allowlist.length === 0 ? null : NetworkSet.of(allowlist).memory,
            denied: NetworkSet.of(denylist).memory,
          }
        : null,
      limits: this.#limitsOf(settings),
    };
  }

  /** The data threads follow this plan now. */
  follow({ limits }: GuardPlan): void {
    this.#limits = limits;
    const rates = limits === null ? [] : [newRate(limits.perSource), newRate(limits.overall)];
    const [perSource = null, overall = null] = rates;
    this.#rates = limits === null ? null : new SourceRates(limits.memory, perSource, overall);
  }

  /** To be called about once a second. @param nowMs of the clock that the data threads read */
  refresh(nowMs: number): void {
    this.#rates?.refresh(nowMs);
  }

  #limitsOf(settings: Settings): LimitsPlan | null {
    const limiting = settings.load_balancing.performance.rate_limiting;
    if (!limiting.enabled) return null;
    const { burst } = limiting;
    const each = limiting.max_requests_per_second_per_ip;
    const all = limiting.max_requests_per_second;
    const perSource = rateOf(each, burst);
    // The burst is that of one client, where clients are limited one by one.
    const overall = rateOf(all, perSource === null ? burst : undefined);
    return {
      observes: limiting.mode === 'observe',
      connectionsMax: limiting.max_connections_per_ip ?? 0,
      perSource,
      overall,
      memory: this.#memoryFor(perSource, overall),
      exempt: NetworkSet.of(limiting.exempt).memory,
    };
  }

  /** The memory is counted in intervals of the rates: others need another. */
  #memoryFor(perSource: RatePlan | null, overall: RatePlan | null): SharedArrayBuffer {
    const before = this.#limits;
    if (
      before !== null &&
      before.perSource?.perSecond === perSource?.perSecond &&
      before.overall?.perSecond === overall?.perSecond
    ) {
      return before.memory;
    }
    return SourceRates.create(SOURCES_MAX);
  }
}

function rateOf(perSecond: number | undefined, burst: number | undefined): RatePlan | null {
  return perSecond === undefined ? null : { perSecond, burst: burst ?? perSecond };
}

function newRate(plan: RatePlan | null): Rate | null {
  return plan === null ? null : new Rate(plan.perSecond, plan.burst);
}
