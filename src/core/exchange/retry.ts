import type { Exchange } from './exchange.ts';

/**
 * Whether a failed attempt may be followed by another (spec §6), a place in the retry budget apart.
 *
 * RFC 9110 §9.2.2: a proxy must not repeat a request by itself that is not idempotent, unless it
 * knows that it was not executed; and a connection that closed without a byte of response proves
 * nothing. So what was sent is sent again only where the method allows it, and what of the body
 * has flowed is still at hand.
 *
 * @param wasSent whether any byte of the request may have reached the server
 * @param wasStale whether a kept-alive connection turned out to be closed: not the server's
 *   failure, and not counted as one of the attempts
 */
export function mayRetry(
  exchange: Exchange,
  wasSent: boolean,
  wasStale: boolean,
  nowMs: number,
): boolean {
  if (exchange.clientHasSeenBytes) return false;
  if (wasSent && !exchange.isIdempotent) return false;
  if (!exchange.canReplay) return false;
  // A stale connection is met at most once: the next attempt opens a fresh one.
  if (wasStale) return !exchange.needsFreshConnection;
  const { retries, retryBudgetPercent } = exchange.pool!.settings;
  if (exchange.attempts > retries || retryBudgetPercent === 0) return false;
  return !isTooLate(exchange, nowMs);
}

/** Whether the request came so long ago that no further attempt begins (`failover.timeout`). */
export function isTooLate(exchange: Exchange, nowMs: number): boolean {
  const { retryWithinMs } = exchange.pool!.settings;
  return retryWithinMs !== 0 && nowMs - exchange.startedMs >= retryWithinMs;
}
