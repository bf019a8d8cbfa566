import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SourceCounts, UNCOUNTED } from './source-counts.ts';

const WORKERS = 2;
const countsOf = (sources: number) =>
  new SourceCounts(
    new Int32Array(new SharedArrayBuffer(SourceCounts.cells(sources, WORKERS) * 4)),
    sources,
  );

test('a source counts its connections over all workers', () => {
  const counts = countsOf(64);
  const first = counts.enter(5, 77, 0);
  assert.equal(counts.entered, 1);
  const second = counts.enter(5, 77, 1);
  assert.equal(counts.entered, 2);
  assert.equal(second, first);
  counts.enter(5, 78, 0);
  assert.equal(counts.entered, 1, 'another source at the same place');
  counts.leave(first, 0);
  assert.equal(counts.count(5, 77), 1);
  counts.leave(second, 1);
  assert.equal(counts.count(5, 77), 0);
});

test('what a dead worker held is taken off, once', () => {
  const counts = countsOf(64);
  for (let times = 0; times < 3; times++) counts.enter(5, 77, 0);
  counts.enter(5, 77, 1);
  counts.forgetWorker(0);
  assert.equal(counts.count(5, 77), 1);
  counts.forgetWorker(0);
  assert.equal(counts.count(5, 77), 1);
});

test('an entry without connections is given to another source, one with connections never', () => {
  const counts = countsOf(16);
  const held = counts.enter(0, 1, 0);
  for (let tag = 2; tag < 1000; tag++) counts.leave(counts.enter(tag, tag, 0), 0);
  assert.equal(counts.count(0, 1), 1);
  for (let tag = 2; tag <= 16; tag++) assert.notEqual(counts.enter(0, tag, 0), UNCOUNTED);
  assert.equal(counts.enter(0, 1000, 0), UNCOUNTED, 'the table is full and does not grow');
  assert.equal(counts.enter(0, 1, 1), held, 'who is in it is still counted');
  assert.equal(counts.entered, 2);
});

test('workers that meet a source in the same moment count it together', async () => {
  const ROUNDS = 200;
  const SOURCES = 16_384;
  const THREADS = 2;
  const memory = new SharedArrayBuffer(SourceCounts.cells(SOURCES, THREADS) * 4);
  const gate = new SharedArrayBuffer(ROUNDS * 4);
  const program = `
    const { workerData: { memory, gate, lane, module }, parentPort } = require('node:worker_threads');
    (async () => {
      const { SourceCounts } = await import(module);
      const counts = new SourceCounts(new Int32Array(memory), ${SOURCES});
      const arrived = new Int32Array(gate);
      const seen = [];
      for (let round = 0; round < ${ROUNDS}; round++) {
        Atomics.add(arrived, round, 1);
        while (Atomics.load(arrived, round) < ${THREADS});
        counts.enter(round * 16, round + 1, lane);
        seen.push(counts.entered);
      }
      parentPort.postMessage(seen);
    })();`;
  const module = new URL('./source-counts.ts', import.meta.url).href;
  const workers = Array.from(
    { length: THREADS },
    (_, lane) => new Worker(program, { eval: true, workerData: { memory, gate, lane, module } }),
  );
  const [one, other] = await Promise.all(
    workers.map((worker) => new Promise<number[]>((resolve) => worker.once('message', resolve))),
  );
  const both = one!.map((seen, at) => seen + other![at]!);
  assert.deepEqual(both, Array(ROUNDS).fill(3), 'one was the first, the other the second');
});
