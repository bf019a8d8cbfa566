import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from './table.ts';

const SIZE = { serverRows: 1, workerLanes: 2 };

test('clients are bounded over all workers, those that wait are not', () => {
  const { clientCounts } = SharedTable.create(SIZE);
  assert.ok(clientCounts.claim(0, 2));
  assert.ok(clientCounts.claim(1, 2));
  assert.ok(!clientCounts.claim(0, 2));
  clientCounts.addWaiting(0, 3);
  assert.deepEqual([clientCounts.open(), clientCounts.waiting()], [2, 3]);
  clientCounts.release(1);
  assert.ok(clientCounts.claim(0, 2));
});

test('a worker that is forgotten takes its clients off the sums, and no others', () => {
  const table = SharedTable.create(SIZE);
  const { clientCounts } = table;
  clientCounts.claim(0, 9);
  clientCounts.claim(1, 9);
  clientCounts.addWaiting(0, 1);
  clientCounts.addWaiting(1, 4);
  for (let times = 0; times < 2; times++) {
    table.forgetWorker(1);
    assert.deepEqual([clientCounts.open(), clientCounts.waiting()], [1, 1]);
  }
});
