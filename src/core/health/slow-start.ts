/**
 * Slow start: a server that was added or came back gets a share that grows linearly from 10% to
 * all of it, so that its caches and just-in-time compilers are not run over. The share stands in
 * the table; the control thread keeps it up to date.
 */
import type { SharedTable } from '../../table/table.ts';

/** The smallest share, in percent. */
const PERCENT_MIN = 10;

/** @param slowStartMs 0: the server gets all of its share at once */
export function startSlowly(
  table: SharedTable,
  row: number,
  slowStartMs: number,
  nowMs: number,
): void {
  if (slowStartMs === 0) return;
  table.slowStarts.setSinceMs(row, nowMs);
  table.slowStarts.setSharePercent(row, PERCENT_MIN);
  table.raiseGeneration();
}

/** Brings the share up to date. Control thread only. */
export function growShare(
  table: SharedTable,
  row: number,
  slowStartMs: number,
  nowMs: number,
): void {
  const { slowStarts } = table;
  if (slowStarts.sharePercent(row) === 100) return;
  const percent = sharePercent(((nowMs | 0) - slowStarts.sinceMs(row)) | 0, slowStartMs);
  slowStarts.setSharePercent(row, percent);
  if (percent === 100) table.raiseGeneration();
}

/** @returns the share of a server that started `elapsedMs` ago, in percent from 10 to 100 */
export function sharePercent(elapsedMs: number, slowStartMs: number): number {
  if (elapsedMs >= slowStartMs) return 100;
  return Math.max(PERCENT_MIN, Math.floor((100 * elapsedMs) / slowStartMs));
}
