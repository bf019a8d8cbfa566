/**
 * Times in the shared table are milliseconds in 32 bits, which wrap every 49 days: they are
 * compared by their difference, and lie at most 24 days apart.
 */

/** A time as a cell holds it; never 0, which means that there is none. */
export function cellTime(ms: number): number {
  return ms | 0 || 1;
}

/** Whether a time in a cell has come. */
export function hasCome(cellMs: number, nowMs: number): boolean {
  return (((nowMs | 0) - cellMs) | 0) >= 0;
}
