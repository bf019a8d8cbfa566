/**
 * Which tunnels to close so that long-lived connections spread again once a server has joined or
 * come back. A tunnel stays where it was opened: without this, the servers that were there in bad
 * times carry the tunnels for days.
 */
import { sum } from '../../base/sum.ts';

/** A server that takes new tunnels, or that others have relieved. */
export interface TunnelBearer {
  readonly row: number;
  /** 0: it gets nothing new, and need not keep what it has. */
  readonly weight: number;
  readonly tunnels: number;
}

export interface Surplus {
  readonly row: number;
  readonly count: number;
}

/**
 * What each server has beyond its share, cut down in proportion to what may be closed at all.
 *
 * @param mostPercent of all open tunnels that may be closed, 0 to 100; where that is less than one,
 *   one may be
 */
export function surplusOf(servers: readonly TunnelBearer[], mostPercent: number): Surplus[] {
  const tunnels = sum(servers.map((server) => server.tunnels));
  const weights = sum(servers.map((server) => server.weight));
  if (tunnels === 0 || weights === 0 || mostPercent === 0) return [];
  const beyond = servers.map((server) =>
    Math.max(0, server.tunnels - Math.ceil((tunnels * server.weight) / weights)),
  );
  const most = Math.max(1, Math.floor((tunnels * mostPercent) / 100));
  const counts = apportion(Math.min(most, sum(beyond)), beyond);
  return servers.flatMap(({ row }, at) => (counts[at] === 0 ? [] : [{ row, count: counts[at]! }]));
}

/** Divides a whole number in proportion to parts, by largest remainders; no share is above its part. */
export function apportion(count: number, parts: readonly number[]): number[] {
  const total = sum(parts);
  if (total === 0) return parts.map(() => 0);
  const exact = parts.map((part) => (count * part) / total);
  const shares = exact.map(Math.floor);
  const byRemainder = exact
    .map((share, at) => ({ at, remainder: share - Math.floor(share) }))
    .sort((one, other) => other.remainder - one.remainder);
  const left = count - sum(shares);
  for (const { at } of byRemainder.slice(0, left)) shares[at]! += 1;
  return shares;
}
