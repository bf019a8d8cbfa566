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
  const isAddress = ip.includes(':') ? readIpv6(ip) : readIpv4(ip);
  if (!isAddress) return hash32(ip);
  return hash(isMapped() ? ipv4 : network);
}

function mixedFnv1a(bytes: Uint8Array): number {
  return mix32(fnv1a(bytes));
}

/** The address that is being read; IPv4 in its mapped form, ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
const bytes = new Uint8Array(16);
const network = bytes.subarray(0, 8);
const ipv4 = bytes.subarray(12);

function isMapped(): boolean {
  for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

const DOT = 0x2e;
const COLON = 0x3a;

function readIpv4(text: string): boolean {
  bytes.fill(0, 0, 10).fill(0xff, 10, 12);
  return readOctets(text, 0, text.length, 12);
}

/** Reads dotted octets into four bytes from `into` on. */
function readOctets(text: string, start: number, end: number, into: number): boolean {
  let next = into;
  let octet = 0;
  let digits = 0;
  for (let at = start; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : DOT;
    const digit = code - 0x30;
    if (digit >= 0 && digit <= 9) {
      octet = octet * 10 + digit;
      digits += 1;
      if (octet > 255) return false;
    } else {
      if (code !== DOT || digits === 0 || next === into + 4) return false;
      bytes[next++] = octet;
      octet = 0;
      digits = 0;
    }
  }
  return next === into + 4;
}

/** Groups are written from the front; what follows `::` is moved to the end afterwards. */
function readIpv6(text: string): boolean {
  const zone = text.indexOf('%');
  const end = zone === -1 ? text.length : zone;
  let next = 0;
  let gap = -1;
  let group = 0;
  let digits = 0;
  for (let at = 0; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : COLON;
    const digit = hexDigit(code);
    if (digit !== -1) {
      group = (group << 4) | digit;
      digits += 1;
      if (digits > 4) return false;
    } else if (code === DOT) {
      if (next > 12 || !readOctets(text, at - digits, end, next)) return false;
      next += 4;
      break;
    } else if (code !== COLON) {
      return false;
    } else if (digits > 0) {
      if (next === 16) return false;
      bytes[next++] = group >> 8;
      bytes[next++] = group & 0xff;
      group = 0;
      digits = 0;
    } else if (at === end) {
      if (gap !== next) return false;
    } else if (at > 0) {
      if (gap !== -1) return false;
      gap = next;
    }
  }
  if (gap === -1) return next === 16;
  const tail = 16 - (next - gap);
  bytes.copyWithin(tail, gap, next);
  bytes.fill(0, gap, tail);
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
