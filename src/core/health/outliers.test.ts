import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOutliers, type Sample } from './outliers.ts';

const SETTINGS = { requestsMin: 50, errorPercent: 50, latencyFactor: 5, latencyMinMs: 500 };

const sample = (attempts: number, failures: number, latencyMs: number): Sample => ({
  attempts,
  failures,
  firstByteUs: (attempts - failures) * latencyMs * 1000,
  firstBytes: attempts - failures,
  long: latencyMs >= SETTINGS.latencyMinMs ? attempts - failures : 0,
});

const indexes = (samples: Sample[], settings = SETTINGS) =>
  findOutliers(samples, settings).map(({ index }) => index);

test('a server that fails half of its requests is an outlier among servers that do not', () => {
  const samples = [sample(100, 0, 5), sample(100, 50, 5), sample(100, 1, 5)];
  assert.deepEqual(indexes(samples), [1]);
  assert.equal(findOutliers(samples, SETTINGS)[0]!.cause, '50% of its requests failed');
});

test('where all fail alike none is an outlier', () => {
  assert.deepEqual(indexes([sample(100, 80, 5), sample(100, 80, 5), sample(100, 80, 5)]), []);
});

test('a server many times slower than the others is an outlier', () => {
  const samples = [sample(100, 0, 5), sample(100, 0, 7), sample(100, 0, 1500)];
  assert.deepEqual(indexes(samples), [2]);
  assert.equal(
    findOutliers(samples, SETTINGS)[0]!.cause,
    'it took 1500 ms to respond, the others 6 ms',
  );
});

test('a difference that no user notices makes no outlier, whatever the factor', () => {
  assert.deepEqual(indexes([sample(100, 0, 0.2), sample(100, 0, 0.2), sample(100, 0, 499)]), []);
});

test('a few very slow answers, as any server has them, make no outlier', () => {
  const some = { ...sample(300, 0, 900), long: 9 };
  const others = [5, 6].map((ms) => ({ ...sample(300, 0, ms), long: 5 }));
  assert.deepEqual(indexes([some, ...others]), []);
  assert.deepEqual(indexes([{ ...some, long: 90 }, ...others]), [0]);
});

test('latency is not judged where the factor is 0', () => {
  const samples = [sample(100, 0, 5), sample(100, 0, 5), sample(100, 0, 1500)];
  assert.deepEqual(indexes(samples, { ...SETTINGS, latencyFactor: 0 }), []);
});

test('a server with few requests is neither judged nor compared with', () => {
  assert.deepEqual(indexes([sample(100, 0, 5), sample(49, 49, 5)]), []);
  assert.deepEqual(indexes([sample(100, 100, 5), sample(10, 0, 5)]), []);
});

test('a server by itself is no outlier', () => {
  assert.deepEqual(indexes([sample(100, 100, 5)]), []);
});

test('the worst comes first: errors before latency, more before less', () => {
  const good = [sample(100, 0, 5), sample(100, 0, 5), sample(100, 0, 5), sample(100, 0, 5)];
  const bad = [sample(100, 0, 900), sample(100, 60, 5), sample(100, 90, 5)];
  assert.deepEqual(indexes([...bad, ...good]), [2, 1, 0]);
});
