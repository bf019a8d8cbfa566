/**
 * Hashes of 32 bits, all unsigned: `hash32` and `mix32` for our own keys, and the three that
 * `session_persistence.ip_hash.hash_algorithm` names. None is for secrets: who may choose the
 * input can make collisions.
 */
import { crc32 } from 'node:zlib';

/** A hash over bytes. */
export type HashBytes = (bytes: Uint8Array) => number;

/** The values of `session_persistence.ip_hash.hash_algorithm`. */
export const hashAlgorithms = {
  crc32: (bytes: Uint8Array) => crc32(bytes),
  fnv1a,
  xxhash: (bytes: Uint8Array) => xxh32(bytes),
} as const satisfies Record<string, HashBytes>;
export type HashAlgorithm = keyof typeof hashAlgorithms;

/**
 * Spreads the bits of a number over all bits of the result, one to one (the finalizer of
 * MurmurHash3, https://github.com/aappleby/smhasher).
 */
export function mix32(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** For text keys (names of servers, headers, cookies, paths): FNV-1a of the UTF-16 units, mixed. */
export function hash32(text: string): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  }
  return mix32(hash);
}

/** 32-bit FNV-1a (draft-eastlake-fnv). */
export function fnv1a(bytes: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** XXH32 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). */
export function xxh32(bytes: Uint8Array, seed = 0): number {
  let at = 0;
  let hash = seed + PRIME_5;
  if (bytes.length >= 16) {
    let lane1 = seed + PRIME_1 + PRIME_2;
    let lane2 = seed + PRIME_2;
    let lane3 = seed;
    let lane4 = seed - PRIME_1;
    for (; at + 16 <= bytes.length; at += 16) {
      lane1 = round(lane1, littleEndian(bytes, at));
      lane2 = round(lane2, littleEndian(bytes, at + 4));
      lane3 = round(lane3, littleEndian(bytes, at + 8));
      lane4 = round(lane4, littleEndian(bytes, at + 12));
    }
    hash = rotateLeft(lane1, 1) + rotateLeft(lane2, 7);
    hash += rotateLeft(lane3, 12) + rotateLeft(lane4, 18);
  }
  hash = (hash + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotateLeft(hash + Math.imul(littleEndian(bytes, at), PRIME_3), 17), PRIME_4);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotateLeft(hash + Math.imul(bytes[at]!, PRIME_5), 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, input: number): number {
  return Math.imul(rotateLeft(lane + Math.imul(input, PRIME_2), 13), PRIME_1);
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
