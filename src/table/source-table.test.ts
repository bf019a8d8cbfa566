import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { SourceTable, WINDOW } from './source-table.ts';

const NOW = Date.UTC(2026, 10, 23);
const EXPIRES_MS = 60_000;

function newTable(entries = 1000, seed = 7): SourceTable {
  return SourceTable.open(SourceTable.create(entries, seed), EXPIRES_MS);
}

test('an address has the server that it was bound to first', () => {
  const table = newTable();
  assert.equal(table.find(1, NOW), -1);
  assert.equal(table.bind(1, 4095, -1, NOW), 4095);
  assert.equal(table.find(1, NOW), 4095);
  assert.equal(table.bind(1, 0, -1, NOW), 4095);
  assert.equal(table.find(1, NOW), 4095);
});

test('an address is bound anew by whoever knows its server, once', () => {
  const table = newTable();
  table.bind(1, 5, -1, NOW);
  assert.equal(table.bind(1, 6, 5, NOW), 6);
  assert.equal(table.bind(1, 7, 5, NOW), 6);
  assert.equal(table.find(1, NOW), 6);
});

test('every 32-bit hash and every row is found again, with any seed', () => {
  const hash = fc.oneof(fc.integer(), fc.nat(), fc.constantFrom(0, -1, 2 ** 32 - 1));
  fc.assert(
    fc.property(
      hash,
      fc.nat(4095),
      fc.nat(2 ** 32 - 1),
      fc.integer({ min: 1, max: 100 }),
      (...all) => {
        const [key, row, seed, entries] = all;
        const table = newTable(entries, seed);
        table.bind(key, row, -1, NOW);
        assert.equal(table.find(key, NOW), row);
      },
    ),
  );
});

test('an address unseen for its time is forgotten, one that is seen stays', () => {
  const table = newTable();
  table.bind(1, 5, -1, NOW);
  table.bind(2, 6, -1, NOW);
  for (let at = NOW; at <= NOW + 10 * EXPIRES_MS; at += EXPIRES_MS - 1000) {
    assert.equal(table.find(1, at), 5);
  }
  assert.equal(table.find(2, NOW + EXPIRES_MS), -1);
  assert.equal(table.bind(2, 9, -1, NOW + EXPIRES_MS), 9);
});

test('a clock that is set back forgets nobody', () => {
  const table = newTable();
  table.bind(1, 5, -1, NOW);
  assert.equal(table.find(1, NOW - 100 * EXPIRES_MS), 5);
});

test('many addresses never make it larger, and the newest of them are known', () => {
  const entries = 500;
  const table = newTable(entries);
  const bytes = table.memory.byteLength;
  for (let key = 0; key < 50_000; key++) table.bind(key, key % 100, -1, NOW + key);
  assert.equal(table.memory.byteLength, bytes);
  assert.equal(SourceTable.entriesOf(table.memory), entries);
  assert.ok(table.count(NOW + 50_000) <= entries);
  assert.equal(table.find(49_999, NOW + 50_000), 99);
});

test('a full window gives up the address that was unseen for longest', () => {
  const table = newTable(WINDOW);
  for (let key = 0; key < WINDOW; key++) table.bind(key, 1, -1, NOW + key * 1000);
  table.find(0, NOW + WINDOW * 1000);
  table.bind(1000, 2, -1, NOW + WINDOW * 1000);
  assert.equal(table.find(0, NOW + WINDOW * 1000), 1);
  assert.equal(table.find(1, NOW + WINDOW * 1000), -1);
  assert.equal(table.find(1000, NOW + WINDOW * 1000), 2);
});

test('clients that come back survive a flood of addresses that do not', () => {
  const table = newTable(1024);
  for (let key = 0; key < 100; key++) table.bind(-key - 1, 3, -1, NOW);
  for (let second = 1; second <= 30; second++) {
    const nowMs = NOW + second * 1000;
    for (let key = 0; key < 100; key++) table.find(-key - 1, nowMs);
    for (let key = 0; key < 200; key++) table.bind(second * 1000 + key, 4, -1, nowMs);
  }
  let kept = 0;
  for (let key = 0; key < 100; key++) if (table.find(-key - 1, NOW + 31_000) === 3) kept += 1;
  assert.ok(kept >= 95, `${kept} of 100 kept`);
});

test('threads that meet an address in one moment agree on its server', async () => {
  const THREADS = 2;
  const KEYS = 20_000;
  const memory = SourceTable.create(4 * KEYS, 99);
  const gate = new SharedArrayBuffer(4);
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ SourceTable }) => {
      const table = SourceTable.open(workerData.memory, 60_000);
      const gate = new Int32Array(workerData.gate);
      const rows = new Int32Array(workerData.keys);
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < workerData.threads);
      for (let key = 0; key < rows.length; key++) {
        // Neck and neck, but nobody waits for a thread that the system has put aside.
        Atomics.add(gate, 0, 1);
        for (let spin = 0; spin < 2000; spin++) {
          if (Atomics.load(gate, 0) >= (key + 2) * workerData.threads) break;
        }
        const before = table.find(key, workerData.now);
        rows[key] = before === -1 ? table.bind(key, workerData.row, -1, workerData.now) : before;
      }
      parentPort.postMessage(rows);
    });`;
  const module = new URL('./source-table.ts', import.meta.url).href;
  const found = await Promise.all(
    Array.from({ length: THREADS }, (_, row) => {
      const workerData = { module, memory, gate, row, threads: THREADS, keys: KEYS, now: NOW };
      const worker = new Worker(code, { eval: true, workerData });
      return new Promise<Int32Array>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  const table = SourceTable.open(memory, EXPIRES_MS);
  for (let key = 0; key < KEYS; key++) {
    const row = table.find(key, NOW);
    assert.deepEqual(
      found.map((rows) => rows[key]),
      Array(THREADS).fill(row),
      `address ${key}`,
    );
  }
});

test('threads that fight for one window see whole bindings only', async () => {
  const KEYS = 64;
  const memory = SourceTable.create(WINDOW, 5);
  // Each address is only ever bound to one row: to find it with another is a torn entry.
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ SourceTable }) => {
      const table = SourceTable.open(workerData.memory, 60_000);
      let wrong = 0;
      for (let round = 0; round < 3000; round++) {
        for (let key = 0; key < workerData.keys; key++) {
          const row = table.find(key, workerData.now + round);
          if (row === -1) table.bind(key, key, -1, workerData.now + round);
          else if (row !== key) wrong += 1;
        }
      }
      parentPort.postMessage(wrong);
    });`;
  const module = new URL('./source-table.ts', import.meta.url).href;
  const wrong = await Promise.all(
    Array.from({ length: 3 }, () => {
      const worker = new Worker(code, {
        eval: true,
        workerData: { module, memory, keys: KEYS, now: NOW },
      });
      return new Promise<number>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  assert.deepEqual(wrong, [0, 0, 0]);
});
