import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Restarts } from './restarts.ts';

/** The delays of a lane whose thread dies so often, a second after each start. */
function delays(restarts: Restarts, lane: number, deaths: number, isAlone = false): number[] {
  return Array.from({ length: deaths }, (_, nth) => restarts.delayMs(lane, nth * 1_000, isAlone));
}

test('a lane that keeps dying waits ever longer, up to a bound', () => {
  const found = delays(new Restarts(), 0, 12);
  assert.deepEqual(found.slice(0, 4), [50, 100, 200, 400]);
  assert.deepEqual(found.slice(-4), [5_000, 5_000, 5_000, 5_000]);
});

test('each lane has its own back-off', () => {
  const restarts = new Restarts();
  delays(restarts, 0, 12);
  assert.equal(restarts.delayMs(1, 12_000, false), 50);
});

test('a lane that lived for a minute is forgiven, whatever others did meanwhile', () => {
  const restarts = new Restarts();
  delays(restarts, 0, 12);
  restarts.delayMs(1, 72_000, false);
  assert.equal(restarts.delayMs(0, 72_000, false), 50);
});

test('the last lane never waits, however often it died', () => {
  assert.deepEqual(new Set(delays(new Restarts(), 0, 12, true)), new Set([50]));
});
