import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../base/random.ts';
import { BOUNDS_MS, BUCKETS, bucketOf, quantileMs, TOLD_BOUNDS_MS } from './buckets.ts';

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

/** By the ranks of the times themselves. */
function exactQuantileMs(all: readonly number[], share: number): number {
  const sorted = all.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length - 1e-9) - 1]!;
}

function countsOf(all: readonly number[]): Float64Array {
  const counts = new Float64Array(BUCKETS);
  for (const ms of all) counts[bucketOf(ms)]! += 1;
  return counts;
}

test('a quantile is within 3% of the time at its rank, whatever the times are', () => {
  const anyMs = fc.oneof(
    fc.double({ min: 0.1, max: 10, noNaN: true }),
    fc.double({ min: 0.1, max: 60_000, noNaN: true }),
    fc.constantFrom(...BOUNDS_MS.filter((bound) => bound >= 0.1)),
  );
  const times = fc.array(anyMs, { minLength: 1 });
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
      const exact = exactQuantileMs(all, share);
      const off = Math.abs(quantileMs(countsOf(all), share) - exact) / exact;
      assert.ok(off <= 0.0301, `${off} off ${exact}`);
    }),
  );
});

const random = seededRandom(40);
const DISTRIBUTIONS: Readonly<Record<string, () => number>> = {
  'all alike, just above a bound': () => 100.01,
  uniform: () => 5 + 90 * random(),
  exponential: () => -20 * Math.log(1 - random()),
  bimodal: () => (random() < 0.95 ? 4 + 2 * random() : 700 + 400 * random()),
  'with a long tail': () => 3 * (1 - random()) ** -0.7,
};

for (const [name, draw] of Object.entries(DISTRIBUTIONS)) {
  test(`quantiles of times that are ${name} are right within 5%`, () => {
    const all = Array.from({ length: 20_000 }, draw);
    for (const share of [0.5, 0.9, 0.99]) {
      const exact = exactQuantileMs(all, share);
      const told = quantileMs(countsOf(all), share);
      assert.ok(Math.abs(told - exact) < 0.05 * exact, `p${share * 100}: ${told} for ${exact}`);
    }
  });
}

test('a told bound is a bound of the buckets, so that counts below it are exact', () => {
  for (const bound of TOLD_BOUNDS_MS) {
    const at = BOUNDS_MS.indexOf(bound);
    assert.notEqual(at, -1, `${bound} ms`);
    assert.deepEqual([bucketOf(bound), bucketOf(bound * (1 + 1e-12))], [at, at + 1]);
  }
});

test('a quantile of nothing is 0', () => {
  assert.equal(quantileMs(new Float64Array(BUCKETS), 0.99), 0);
});
