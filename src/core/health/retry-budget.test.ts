import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SharedTable } from '../../table/table.ts';
import { backoffMs, retriesMax } from './retry-budget.ts';

test('retries may be a share of the live requests, and three in a quiet pool', () => {
  assert.deepEqual(
    [0, 10, 15, 20, 100, 1000].map((live) => retriesMax(live, 20)),
    [3, 3, 3, 4, 20, 200],
  );
});

test('a budget of 0 allows no retry', () => {
  assert.equal(retriesMax(1000, 0), 0);
});

test('a wait is 25 to 250 ms, and the longest possible one doubles each time', () => {
  const longest = [0, 1, 2, 3, 4, 20].map((round) => backoffMs(round, () => 1));
  assert.deepEqual(longest, [50, 100, 200, 250, 250, 250]);
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: 0, max: 1, noNaN: true }), (round, random) => {
      const waitMs = backoffMs(round, () => random);
      assert.ok(waitMs >= 25 && waitMs <= 250);
    }),
  );
});

test('over all workers no more retries begin than the budget has places', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 3 });
  const begun = [0, 1, 2, 0, 1].map((worker) => table.poolCounts.beginRetry(0, worker, 3));
  assert.deepEqual(begun, [true, true, true, false, false]);
  table.poolCounts.endRetry(0, 1);
  assert.equal(table.poolCounts.beginRetry(0, 2, 3), true);
  assert.equal(table.poolCounts.beginRetry(1, 2, 3), true, 'another pool has a budget of its own');
});

test('the retries of a worker that died give their places back', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 2 });
  for (const worker of [0, 1, 1]) table.poolCounts.beginRetry(0, worker, 3);
  table.forgetWorker(1);
  const begun = [0, 0, 0].map((worker) => table.poolCounts.beginRetry(0, worker, 3));
  assert.deepEqual(begun, [true, true, false]);
});
