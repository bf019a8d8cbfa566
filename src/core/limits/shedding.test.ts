import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shedder } from './shedding.ts';

const shedder = () => {
  const one = new Shedder();
  one.settings = { delayMs: 100, memoryBytes: 1_000 };
  return one;
};

/** Looks at the delay so many times, each time as late as is said. */
function look(one: Shedder, lateMs: number, times: number, fromMs = 0): number {
  let nowMs = fromMs;
  for (let time = 0; time < times; time++) {
    nowMs += 50 + lateMs;
    one.sawDelay(lateMs, nowMs);
  }
  return nowMs;
}

test('one late turn, or some with others between, is no overload', () => {
  const one = shedder();
  one.sawDelay(5_000, 5_000);
  assert.equal(one.share, 0);
  for (let time = 0; time < 20; time++)
    look(one, time % 2 === 0 ? 900 : 10, 1, 10_000 + time * 1_000);
  assert.equal(one.share, 0);
});

test('a delay that stays sheds more and more, never all, and less when it is gone', () => {
  const one = shedder();
  const atMs = look(one, 150, 6);
  const soon = one.share;
  look(one, 150, 40, atMs);
  assert.ok(one.share > soon && one.share === 0.9);
  assert.equal(one.sheds(0.89), true);
  assert.equal(one.sheds(0.95), false);
  look(one, 1, 20, 100_000);
  assert.ok(one.share < 0.9 && one.share > 0);
  look(one, 1, 40, 200_000);
  assert.equal(one.share, 0);
});

test('high memory sheds until it is a little below its watermark', () => {
  const one = shedder();
  one.sawMemory(999);
  assert.equal(one.share, 0);
  one.sawMemory(1_000);
  assert.equal(one.share, 0.9);
  one.sawMemory(960);
  assert.equal(one.share, 0.9);
  one.sawMemory(940);
  assert.equal(one.share, 0);
});

test('a watermark of 0 is not looked at, from the next look on', () => {
  const one = shedder();
  one.sawMemory(2_000);
  look(one, 500, 20);
  one.settings = { delayMs: 0, memoryBytes: 0 };
  one.sawMemory(2_000);
  look(one, 500, 1, 50_000);
  assert.equal(one.share, 0);
});
