import type { PoolSettings } from '../servers/settings.ts';

/** What decides whether a request may be retried. */
export interface RetriedRequest {
  readonly pool: { readonly settings: PoolSettings } | null;
  /** When it came. */
  readonly startedMs: number;
  /** So far. */
  readonly attempts: number;
  readonly isIdempotent: boolean;
  /** Whether every byte of the body that came so far could be sent once more. */
  readonly canReplay: boolean;
  /** Whether the client has seen anything of a response, an interim one included. */
  readonly clientHasSeenBytes: boolean;
  /** It met a kept-alive connection that had just been closed. */
  readonly needsFreshConnection: boolean;
}

/**
 * Whether a failed attempt may be retried (spec §6), apart from the retry budget.
 *
 * RFC 9110 §9.2.2: a proxy must not repeat a request by itself that is not idempotent, unless it
 * knows that it was not executed; and a connection that closed without a byte of response proves
 * nothing. So what was sent is sent again only where the method allows it, and what of the body has
 * flowed is still at hand.
 *
 * @param wasSent whether any byte of the request may have reached the server
 * @param wasStale whether a kept-alive connection turned out to be closed: not the server's
 *   failure, and not counted as one of the attempts
 */
export function mayRetry(
  request: RetriedRequest,
  wasSent: boolean,
  wasStale: boolean,
  nowMs: number,
): boolean {
  if (request.clientHasSeenBytes) return false;
  if (wasSent && !request.isIdempotent) return false;
  if (!request.canReplay) return false;
  // A stale connection is met at most once: the next attempt opens a fresh one.
  if (wasStale) return !request.needsFreshConnection;
  const { retries, retryBudgetPercent } = request.pool!.settings;
  if (request.attempts > retries || retryBudgetPercent === 0) return false;
  return !isTooLate(request, nowMs);
}

/** Whether the request is too old for another attempt (`failover.timeout`). */
export function isTooLate(request: RetriedRequest, nowMs: number): boolean {
  const { retryWithinMs } = request.pool!.settings;
  return retryWithinMs !== 0 && nowMs - request.startedMs >= retryWithinMs;
}
