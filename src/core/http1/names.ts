/**
 * Field names that the proxy acts on, each with a small number, found while a name is scanned.
 * The numbers are below 31, so that a set of them is one integer.
 */
import { TOKEN_LOWER } from './chars.ts';

export const NAME = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  http2Settings: 11,
  xForwardedFor: 12,
  xForwardedProto: 13,
  xForwardedHost: 14,
  forwarded: 15,
  via: 16,
  xRequestId: 17,
  date: 18,
  cookie: 19,
  contentType: 20,
  maxForwards: 21,
  setCookie: 22,
  retryAfter: 23,
  contentEncoding: 24,
  traceparent: 25,
  userAgent: 26,
  proxyAuthenticate: 27,
  authorization: 28,
} as const;

const SPELLING: Record<Exclude<keyof typeof NAME, 'other'>, string> = {
  host: 'host',
  connection: 'connection',
  contentLength: 'content-length',
  transferEncoding: 'transfer-encoding',
  upgrade: 'upgrade',
  expect: 'expect',
  te: 'te',
  trailer: 'trailer',
  keepAlive: 'keep-alive',
  proxyConnection: 'proxy-connection',
  http2Settings: 'http2-settings',
  xForwardedFor: 'x-forwarded-for',
  xForwardedProto: 'x-forwarded-proto',
  xForwardedHost: 'x-forwarded-host',
  forwarded: 'forwarded',
  via: 'via',
  xRequestId: 'x-request-id',
  date: 'date',
  cookie: 'cookie',
  contentType: 'content-type',
  maxForwards: 'max-forwards',
  setCookie: 'set-cookie',
  retryAfter: 'retry-after',
  contentEncoding: 'content-encoding',
  traceparent: 'traceparent',
  userAgent: 'user-agent',
  proxyAuthenticate: 'proxy-authenticate',
  authorization: 'authorization',
};

/** One step of the hash that a scanner computes over the lower-case bytes of a name. */
export function hashStep(hash: number, lowerByte: number): number {
  return (Math.imul(hash, 31) + lowerByte) | 0;
}

const SLOTS = 256;
const ids = new Uint8Array(SLOTS);
const hashes = new Int32Array(SLOTS);
const spellings: Uint8Array[] = [new Uint8Array(0)];

for (const [key, spelling] of Object.entries(SPELLING)) {
  const bytes = Uint8Array.from(spelling, (char) => char.charCodeAt(0));
  const hash = bytes.reduce(hashStep, 0);
  let slot = hash & (SLOTS - 1);
  while (ids[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
  ids[slot] = NAME[key as keyof typeof NAME];
  hashes[slot] = hash;
  spellings[ids[slot]!] = bytes;
}

/**
 * The number of a scanned name, NAME.other where it is none of ours.
 *
 * @param hash of the lower-case bytes, by `hashStep`; equal hashes are compared byte by byte, for
 *   a client may choose a name that collides
 */
export function nameId(hash: number, bytes: Uint8Array, start: number, end: number): number {
  for (let slot = hash & (SLOTS - 1); ids[slot] !== 0; slot = (slot + 1) & (SLOTS - 1)) {
    if (hashes[slot] === hash && isSpelled(spellings[ids[slot]!]!, bytes, start, end)) {
      return ids[slot]!;
    }
  }
  return NAME.other;
}

function isSpelled(spelling: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (spelling.length !== end - start) return false;
  for (let at = 0; at < spelling.length; at++) {
    if (TOKEN_LOWER[bytes[start + at]!] !== spelling[at]) return false;
  }
  return true;
}
