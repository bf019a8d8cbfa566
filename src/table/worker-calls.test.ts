import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from './table.ts';

const SIZE = { serverRows: 1, workerLanes: 2 };

test('a worker hears calls on itself, until it stops listening', async () => {
  const table = SharedTable.create(SIZE);
  const { calls } = SharedTable.open(table.memory, SIZE);
  let heard = 0;
  for (let round = 1; round <= 3; round++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = table.calls.hear(1, () => {
      heard += 1;
      resolve();
    });
    calls.call(0);
    calls.call(1);
    await promise;
    stop();
    calls.call(1);
    assert.equal(heard, round);
  }
});

test('a call that comes while another is heard is not slept over', async () => {
  const { calls } = SharedTable.create(SIZE);
  const { promise, resolve } = Promise.withResolvers<void>();
  let heard = 0;
  const stop = calls.hear(0, () => {
    heard += 1;
    if (heard === 1) calls.call(0);
    else resolve();
  });
  calls.call(0);
  await promise;
  stop();
  assert.equal(heard, 2);
});
