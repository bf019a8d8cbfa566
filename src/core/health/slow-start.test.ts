import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from '../../table/table.ts';
import { growShare, sharePercent, startSlowly } from './slow-start.ts';

test('the share grows linearly, from a tenth at the least to all', () => {
  const shares = [0, 500, 1000, 2500, 5000, 9990, 10_000].map((ms) => sharePercent(ms, 10_000));
  assert.deepEqual(shares, [10, 10, 10, 25, 50, 99, 100]);
});

test('a slow start ends with the whole share, and both ends change the generation', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 1 });
  const share = () => table.slowStarts.sharePercent(0);
  const before = table.generation();
  startSlowly(table, 0, 10_000, 1000);
  assert.equal(share(), 10);
  const during = table.generation();
  assert.notEqual(during, before);
  growShare(table, 0, 10_000, 6000);
  assert.equal(share(), 50);
  assert.equal(table.generation(), during);
  growShare(table, 0, 10_000, 11_000);
  assert.equal(share(), 100);
  assert.notEqual(table.generation(), during);
});

test('without a slow start a server has its whole share at once', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 1 });
  startSlowly(table, 0, 0, 1000);
  assert.equal(table.slowStarts.sharePercent(0), 100);
});
