import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

const durations: [string, number][] = [
  ['250ms', 250],
  ['5s', 5000],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['1m', 60_000],
  ['1ms', 1],
  ['1h1ms', 3_600_001],
  ['0', 0],
  ['0s', 0],
];

for (const [text, ms] of durations) {
  test(`a duration ${text} is ${ms} ms`, () => {
    assert.deepEqual(parseDuration(text), { ok: true, value: ms });
  });
}

const brokenDurations: [string, RegExp][] = [
  ['5', /the unit is missing: write "5s" for seconds or "5ms"/],
  ['5 seconds', /write "5s"/],
  ['5S', /write "5s"/],
  ['10 min', /write "10m"/],
  ['10 constructor', /written like 250ms/],
  ['-5s', /cannot be negative/],
  ['', /written like 250ms/],
  ['5s1m', /written like 250ms/],
  ['soon', /written like 250ms/],
  ['400d', /at most a year/],
];

for (const [text, reason] of brokenDurations) {
  test(`a duration ${JSON.stringify(text)} is refused with its mend`, () => {
    const parsed = parseDuration(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.reason, reason);
  });
}

test('a duration that is formatted parses back to itself', () => {
  fc.assert(
    fc.property(fc.nat({ max: 365 * 86_400_000 }), (ms) => {
      assert.deepEqual(parseDuration(formatDuration(ms)), { ok: true, value: ms });
    }),
  );
});

test('sizes are powers of 1024', () => {
  const sizes: [string, number][] = [
    ['512', 512],
    ['16k', 16_384],
    ['16K', 16_384],
    ['16kb', 16_384],
    ['1m', 1_048_576],
    ['2g', 2_147_483_648],
  ];
  for (const [text, bytes] of sizes) assert.deepEqual(parseSize(text), { ok: true, value: bytes });
});

test('sizes that are none are refused', () => {
  for (const text of ['', 'k', '1.5m', '-1', '9999999999999g', '16 kilos']) {
    assert.equal(parseSize(text).ok, false, text);
  }
});

test('a size that is formatted parses back to itself', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      assert.deepEqual(parseSize(formatSize(bytes)), { ok: true, value: bytes });
    }),
  );
});
