import { isMapped, readIp } from '../../base/ip.ts';
import { fnv1a, type HashBytes, hash32, mix32 } from './hash.ts';

/**
 * The key that a client is hashed by: an IPv4 address counts whole (/32), an IPv6 address by its
 * network (/64), within which one client may change at will. IPv4-mapped IPv6 counts as IPv4,
 * and a zone (`%eth0`) not at all, so that one client has one key however its address is spelt.
 *
 * @param ip as the socket or a forwarded header gives it; what is no address (the peer of a unix
 *   socket has none) is hashed as text
 * @param hash over the 4 or 8 bytes that count
 * @returns 32 bits, unsigned
 */
export function addressKey(ip: string, hash: HashBytes = mixedFnv1a): number {
  if (!readIp(ip, bytes)) return hash32(ip);
  return hash(isMapped(bytes) ? ipv4 : network);
}

function mixedFnv1a(bytes: Uint8Array): number {
  return mix32(fnv1a(bytes));
}

/** The address that is being read. */
const bytes = new Uint8Array(16);
const network = bytes.subarray(0, 8);
const ipv4 = bytes.subarray(12);
