import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, BREAKER, HEALTH } from '../../table/layout.ts';
import { SharedTable } from '../../table/table.ts';
import { lossBy } from './last-server.ts';
import type { OperatorCommand } from './operator.ts';

const SERVERS = ['red', 'blue', 'green'].map((label, row) => ({ row, label }));
const [RED, BLUE, GREEN] = SERVERS as [
  (typeof SERVERS)[0],
  (typeof SERVERS)[0],
  (typeof SERVERS)[0],
];
const DISABLE: OperatorCommand = { action: 'disable' };
const DRAIN: OperatorCommand = { action: 'drain', withinMs: null, overMs: 0 };
const weight = (to: number | null): OperatorCommand => ({ action: 'weight', weight: to });

const newTable = () => SharedTable.create({ serverRows: 3, workerLanes: 1 });
const loss = (table: SharedTable, server: (typeof SERVERS)[0], command: OperatorCommand) =>
  lossBy(table, SERVERS, server, command);

test('any server but the last that works may be taken out', () => {
  const table = newTable();
  for (const command of [DISABLE, DRAIN, weight(0)]) assert.equal(loss(table, RED, command), null);
  table.setHealth(BLUE.row, HEALTH.down);
  assert.equal(loss(table, RED, DISABLE), null, 'green works');
  table.setAdmin(GREEN.row, ADMIN.draining);
  for (const command of [DISABLE, DRAIN, weight(0)]) {
    assert.match(loss(table, RED, command)!, /red is the last server that works.*503/);
  }
  assert.equal(loss(table, RED, weight(3)), null);
  assert.equal(loss(table, RED, weight(null)), null);
  assert.equal(loss(table, RED, { action: 'enable' }), null);
  assert.equal(loss(table, BLUE, DISABLE), null, 'it is down already');
  assert.equal(loss(table, GREEN, DISABLE), null, 'it gets nothing new already');
});

test('whatever keeps the others from serving counts: probes, breakers, operators, weights', () => {
  const hurt: ((table: SharedTable, row: number) => void)[] = [
    (table, row) => table.setHealth(row, HEALTH.down),
    (table, row) => table.setAdmin(row, ADMIN.maintenance),
    (table, row) => table.setOperatorWeight(row, 0),
    (table, row) => {
      table.breakers.replace(row, BREAKER.open);
    },
    (table, row) => {
      table.breakers.replace(row, BREAKER.halfOpen);
    },
  ];
  for (const [at, one] of hurt.entries()) {
    const table = newTable();
    one(table, BLUE.row);
    assert.equal(loss(table, RED, DISABLE), null, `way ${at}`);
    one(table, GREEN.row);
    assert.notEqual(loss(table, RED, DISABLE), null, `way ${at}`);
  }
});

test('an ejected server works: it serves where there is no other', () => {
  const table = newTable();
  table.setAdmin(GREEN.row, ADMIN.maintenance);
  table.ejections.setUntilMs(BLUE.row, 5);
  assert.equal(loss(table, RED, DISABLE), null);
  table.setAdmin(RED.row, ADMIN.maintenance);
  assert.match(loss(table, BLUE, DISABLE)!, /blue is the last server that works/);
});

test('where none works, the last that may come back by itself stays in', () => {
  const table = newTable();
  for (const { row } of SERVERS) table.setHealth(row, HEALTH.down);
  assert.equal(loss(table, RED, DISABLE), null);
  table.setAdmin(RED.row, ADMIN.maintenance);
  table.setAdmin(BLUE.row, ADMIN.maintenance);
  assert.match(loss(table, GREEN, DISABLE)!, /green is the last server that is enabled/);
});
