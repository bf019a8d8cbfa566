import { seededRandom } from '../src/base/random.ts';

const SIZE = 0x10000;
const STEP = 7919;

/** Bytes that tell which body they belong to and where in it they lie. */
const BASE = Buffer.alloc(SIZE * 2);
{
  const random = seededRandom(0xc0ffee);
  for (let at = 0; at < SIZE; at++) BASE[at] = BASE[at + SIZE] = Math.floor(random() * 256);
}

/** The bytes of body `key` from `offset` on; at most 64 KB. */
export function content(key: number, offset: number, bytes: number): Buffer {
  const start = (key * STEP + offset) % SIZE;
  return BASE.subarray(start, start + bytes);
}

/** Whether bytes are those of body `key` from `offset` on. */
export function isContent(
  key: number,
  offset: number,
  bytes: Buffer,
  start: number,
  end: number,
): boolean {
  for (let at = start; at < end; at += SIZE) {
    const upTo = Math.min(end, at + SIZE);
    const expected = content(key, offset + at - start, upTo - at);
    if (bytes.compare(expected, 0, upTo - at, at, upTo) !== 0) return false;
  }
  return true;
}
