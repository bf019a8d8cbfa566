import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from './table.ts';

const SIZE = { serverRows: 2, workerLanes: 1 };

test('latency is unknown until it is measured, then at once what was measured', () => {
  const { latencies } = SharedTable.create(SIZE);
  assert.equal(latencies.averageUs(0, 5), 0);
  latencies.record(0, 1500, 20_000);
  assert.equal(latencies.averageUs(0, 20_000), 1500);
  latencies.record(1, 0, 0);
  assert.equal(latencies.averageUs(1, 0), 1, 'measured as nothing is known all the same');
});

test('a slower latency counts at once', () => {
  const { latencies } = SharedTable.create(SIZE);
  latencies.record(0, 1000, 0);
  latencies.record(0, 90_000, 1);
  assert.equal(latencies.averageUs(0, 1), 90_000);
});

test('a faster latency counts by the time that passed, not by the number of samples', () => {
  const expected = 1000 + 2000 * Math.exp(-0.5);
  for (const samples of [1, 10, 5000, 50_000]) {
    const { latencies } = SharedTable.create(SIZE);
    latencies.record(0, 3000, 0);
    for (let i = 1; i <= samples; i++) latencies.record(0, 1000, (i * 5000) / samples);
    const average = latencies.averageUs(0, 5000);
    assert.ok(Math.abs(average - expected) < expected * 0.02, `${average} after ${samples}`);
  }
});

test('a latency not measured again loses weight, down to the least that is known', () => {
  const { latencies } = SharedTable.create(SIZE);
  latencies.record(0, 1_000_000, 0);
  assert.equal(latencies.averageUs(0, 10_000), Math.round(1_000_000 / Math.E));
  assert.equal(latencies.averageUs(0, 3_600_000), 1);
});

test('latencies hold where a clock of 32 bits wraps, and beyond the range of a cell', () => {
  const { latencies } = SharedTable.create(SIZE);
  const wrapMs = 2 ** 31;
  latencies.record(0, 100_000, wrapMs - 5000);
  assert.equal(latencies.averageUs(0, wrapMs + 5000), Math.round(100_000 / Math.E));
  assert.equal(
    latencies.averageUs(0, wrapMs - 6000),
    100_000,
    'a clock behind another takes nothing',
  );
  latencies.record(1, 2 ** 33, 0);
  assert.equal(latencies.averageUs(1, 0), 2 ** 31 - 1);
});
