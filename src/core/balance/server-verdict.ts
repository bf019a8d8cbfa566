import { ADMIN, BREAKER, HEALTH } from '../../table/layout.ts';
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
  /** Its probes failed. */
  down: 1,
  /** Its breaker is open: live traffic failed, and nothing goes there for a while. */
  open: 2,
  /** Its breaker is half-open: one trial at a time goes there. */
  halfOpen: 3,
  /** It did much worse than the others and is left out for a while. */
  ejected: 4,
  /** This request was sent to it already. */
  tried: 5,
  /** It has as many requests in flight as it may. */
  full: 6,
  /** It keeps what it has and gets nothing new: an operator drains it, or gave it the weight 0. */
  draining: 7,
  /** It waits behind servers that come first: a backup while a primary is usable. */
  standby: 8,
  usable: 9,
} as const;
export type ServerVerdict = (typeof VERDICT)[keyof typeof VERDICT];

/** The part of a verdict that holds for every request until the table's generation changes. */
export type Standing =
  | typeof VERDICT.maintenance
  | typeof VERDICT.down
  | typeof VERDICT.open
  | typeof VERDICT.halfOpen
  | typeof VERDICT.ejected
  | typeof VERDICT.draining
  | typeof VERDICT.usable;

const REASONS: Readonly<Record<ServerVerdict, string>> = {
  [VERDICT.maintenance]: 'an operator took it out',
  [VERDICT.down]: 'its probes fail',
  [VERDICT.open]: 'its breaker is open',
  [VERDICT.halfOpen]: 'its breaker is half-open, and its one trial is not for this request',
  [VERDICT.ejected]: 'it is ejected: live traffic did worse there than elsewhere',
  [VERDICT.tried]: 'this request was already sent there',
  [VERDICT.full]: 'it has reached its max_connections',
  [VERDICT.draining]: 'it is draining: only clients bound to it go there',
  [VERDICT.standby]: 'it is on standby while others serve',
  [VERDICT.usable]: 'it is usable',
};

/** How status and logs spell it. */
export function verdictName(verdict: ServerVerdict): string {
  const [name] = Object.entries(VERDICT).find(([, one]) => one === verdict)!;
  return name;
}

/** The verdict as a reason, for people. */
export function verdictReason(verdict: ServerVerdict): string {
  return REASONS[verdict];
}

/** What the operator, the probes and live traffic say. */
export function standingOf(table: SharedTable, row: number): Standing {
  const admin = table.admin(row);
  if (admin === ADMIN.maintenance) return VERDICT.maintenance;
  if (table.health(row) === HEALTH.down) return VERDICT.down;
  const breaker = table.breakers.state(row);
  if (breaker === BREAKER.open) return VERDICT.open;
  if (breaker === BREAKER.halfOpen) return VERDICT.halfOpen;
  if (table.ejections.untilMs(row) !== 0) return VERDICT.ejected;
  if (!table.takesNew(row)) return VERDICT.draining;
  return VERDICT.usable;
}
