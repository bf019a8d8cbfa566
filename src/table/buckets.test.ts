import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS_MS, BUCKETS, bucketOf, quantileMs } from './buckets.ts';

test('a time falls into the first bucket whose bound it does not pass', () => {
  const expected = (ms: number) => {
    const at = BOUNDS_MS.findIndex((bound) => ms <= bound);
    return at === -1 ? BUCKETS - 1 : at;
  };
  const anyMs = fc.oneof(
    fc.double({ min: 0, max: 10, noNaN: true }),
    fc.double({ min: 0, max: 1e7, noNaN: true }),
    fc.constantFrom(...BOUNDS_MS),
  );
  fc.assert(fc.property(anyMs, (ms) => assert.equal(bucketOf(ms), expected(ms), `${ms} ms`)));
  assert.equal(bucketOf(-1), 0);
  assert.equal(bucketOf(1e12), BUCKETS - 1);
});

test('a quantile lies in the bucket of the value at its rank', () => {
  const times = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
      const counts = new Float64Array(BUCKETS);
      for (const ms of all) counts[bucketOf(ms)]! += 1;
      const sorted = all.toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil(share * sorted.length - 1e-9) - 1]!;
      const at = bucketOf(exact);
      const estimate = quantileMs(counts, share);
      assert.ok(estimate >= (BOUNDS_MS[at - 1] ?? 0) && estimate <= BOUNDS_MS[at]!);
    }),
  );
});

test('a quantile of nothing is 0', () => {
  assert.equal(quantileMs(new Float64Array(BUCKETS), 0.99), 0);
});
