import type { Exchange } from './exchange.ts';

/**
 * Whether a failed attempt may be followed by another (spec §6).
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
export function mayRetry(exchange: Exchange, wasSent: boolean, wasStale: boolean): boolean {
  if (exchange.clientHasSeenBytes) return false;
  if (wasSent && !exchange.isIdempotent) return false;
  if (!exchange.canReplay) return false;
  const attemptsMax = exchange.pool!.settings.retries + 1;
  // A stale connection is met at most once: the next attempt opens a fresh one.
  return exchange.attempts < attemptsMax || (wasStale && !exchange.needsFreshConnection);
}
