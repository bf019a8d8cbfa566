/**
 * Buckets of the histograms: the bounds that scrapers are told, and between them bounds that grow by
 * 6% at the most, so that a quantile, told as the middle of its bucket, is within 3% of the truth
 * from 0.1 ms to an hour, and exactly on the right side of every told bound.
 */

/** Upper bounds in milliseconds that scrapers are told: few enough to store. */
export const TOLD_BOUNDS_MS: readonly number[] = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000,
  600_000, 3_600_000,
];
/** Below the first of them all that counts is what is too little to see. */
const LEAST_MS = 0.05;
const GROWTH_MAX = 1.06;

/** Upper bounds in milliseconds, inclusive; the last bucket, beyond them, has none. */
export const BOUNDS_MS: readonly number[] = [
  LEAST_MS,
  ...[LEAST_MS, ...TOLD_BOUNDS_MS].flatMap((low, at) => {
    const high = TOLD_BOUNDS_MS[at];
    return high === undefined ? [] : boundsUpTo(low, high);
  }),
];
export const BUCKETS = BOUNDS_MS.length + 1;

function boundsUpTo(low: number, high: number): number[] {
  const steps = Math.ceil(Math.log(high / low) / Math.log(GROWTH_MAX));
  const between = Array.from({ length: steps - 1 }, (_, at) => {
    return low * (high / low) ** ((at + 1) / steps);
  });
  return [...between, high];
}

/**
 * Microseconds by their first six binary digits: what is below 64 as it is, and 32 classes for each
 * power of two above. A class is narrower than a bucket.
 */
function classOf(us: number): number {
  const shift = Math.max(0, 26 - Math.clz32(us));
  return shift * 32 + (us >>> shift);
}

const US_MAX = 0x7fffffff;

/** The first bucket that a value of each class can fall into. */
const FIRST_OF_CLASS = Uint16Array.from({ length: classOf(US_MAX) + 1 }, (_, one) => {
  const shift = Math.max(0, (one >>> 5) - 1);
  const leastMs = ((one - shift * 32) * 2 ** shift) / 1000;
  // A hair less, for microseconds are rounded on the way here.
  const at = BOUNDS_MS.findIndex((bound) => leastMs * (1 - 1e-9) <= bound);
  return at === -1 ? BOUNDS_MS.length : at;
});

/** Bucket of a time. Two or three comparisons: it is called some times for each request. */
export function bucketOf(ms: number): number {
  let at = FIRST_OF_CLASS[classOf(Math.min(Math.max(ms, 0) * 1000, US_MAX) | 0)]!;
  while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at += 1;
  return at;
}

/**
 * The time below which a share of the counted ones lies, as the middle of its bucket; 0 where
 * nothing was counted.
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
    return (low + (BOUNDS_MS[at] ?? low)) / 2;
  }
  return BOUNDS_MS[BOUNDS_MS.length - 1]!;
}
