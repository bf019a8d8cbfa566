import { plainIp } from '../../base/address.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { Peer } from '../sticky/persistence.ts';

/** Hops of a forwarding header that are looked at; longer chains are nobody's. */
const HOPS_MAX = 32;

/**
 * The address of the client: the peer's, or, where trusted proxies stand between, the first one
 * from the right of X-Forwarded-For (or Forwarded) that is not such a proxy. What stands further
 * left was written by people we do not trust.
 *
 * @param isTrusted whether an address is that of a trusted proxy
 */
export function clientAddress(
  via: Peer,
  head: Head,
  isTrusted: (address: string) => boolean,
): string {
  if (!via.peerIsTrusted) return via.peerAddress;
  const hops = forwardedHops(head);
  let client = via.peerAddress;
  for (let index = hops.length - 1; index >= 0 && index >= hops.length - HOPS_MAX; index--) {
    const address = plainHop(hops[index]!);
    if (address === '') break;
    client = address;
    if (!isTrusted(address)) break;
  }
  return client;
}

function forwardedHops(head: Head): string[] {
  const list = head.joined(NAME.xForwardedFor);
  if (list !== undefined) return list.split(',');
  const forwarded = head.joined(NAME.forwarded);
  if (forwarded === undefined) return [];
  return forwarded
    .split(',')
    .map((element) => /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;]*)/i.exec(element)?.[1] ?? '');
}

/** An address without quotes, brackets and port; empty where there is none. */
function plainHop(hop: string): string {
  const text = hop.trim().replaceAll('"', '');
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text);
  if (bracketed !== null) return plainIp(bracketed[1]!);
  return plainIp(text.replace(/^([\d.]+):\d+$/, '$1'));
}
