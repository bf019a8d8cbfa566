import { NetworkSet } from '../base/network-set.ts';
import { TrustedProxies } from '../core/forward/client-address.ts';
import { Rate } from '../core/limits/rate.ts';
import { SourceRates } from '../core/limits/source-rates.ts';
import { Guard, type Limits } from '../core/routes/guard.ts';
import type { SharedTable } from '../table/table.ts';
import type { GuardPlan, LimitsPlan, RatePlan } from './worker-plan.ts';

/** Judges connections and requests before any other work is done for them. */
export function createGuard(plan: GuardPlan, table: SharedTable): Guard {
  const { access } = plan;
  return new Guard(
    proxiesOf(plan),
    access === null
      ? null
      : {
          allowed: access.allowed === null ? null : NetworkSet.open(access.allowed),
          denied: NetworkSet.open(access.denied),
        },
    plan.limits === null ? null : limitsOf(plan.limits),
    table.seed,
  );
}

/** The proxies in front of us that may name the client. */
function proxiesOf({ trusted, trustsUnixPeers, trustedHeader }: GuardPlan): TrustedProxies {
  return new TrustedProxies(NetworkSet.open(trusted), trustsUnixPeers, trustedHeader);
}

function limitsOf(plan: LimitsPlan): Limits {
  const perSource = rateOf(plan.perSource);
  const overall = rateOf(plan.overall);
  const isLimited = perSource !== null || overall !== null;
  return {
    observes: plan.observes,
    connectionsMax: plan.connectionsMax,
    rates: isLimited ? new SourceRates(plan.memory, perSource, overall) : null,
    perSource,
    overall,
    exempt: NetworkSet.open(plan.exempt),
  };
}

function rateOf(plan: RatePlan | null): Rate | null {
  return plan === null ? null : new Rate(plan.perSecond, plan.burst);
}
