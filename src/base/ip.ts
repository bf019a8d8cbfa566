/**
 * IP addresses as numbers. IPv4 is held in its mapped form, ::ffff:0:0/96 (RFC 4291 §2.5.5.2), so
 * that one client has one address however it is spelt; a zone (`%eth0`) does not count.
 */

/** An IP address: four words of 32 bits, unsigned, the first the most significant. */
export class Ip {
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;

  constructor(word0: number, word1: number, word2: number, word3: number) {
    this.word0 = word0;
    this.word1 = word1;
    this.word2 = word2;
    this.word3 = word3;
  }

  /** Whether it is an IPv4 address, which is `word3` alone. */
  get isV4(): boolean {
    return this.word2 === 0xffff && this.word1 === 0 && this.word0 === 0;
  }
}

const scratch = new Uint8Array(16);

/** @returns null where the text is no address: the peer of a unix socket has none */
export function parseIp(text: string): Ip | null {
  if (!readIp(text, scratch)) return null;
  return new Ip(wordAt(scratch, 0), wordAt(scratch, 4), wordAt(scratch, 8), wordAt(scratch, 12));
}

/** Four bytes in network order as an unsigned number. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/**
 * Reads an address into 16 bytes; nothing is allocated.
 *
 * @returns false where the text is no address; the bytes are void then
 */
export function readIp(text: string, into: Uint8Array): boolean {
  return text.includes(':') ? readIpv6(text, into) : readIpv4(text, into);
}

/** Whether 16 bytes are an IPv4 address in its mapped form. */
export function isMapped(bytes: Uint8Array): boolean {
  for (let at = 0; at < 10; at++) if (bytes[at] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

const DOT = 0x2e;
const COLON = 0x3a;

function readIpv4(text: string, into: Uint8Array): boolean {
  into.fill(0, 0, 10).fill(0xff, 10, 12);
  return readOctets(text, 0, text.length, into, 12);
}

/** Reads dotted octets into four bytes from `first` on. */
function readOctets(
  text: string,
  start: number,
  end: number,
  into: Uint8Array,
  first: number,
): boolean {
  let next = first;
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
      if (code !== DOT || digits === 0 || next === first + 4) return false;
      into[next++] = octet;
      octet = 0;
      digits = 0;
    }
  }
  return next === first + 4;
}

/** Groups are written from the front; what follows `::` is moved to the end afterwards. */
function readIpv6(text: string, into: Uint8Array): boolean {
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
      if (next > 12 || !readOctets(text, at - digits, end, into, next)) return false;
      next += 4;
      break;
    } else if (code !== COLON) {
      return false;
    } else if (digits > 0) {
      if (next === 16) return false;
      into[next++] = group >> 8;
      into[next++] = group & 0xff;
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
  into.copyWithin(tail, gap, next);
  into.fill(0, gap, tail);
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
