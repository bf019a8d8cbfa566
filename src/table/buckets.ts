/**
 * Buckets of the histograms: bounds that grow by about 1.4, fine enough for a quantile within a
 * few percent, and among them the 1-2-5 series that Prometheus is told.
 */

/** Upper bounds in milliseconds, inclusive; the last bucket, beyond them, has none. */
export const BOUNDS_MS: readonly number[] = [
  0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700,
  1000, 1500, 2000, 3000, 5000, 7000, 10_000, 15_000, 30_000, 60_000, 600_000, 3_600_000,
];
export const BUCKETS = BOUNDS_MS.length + 1;

/** The first bucket that a value of `n` binary digits of microseconds can fall into. */
const FIRST_OF_DIGITS = Uint8Array.from({ length: 33 }, (_, digits) => {
  const leastMs = digits === 0 ? 0 : 2 ** (digits - 1) / 1000;
  const at = BOUNDS_MS.findIndex((bound) => leastMs <= bound);
  return at === -1 ? BOUNDS_MS.length : at;
});

/** Bucket of a time. Two or three comparisons: it is called some times for each request. */
export function bucketOf(ms: number): number {
  const us = Math.min(Math.max(ms, 0) * 1000, 0x7fffffff) | 0;
  let at = FIRST_OF_DIGITS[32 - Math.clz32(us)]!;
  while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at += 1;
  return at;
}

/**
 * The time below which a share of the counted ones lies, between the bounds of its bucket by their
 * number; 0 where nothing was counted.
 *
 * @param counts of each bucket, not cumulated
 * @param share 0 to 1
 */
export function quantileMs(counts: Float64Array, share: number): number {
  let total = 0;
  for (let at = 0; at < BUCKETS; at++) total += counts[at]!;
  if (total <= 0) return 0;
  let rank = share * total;
  for (let at = 0; at < BUCKETS; at++) {
    const count = counts[at]!;
    if (rank > count || count === 0) {
      rank -= count;
      continue;
    }
    const low = at === 0 ? 0 : BOUNDS_MS[at - 1]!;
    const high = BOUNDS_MS[at] ?? low;
    return low + (high - low) * Math.max(0, rank / count);
  }
  return BOUNDS_MS[BOUNDS_MS.length - 1]!;
}
