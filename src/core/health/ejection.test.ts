import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from '../../table/table.ts';
import {
  countFailureInRow,
  type EjectionSettings,
  eject,
  endFailuresInRow,
  forgive,
  isEjected,
  readmit,
  readmitInTime,
} from './ejection.ts';

const SETTINGS: EjectionSettings = {
  failuresInRow: 3,
  ejectionMs: 30_000,
  ejectionMsMax: 300_000,
  ejectedPercentMax: 30,
};
const WORKER = 1;

function poolOf(count: number) {
  const table = SharedTable.create({ serverRows: count, workerLanes: 2 });
  const pool = { row: 2, servers: Array.from({ length: count }, (_, row) => ({ row })) };
  /** @returns which of these failures ejected the server */
  const fail = (row: number, times: number, nowMs = 0) =>
    Array.from({ length: times }, () =>
      countFailureInRow(table, pool, row, SETTINGS, WORKER, nowMs),
    );
  const ejected = () => pool.servers.filter(({ row }) => isEjected(table, row)).length;
  return { table, pool, fail, ejected };
}

test('failures in a row eject a server, and exactly one of them does', () => {
  const { table, fail } = poolOf(3);
  assert.deepEqual(fail(0, 5), [false, false, true, false, false]);
  assert.ok(isEjected(table, 0));
});

test('a success between failures keeps a server in', () => {
  const { table, fail, ejected } = poolOf(3);
  for (let round = 0; round < 10; round++) {
    fail(0, 2);
    endFailuresInRow(table, 0);
  }
  assert.equal(ejected(), 0);
});

test('where half of the others fail as well, nobody is ejected', () => {
  const { fail, ejected } = poolOf(3);
  fail(1, 1);
  fail(0, 10);
  assert.equal(ejected(), 0);
});

test('the only server of a pool is never ejected', () => {
  const { fail, ejected } = poolOf(1);
  fail(0, 100);
  assert.equal(ejected(), 0);
});

test('one server of a small pool may be out, and of a large pool its share', () => {
  for (const [servers, most] of [
    [2, 1],
    [3, 1],
    [7, 2],
    [10, 3],
  ] as const) {
    const { table, pool, ejected } = poolOf(servers);
    for (const { row } of pool.servers) eject(table, pool, row, SETTINGS, WORKER, 0);
    assert.equal(ejected(), most);
  }
});

test('each ejection of a server is longer than its last one, up to the longest', () => {
  const { table, pool } = poolOf(3);
  const lengths = [];
  let nowMs = 0;
  for (let round = 0; round < 12; round++) {
    assert.ok(eject(table, pool, 0, SETTINGS, WORKER, nowMs));
    const startMs = nowMs;
    while (!readmitInTime(table, 0, SETTINGS, nowMs)) nowMs += 10_000;
    lengths.push(nowMs - startMs);
  }
  assert.deepEqual(lengths.slice(0, 4), [30_000, 60_000, 90_000, 120_000]);
  assert.equal(lengths.at(-1), SETTINGS.ejectionMsMax);
});

test('a server that behaves is forgiven, one ejection at a time', () => {
  const { table, pool } = poolOf(3);
  for (let round = 0; round < 3; round++) {
    eject(table, pool, 0, SETTINGS, WORKER, 0);
    readmit(table, 0);
  }
  forgive(table, 0);
  forgive(table, 0);
  eject(table, pool, 0, SETTINGS, WORKER, 0);
  assert.equal(readmitInTime(table, 0, SETTINGS, 59_999), false);
  assert.equal(readmitInTime(table, 0, SETTINGS, 60_000), true);
});

test('a server whose ejection is over is on probation until its first success', () => {
  const { table, fail } = poolOf(3);
  fail(0, 5);
  readmitInTime(table, 0, SETTINGS, 30_000);
  assert.deepEqual(fail(0, 1, 30_000), [true]);
  readmitInTime(table, 0, SETTINGS, 90_000);
  endFailuresInRow(table, 0);
  assert.deepEqual(fail(0, 3, 90_000), [false, false, true]);
});

test('a server whose probes brought it back needs as many failures again', () => {
  const { table, fail } = poolOf(3);
  fail(0, 5);
  readmit(table, 0);
  assert.deepEqual(fail(0, 3), [false, false, true]);
});

test('a thread that finds another at it ejects nothing', () => {
  const { table, pool } = poolOf(3);
  table.ejections.lock(pool.row, WORKER + 1);
  assert.equal(eject(table, pool, 0, SETTINGS, 7, 0), false);
  table.ejections.unlock(pool.row);
  assert.equal(eject(table, pool, 0, SETTINGS, 7, 0), true);
});

test('a worker that dies while it ejects leaves the lock to the others', () => {
  const { table, pool } = poolOf(3);
  table.ejections.lock(pool.row, WORKER + 1);
  table.forgetWorker(WORKER);
  assert.equal(eject(table, pool, 0, SETTINGS, 7, 0), true);
});

test('an ejection and its end change the generation', () => {
  const { table, pool } = poolOf(3);
  const before = table.generation();
  eject(table, pool, 0, SETTINGS, WORKER, 0);
  const during = table.generation();
  readmit(table, 0);
  assert.notEqual(during, before);
  assert.notEqual(table.generation(), during);
});
