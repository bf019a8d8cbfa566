import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from './table.ts';

const SIZE = { serverRows: 1, workerLanes: 3 };

test('what is claimed is bounded over all workers, pool by pool', () => {
  const { poolCounts } = SharedTable.create(SIZE);
  assert.ok(poolCounts.claimConnection(0, 0, 2));
  assert.ok(poolCounts.claimConnection(0, 1, 2));
  assert.ok(!poolCounts.claimConnection(0, 2, 2));
  assert.ok(poolCounts.claimConnection(1, 2, 1));
  assert.ok(poolCounts.beginWaiting(0, 2, 1), 'what waits is bounded by itself');
  poolCounts.releaseConnection(0, 0);
  assert.ok(poolCounts.claimConnection(0, 2, 2));
  assert.deepEqual(
    [0, 1].map((pool) => poolCounts.connections(pool)),
    [2, 1],
  );
  assert.deepEqual(
    [0, 1, 2].map((worker) => poolCounts.connectionsOf(0, worker)),
    [0, 1, 1],
  );
});

test('a worker that is forgotten takes what it held off the sums, and no more', () => {
  const table = SharedTable.create(SIZE);
  const { poolCounts } = table;
  for (const worker of [0, 1]) {
    poolCounts.beginRetry(0, worker, 9);
    poolCounts.claimConnection(0, worker, 9);
    poolCounts.beginWaiting(0, worker, 9);
    poolCounts.setWaitingSince(0, worker, 5);
  }
  for (let times = 0; times < 2; times++) {
    table.forgetWorker(1);
    const held = [poolCounts.retries(0), poolCounts.connections(0), poolCounts.waiting(0)];
    assert.deepEqual(held, [1, 1, 1]);
  }
  assert.deepEqual(
    [0, 1].map((worker) => poolCounts.waitingSince(0, worker)),
    [5, 0],
  );
});
