import type { Random } from '../../base/random.ts';

/** So many retries may always be under way, or a quiet pool could make none. */
const RETRIES_MIN = 3;
const BACKOFF_MS_MIN = 25;
const BACKOFF_MS_MAX = 250;

/**
 * How many retries may be under way in a pool: a share of its live requests, so that retries
 * cannot multiply an outage. (Finagle and Envoy have 20% and at least 3 as well.)
 */
export function retriesMax(liveRequests: number, budgetPercent: number): number {
  if (budgetPercent === 0) return 0;
  return Math.max(RETRIES_MIN, Math.floor((liveRequests * budgetPercent) / 100));
}

/**
 * How long to wait before a request goes to servers again that have failed it: doubled each
 * time, with full jitter, so that those who failed together do not come back together.
 *
 * @param round 0 for the first wait of a request
 * @returns milliseconds, from 25 to 250
 */
export function backoffMs(round: number, random: Random): number {
  const most = Math.min(BACKOFF_MS_MIN * 2 ** (round + 1), BACKOFF_MS_MAX);
  return BACKOFF_MS_MIN + random() * (most - BACKOFF_MS_MIN);
}
