import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { ADMIN, COUNTER, HEALTH, SERVER_ROWS_MAX, WORKER_LANES_MAX } from './layout.ts';
import { SharedTable } from './table.ts';

const SIZE = { serverRows: 4, workerLanes: 3 };

test('a table larger than the layout allows is refused', () => {
  assert.throws(() => SharedTable.create({ serverRows: SERVER_ROWS_MAX + 1, workerLanes: 1 }), {
    message: `a table holds at most ${SERVER_ROWS_MAX} servers and ${WORKER_LANES_MAX} workers`,
  });
  assert.throws(
    () => SharedTable.create({ serverRows: 1, workerLanes: WORKER_LANES_MAX + 1 }),
    RangeError,
  );
});

test('an opened table is the same memory', () => {
  const table = SharedTable.create(SIZE);
  const other = SharedTable.open(table.memory, SIZE);
  table.enter(2, 1);
  table.setHealth(2, HEALTH.down);
  assert.equal(other.inFlight(2), 1);
  assert.equal(other.health(2), HEALTH.down);
});

test('a change of health or by the operator changes the generation', () => {
  const table = SharedTable.create(SIZE);
  const seen = new Set([table.generation()]);
  table.setHealth(1, HEALTH.up);
  seen.add(table.generation());
  table.setAdmin(1, ADMIN.draining);
  seen.add(table.generation());
  table.clearServer(1);
  seen.add(table.generation());
  assert.equal(seen.size, 4);
});

test('requests in flight are those that entered and did not leave, row by row', () => {
  const event = fc.record({ row: fc.nat(SIZE.serverRows - 1), worker: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), fc.infiniteStream(fc.nat()), (entries, at) => {
      const table = SharedTable.create(SIZE);
      const inside: { row: number; worker: number }[] = [];
      for (const entry of entries) {
        const leaves = inside.length > 0 && at.next().value % 2 === 0;
        if (leaves) {
          const [left] = inside.splice(at.next().value % inside.length, 1);
          table.leave(left!.row, left!.worker);
        } else {
          table.enter(entry.row, entry.worker);
          inside.push(entry);
        }
        for (let row = 0; row < SIZE.serverRows; row++) {
          assert.equal(table.inFlight(row), inside.filter((one) => one.row === row).length);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('a worker that is forgotten takes its own requests off the sums, and no others', () => {
  const table = SharedTable.create(SIZE);
  for (let i = 0; i < 3; i++) table.enter(0, 1);
  table.enter(3, 1);
  table.enter(0, 0);
  table.enter(0, 2);
  table.leave(0, 1);

  table.forgetWorker(1);
  assert.deepEqual(
    [0, 1, 2, 3].map((row) => table.inFlight(row)),
    [2, 0, 0, 0],
  );

  table.forgetWorker(1);
  table.leave(0, 0);
  table.leave(0, 2);
  assert.equal(table.inFlight(0), 0);
});

test('counters add up over the workers, each row and counter by itself', () => {
  const table = SharedTable.create(SIZE);
  table.counters.add(1, 0, COUNTER.requests);
  table.counters.add(1, 2, COUNTER.requests, 4);
  table.counters.add(1, 2, COUNTER.bytesToClients, 2 ** 40);
  table.counters.add(1, 2, COUNTER.bytesToClients, 1);
  table.counters.add(2, 2, COUNTER.requests);
  assert.equal(table.counters.total(1, COUNTER.requests), 5);
  assert.equal(table.counters.total(1, COUNTER.bytesToClients), 2 ** 40 + 1);
  assert.equal(table.counters.total(2, COUNTER.requests), 1);
  assert.equal(table.counters.total(0, COUNTER.requests), 0);
});

test('a cleared row has nothing of the server before, and its neighbours keep theirs', () => {
  const table = SharedTable.create(SIZE);
  for (const row of [1, 2]) {
    table.setHealth(row, HEALTH.down);
    table.setAdmin(row, ADMIN.maintenance);
    table.latencies.record(row, 500, 1);
    table.counters.add(row, 2, COUNTER.tunnels);
  }
  table.clearServer(1);
  assert.deepEqual(
    [
      table.health(1),
      table.admin(1),
      table.latencies.averageUs(1, 1),
      table.counters.total(1, COUNTER.tunnels),
    ],
    [HEALTH.unknown, ADMIN.active, 0, 0],
  );
  assert.deepEqual(
    [
      table.health(2),
      table.admin(2),
      table.latencies.averageUs(2, 1),
      table.counters.total(2, COUNTER.tunnels),
    ],
    [HEALTH.down, ADMIN.maintenance, 500, 1],
  );
});

test('threads that enter and leave at once leave exact sums', async () => {
  const table = SharedTable.create(SIZE);
  const rounds = 200_000;
  const code = `
    const { workerData, parentPort } = await import('node:worker_threads');
    const { SharedTable } = await import(workerData.module);
    const table = SharedTable.open(workerData.memory, workerData.size);
    const gate = new Int32Array(workerData.gate);
    Atomics.add(gate, 0, 1);
    Atomics.notify(gate, 0);
    while (Atomics.load(gate, 0) < 2) Atomics.wait(gate, 0, 1, 1000);
    for (let i = 0; i < ${rounds}; i++) {
      table.enter(0, workerData.worker);
      table.enter(1, workerData.worker);
      table.leave(1, workerData.worker);
      table.counters.add(0, workerData.worker, 0);
    }`;
  const gate = new SharedArrayBuffer(4);
  const threads = [0, 1].map((worker) => {
    const module = new URL('./table.ts', import.meta.url).href;
    const workerData = { module, memory: table.memory, size: SIZE, gate, worker };
    return new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData });
  });
  await Promise.all(
    threads.map(
      (thread) =>
        new Promise<void>((resolve, reject) => {
          thread.once('error', reject);
          thread.once('exit', () => resolve());
        }),
    ),
  );
  assert.equal(table.inFlight(0), 2 * rounds);
  assert.equal(table.inFlight(1), 0);
  assert.equal(table.counters.total(0, COUNTER.requests), 2 * rounds);
  table.forgetWorker(0);
  assert.equal(table.inFlight(0), rounds);
});
