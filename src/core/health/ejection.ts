/**
 * Ejection: a server that does much worse than the others of its pool is left out for a while.
 *
 * Workers eject by failures in a row, the control thread by what it compares at an interval. Each
 * ejection of a server lasts longer than its last one. At most a share of a pool is out at a time,
 * though always one may be; to hold that over all threads a thread ejects only while it has the
 * pool's lock, and one that finds it taken lets it be: the next failure asks again.
 *
 * (Envoy's outlier detection, "Outlier detection" in its architecture overview.)
 */
import type { SharedTable } from '../../table/table.ts';
import { cellTime, hasCome } from '../../table/table-time.ts';

export interface EjectionSettings {
  /** Failures in a row in live traffic that eject a server; 0: they never do. */
  readonly failuresInRow: number;
  /** How long the first ejection lasts; each repetition lasts as much longer. */
  readonly ejectionMs: number;
  readonly ejectionMsMax: number;
  /** Most servers of a pool that are out at a time, in percent; one always may be. */
  readonly ejectedPercentMax: number;
}

/** The servers among which one can be an outlier. */
export interface EjectionPool {
  readonly row: number;
  readonly servers: readonly { readonly row: number }[];
}

/** Who takes the pool's lock: a worker's lane + 1, or the control thread. */
export const CONTROL_THREAD = -1;

export function isEjected(table: SharedTable, row: number): boolean {
  return table.ejections.untilMs(row) !== 0;
}

/** A live failure that no breaker counts. @returns whether it ejected the server */
export function countFailureInRow(
  table: SharedTable,
  pool: EjectionPool,
  row: number,
  settings: EjectionSettings,
  owner: number,
  nowMs: number,
): boolean {
  const failures = table.ejections.addFailureInRow(row);
  if (settings.failuresInRow === 0 || failures < settings.failuresInRow) return false;
  if (othersFailToo(table, pool, row)) return false;
  return eject(table, pool, row, settings, owner, nowMs);
}

/** Whether the last thing that live traffic heard of a server was a failure. */
export function isFailing(table: SharedTable, row: number): boolean {
  return table.ejections.failuresInRow(row) > 0 || table.breakers.failures(row) > 0;
}

export function endFailuresInRow(table: SharedTable, row: number): void {
  const { ejections } = table;
  if (ejections.failuresInRow(row) !== 0) ejections.setFailuresInRow(row, 0);
}

/**
 * Leaves a server out, for longer the more often it was.
 *
 * @returns false where it is out already, no more may be, or another thread is at it
 */
export function eject(
  table: SharedTable,
  pool: EjectionPool,
  row: number,
  settings: EjectionSettings,
  owner: number,
  nowMs: number,
): boolean {
  const { ejections } = table;
  if (!ejections.lock(pool.row, owner)) return false;
  const mayEject = !isEjected(table, row) && hasRoom(table, pool, settings);
  if (mayEject) {
    const level = ejections.addEjection(row);
    const forMs = Math.min(settings.ejectionMs * (level + 1), settings.ejectionMsMax);
    ejections.setUntilMs(row, cellTime(nowMs + forMs));
  }
  ejections.unlock(pool.row);
  if (mayEject) table.raiseGeneration();
  return mayEject;
}

/**
 * Ends an ejection whose time is over. The server is on probation: until its first success one
 * failure is enough to eject it again, or it would harm as many requests each time. Control
 * thread only.
 */
export function readmitInTime(
  table: SharedTable,
  row: number,
  settings: EjectionSettings,
  nowMs: number,
): boolean {
  const until = table.ejections.untilMs(row);
  if (until === 0 || !hasCome(until, nowMs)) return false;
  return readmit(table, row, Math.max(0, settings.failuresInRow - 1));
}

/**
 * Ends an ejection. Control thread only.
 *
 * @param failuresInRow what the server begins with
 * @returns whether it was ejected
 */
export function readmit(table: SharedTable, row: number, failuresInRow = 0): boolean {
  table.ejections.setFailuresInRow(row, failuresInRow);
  if (!table.ejections.end(row)) return false;
  table.raiseGeneration();
  return true;
}

/** One step back for a server that has behaved for a time. Control thread only. */
export function forgive(table: SharedTable, row: number): void {
  const { ejections } = table;
  if (!isEjected(table, row) && ejections.level(row) > 0) ejections.lowerLevel(row);
}

/** Where half of the others fail as well, none stands out: it is the requests, or the network. */
function othersFailToo(table: SharedTable, pool: EjectionPool, row: number): boolean {
  let others = 0;
  let failing = 0;
  for (const server of pool.servers) {
    if (server.row === row) continue;
    others += 1;
    if (isFailing(table, server.row)) failing += 1;
  }
  return failing * 2 >= others;
}

function hasRoom(table: SharedTable, pool: EjectionPool, settings: EjectionSettings): boolean {
  let out = 0;
  for (const server of pool.servers) if (isEjected(table, server.row)) out += 1;
  const most = Math.floor((pool.servers.length * settings.ejectedPercentMax) / 100);
  return out < Math.max(1, most);
}
