import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from '../../table/table.ts';
import { ServerRows } from './server-rows.ts';

const pool = (name: string, ...rows: number[]) => ({
  settings: { name },
  servers: rows.map((row) => ({ row })),
});

test('a server has one row in each pool that it serves in, over reloads', () => {
  const rows = new ServerRows(SharedTable.create({ serverRows: 3, workerLanes: 1 }));
  const [here, there] = [rows.rowOf('shop', '10.0.0.1:80'), rows.rowOf('api', '10.0.0.1:80')];
  assert.notEqual(here, there);
  rows.keep([pool('shop', here), pool('api', there)]);
  assert.equal(rows.rowOf('shop', '10.0.0.1:80'), here);
  assert.equal(rows.rowOf('api', '10.0.0.1:80'), there);
});

test('a row is free once its pool, or its server, is gone and nothing is in flight', () => {
  const table = SharedTable.create({ serverRows: 2, workerLanes: 1 });
  const rows = new ServerRows(table);
  const [here, there] = [rows.rowOf('shop', '10.0.0.1:80'), rows.rowOf('api', '10.0.0.1:80')];
  table.enter(there, 0, 0);
  rows.keep([pool('shop', here)]);
  assert.throws(() => rows.rowOf('shop', '10.0.0.2:80'), RangeError);
  table.leave(there, 0);
  rows.keep([pool('shop', here)]);
  assert.equal(rows.rowOf('shop', '10.0.0.2:80'), there);
  rows.keep([pool('shop', there)]);
  assert.equal(rows.rowOf('api', '10.0.0.2:80'), here);
});
