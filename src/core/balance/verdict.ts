import { ADMIN, HEALTH } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';

/**
 * Whether a server may be given a request, and if not, why: the one answer that traffic,
 * persistence and `lb explain` go by. The gravest reason that applies.
 *
 * From `draining` on, the server works and has room, if only for clients that persistence binds
 * to it.
 */
export const VERDICT = {
  /** The operator took it out, sticky clients included. */
  maintenance: 0,
  /** Its health checks or live traffic failed. */
  down: 1,
  /** This request was sent to it already. */
  tried: 2,
  /** It has as many requests in flight as it may. */
  full: 3,
  /** It keeps what it has and gets nothing new. */
  draining: 4,
  /** It waits behind servers that come first: a backup while a primary is usable. */
  standby: 5,
  usable: 6,
} as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** The part of a verdict that holds for every request until the table's generation changes. */
export type Standing =
  | typeof VERDICT.maintenance
  | typeof VERDICT.down
  | typeof VERDICT.draining
  | typeof VERDICT.usable;

/** What health and the operator say. */
export function standingOf(table: SharedTable, row: number): Standing {
  const admin = table.admin(row);
  if (admin === ADMIN.maintenance) return VERDICT.maintenance;
  if (table.health(row) === HEALTH.down) return VERDICT.down;
  if (admin === ADMIN.draining) return VERDICT.draining;
  return VERDICT.usable;
}
