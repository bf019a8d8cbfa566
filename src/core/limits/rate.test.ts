import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rate } from './rate.ts';

const cell = () => new Int32Array(new SharedArrayBuffer(4));

test('a burst comes at once, then one request an interval', () => {
  const rate = new Rate(10, 3);
  const cells = cell();
  assert.deepEqual(
    [1000, 1000, 1000].map((ms) => rate.take(cells, 0, ms)),
    [0, 0, 0],
  );
  assert.equal(rate.take(cells, 0, 1000), 100);
  assert.equal(Math.round(rate.take(cells, 0, 1050)), 50);
  assert.equal(rate.take(cells, 0, 1100), 0);
  assert.ok(rate.take(cells, 0, 1100) > 0);
});

test('what is refused costs nothing, and what is given back can be taken again', () => {
  const rate = new Rate(1, 1);
  const cells = cell();
  assert.equal(rate.take(cells, 0, 0), 0);
  for (let times = 0; times < 100; times++) assert.equal(rate.take(cells, 0, 500), 500);
  assert.equal(rate.take(cells, 0, 1000), 0);
  rate.giveBack(cells, 0);
  assert.equal(rate.take(cells, 0, 1000), 0);
});

test('whatever the pace, no second lets through more than the rate and the burst', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 300 });
  const number = fc.integer({ min: 1, max: 200 });
  fc.assert(
    fc.property(number, number, gaps, (perSecond, burst, gapsMs) => {
      const rate = new Rate(perSecond, burst);
      const cells = cell();
      let nowMs = 5_000;
      const taken: number[] = [];
      for (const gapMs of gapsMs) {
        nowMs += gapMs;
        if (rate.take(cells, 0, nowMs) === 0) taken.push(nowMs);
      }
      for (const startMs of taken) {
        const within = taken.filter((ms) => ms >= startMs && ms < startMs + 1000).length;
        assert.ok(within <= perSecond + burst, `${within} of ${perSecond} + ${burst}`);
      }
    }),
  );
});

test('whoever waits as long as he is told is let through', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000_000 }),
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 1e10, noNaN: true }),
      (perSecond, burst, startMs) => {
        const rate = new Rate(perSecond, burst);
        const cells = cell();
        for (let asked = 0; asked < burst; asked++) rate.take(cells, 0, startMs);
        const waitMs = rate.take(cells, 0, startMs);
        // The clock of a process that runs for months tells a fraction of a microsecond less.
        assert.equal(rate.take(cells, 0, startMs + waitMs + 0.00001), 0);
      },
    ),
  );
});

test('an idle client is never taken for one that owes, however long it was away', () => {
  for (const perSecond of [1, 1000, 1_000_000]) {
    const rate = new Rate(perSecond, 1);
    const cells = cell();
    assert.equal(rate.take(cells, 0, 0), 0);
    for (let nowMs = 1000; nowMs < 200_000; nowMs += 1000) {
      rate.refresh(cells, 0, nowMs);
      assert.equal(rate.aheadOf(cells, 0, nowMs), 0, `${perSecond} a second, ${nowMs} ms`);
    }
  }
});
