import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKETS, bucketOf } from './buckets.ts';
import { SERVER_ROWS_MAX, WORKER_LANES_MAX } from './layout.ts';
import {
  GAUGE,
  HISTOGRAM_CELLS,
  METHODS,
  TIMING,
  WORKER_COUNTER,
  WORKER_TIMING,
} from './measures.ts';
import { SharedTable } from './table.ts';

const SIZE = { serverRows: 3, workerLanes: 2 };

test('requests are counted by method and status class over the workers', () => {
  const { measures } = SharedTable.create(SIZE);
  measures.countRequest(1, 0, 'GET', 200);
  measures.countRequest(1, 1, 'GET', 204);
  measures.countRequest(1, 1, 'PROPFIND', 503);
  measures.countRequest(2, 1, 'GET', 0);
  measures.countRequest(measures.noRow, 1, 'POST', 503);
  assert.equal(measures.requests(1, METHODS.indexOf('GET'), 2), 2);
  assert.equal(measures.requests(1, METHODS.indexOf('other'), 5), 1);
  assert.equal(measures.requests(2, METHODS.indexOf('GET'), 0), 1);
  assert.equal(measures.requestsOfClass(measures.noRow, 5), 1);
  assert.equal(measures.requestsOfClass(0, 2), 0);
});

test('a histogram has each time in its bucket and their sum, row and kind by themselves', () => {
  const { measures } = SharedTable.create(SIZE);
  measures.time(1, 0, TIMING.total, 4);
  measures.time(1, 1, TIMING.total, 250);
  measures.time(1, 1, TIMING.connect, 1);
  measures.time(2, 1, TIMING.total, 9);
  const cells = new Float64Array(HISTOGRAM_CELLS);
  measures.addTiming(1, TIMING.total, cells);
  assert.equal(cells[bucketOf(4)], 1);
  assert.equal(cells[bucketOf(250)], 1);
  assert.equal(cells[BUCKETS], 254);
  assert.equal(
    cells.subarray(0, BUCKETS).reduce((sum, count) => sum + count, 0),
    2,
  );
});

test('the measures overlap neither each other nor the rest of the table', () => {
  const table = SharedTable.create(SIZE);
  const { measures } = table;
  for (let worker = 0; worker < 2; worker++) {
    for (let row = 0; row <= measures.noRow; row++) {
      for (const timing of Object.values(TIMING)) measures.time(row, worker, timing, 1e9);
      measures.countRequest(row, worker, 'other', 599);
    }
    for (const timing of Object.values(WORKER_TIMING)) measures.timeOfWorker(worker, timing, 1e9);
    for (const which of Object.values(GAUGE)) measures.set(worker, which, 7);
    for (const which of Object.values(WORKER_COUNTER)) measures.set(worker, which, 7);
    measures.countFailure(worker, 159);
  }
  for (let row = 0; row < SIZE.serverRows; row++) {
    assert.equal(table.inFlight(row), 0);
    assert.equal(table.counters.total(row, 0), 0);
    assert.equal(measures.requestsOfClass(row, 5), 2);
    for (const timing of Object.values(TIMING)) {
      const cells = new Float64Array(HISTOGRAM_CELLS);
      measures.addTiming(row, timing, cells);
      assert.equal(cells[BUCKETS - 1], 2);
      assert.equal(cells[BUCKETS], 2e9);
    }
  }
  assert.equal(measures.failures(159), 2);
  assert.equal(measures.total(GAUGE.tunnels), 14);
});

test('a worker that is forgotten holds nothing open, and its counters stay', () => {
  const table = SharedTable.create(SIZE);
  const { measures } = table;
  for (const worker of [0, 1]) {
    measures.add(worker, GAUGE.tunnels, 2);
    measures.add(worker, WORKER_COUNTER.clientConnectionsAccepted, 5);
  }
  table.forgetWorker(1);
  assert.equal(measures.total(GAUGE.tunnels), 2);
  assert.equal(measures.total(WORKER_COUNTER.clientConnectionsAccepted), 10);
});

test('a cleared row has no measures of the server before', () => {
  const table = SharedTable.create(SIZE);
  table.measures.countRequest(1, 1, 'GET', 200);
  table.measures.time(1, 1, TIMING.firstByte, 5);
  table.clearServer(1);
  const cells = new Float64Array(HISTOGRAM_CELLS);
  table.measures.addTiming(1, TIMING.firstByte, cells);
  assert.deepEqual([table.measures.requestsOfClass(1, 2), cells[BUCKETS]], [0, 0]);
});

test('a worker measures in the memory of its own lane, and everybody else reads it there', () => {
  const table = SharedTable.create(SIZE);
  const memory = table.useLane(1);
  const { measures } = SharedTable.open(table.memory, SIZE, { lane: 1, memory });
  measures.countRequest(1, 1, 'GET', 200);
  measures.add(1, WORKER_COUNTER.clientsDismissed, 3);
  assert.equal(table.measures.requestsOfClass(1, 2), 1);
  assert.equal(table.measures.total(WORKER_COUNTER.clientsDismissed), 3);
  assert.throws(() => measures.countRequest(1, 0, 'GET', 200), /lane 0 is another worker's/);
});

test('a lane that a worker is given again goes on where the one before it ended', () => {
  const table = SharedTable.create(SIZE);
  const memory = table.useLane(0);
  SharedTable.open(table.memory, SIZE, { lane: 0, memory }).measures.countRequest(1, 0, 'GET', 200);
  assert.equal(table.useLane(0), memory);
  assert.equal(table.measures.requestsOfClass(1, 2), 1);
});

test('the largest table reserves no more than some tens of megabytes', () => {
  const size = { serverRows: SERVER_ROWS_MAX, workerLanes: WORKER_LANES_MAX };
  assert.ok(SharedTable.create(size).memory.byteLength < 64 * 1024 * 1024);
});
