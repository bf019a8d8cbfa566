import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a, hash32, hashAlgorithms, mix32, xxh32 } from './hash.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('fnv1a gives the published values', () => {
  assert.equal(fnv1a(bytes('')), 0x811c9dc5);
  assert.equal(fnv1a(bytes('a')), 0xe40c292c);
  assert.equal(fnv1a(bytes('foobar')), 0xbf9cf968);
});

test('xxhash gives the published values, short, long and seeded', () => {
  assert.equal(xxh32(bytes('')), 0x02cc5d05);
  assert.equal(xxh32(bytes('a')), 0x550d7456);
  assert.equal(xxh32(bytes('abc')), 0x32d153ff);
  assert.equal(xxh32(bytes('Nobody inspects the spammish repetition')), 0xe2293b2f);
  assert.equal(xxh32(bytes(''), 0x9e3779b1), 0x36b78ae7);
});

test('crc32 gives the published check value', () => {
  assert.equal(hashAlgorithms.crc32(bytes('123456789')), 0xcbf43926);
});

test('mix32 gives the values of the MurmurHash3 finalizer', () => {
  assert.equal(mix32(0), 0);
  assert.equal(mix32(1), 0x514e28b7);
  assert.equal(mix32(0xffffffff), 0x81f16f39);
});

test('hash32 is FNV-1a, mixed', () => {
  assert.equal(hash32('foobar'), mix32(0xbf9cf968));
  assert.equal(hash32(''), mix32(0x811c9dc5));
});

test('hash32 spreads names that differ in one digit over all values', () => {
  const buckets = new Array<number>(64).fill(0);
  for (let i = 0; i < 64_000; i++) buckets[hash32(`10.0.0.1:${i}`) >>> 26]! += 1;
  for (const count of buckets) assert.ok(Math.abs(count - 1000) < 150, `bucket of ${count}`);
});
