import { sum } from '../../base/sum.ts';
import { type ServerVerdict, standingOf, VERDICT } from '../../core/balance/server-verdict.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';
import { ADMIN, HEALTH } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';
import type { ServerFacts } from './conditions.ts';
import type { ServerChanges } from './server-changes.ts';
import type { TrafficHistory } from './traffic-history.ts';

const BROKEN: ReadonlySet<ServerVerdict> = new Set([VERDICT.open, VERDICT.halfOpen]);

/** What is remembered of servers. */
interface Past {
  readonly history: Pick<TrafficHistory, 'server'>;
  readonly changes: Pick<ServerChanges, 'said'>;
}

/** The servers as alerts look at them. @param windowMs the time that alerts look at */
export function serverFactsOf(
  table: SharedTable,
  { pools }: WorkerPlan,
  { history, changes }: Past,
  windowMs: number,
): ServerFacts[] {
  const seconds = Math.ceil(windowMs / 1000);
  const rows = pools.flatMap(({ settings, servers }) =>
    servers.map(({ label, row }) => ({ pool: settings.name, label, row })),
  );
  return rows.map(({ pool, label, row }) => {
    const { requests, errors, p99Ms } = history.server(row);
    return {
      pool,
      label,
      isDown: table.health(row) === HEALTH.down,
      isActive: table.admin(row) === ADMIN.active,
      isBreakerOpen: BROKEN.has(standingOf(table, row)),
      whyHealth: changes.said('health', label)?.why ?? '',
      whyBreaker: changes.said('breaker', label)?.why ?? '',
      requests: sum(requests),
      errors: sum(errors),
      p99Ms: middle(p99Ms.slice(-seconds).filter((value) => value >= 0)),
    };
  });
}

/** The middle value; -1 of none. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? -1;
}
