import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ADMIN } from '../../table/layout.ts';
import { SharedTable } from '../../table/table.ts';
import { Operator } from './operator.ts';

const RED = { row: 0, name: '10.0.0.1:80', label: 'red' };
const BLUE = { row: 1, name: '10.0.0.2:80', label: 'blue' };

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** An instance that has just started. */
function start(context: TestContext, folder: string, servers = [RED, BLUE]) {
  const table = SharedTable.create({ serverRows: 2, workerLanes: 1 });
  const forgotten: string[] = [];
  const drained: string[] = [];
  const unwritten: string[] = [];
  const operator = new Operator(table, folder, {
    onDrained: ({ label }) => drained.push(label),
    onForgotten: (address) => forgotten.push(address),
    onUnwritten: ({ message }) => unwritten.push(message),
  });
  operator.apply(servers);
  context.after(() => operator.close());
  return { table, operator, forgotten, drained, unwritten };
}

test('what is said without --persist outlives reloads and no restart', (context) => {
  const folder = folderOf(context);
  const { operator, table } = start(context, folder);
  operator.say(RED, { action: 'disable' }, false);
  operator.say(BLUE, { action: 'weight', weight: 7 }, false);
  operator.apply([RED, BLUE]);
  assert.deepEqual([table.admin(0), table.operatorWeight(1)], [ADMIN.maintenance, 7]);
  const next = start(context, folder);
  assert.deepEqual([next.table.admin(0), next.table.operatorWeight(1)], [ADMIN.active, -1]);
});

test('what is said with --persist outlives restarts, a later word without it takes it back', (context) => {
  const folder = folderOf(context);
  const first = start(context, folder).operator;
  first.say(RED, { action: 'drain', withinMs: 60_000, overMs: 0 }, true);
  first.say(RED, { action: 'weight', weight: 0 }, true);
  const second = start(context, folder);
  assert.deepEqual([second.table.admin(0), second.table.operatorWeight(0)], [ADMIN.draining, 0]);
  assert.ok(second.operator.saidOf(RED.name).drainEndsMs > Date.now());
  second.operator.say(RED, { action: 'enable' }, false);
  const third = start(context, folder);
  assert.deepEqual([third.table.admin(0), third.table.operatorWeight(0)], [ADMIN.active, -1]);
});

test('a server that is enabled has traffic, whatever took it away', (context) => {
  const { operator, table } = start(context, folderOf(context));
  operator.say(RED, { action: 'weight', weight: 0 }, false);
  operator.say(RED, { action: 'enable' }, false);
  assert.deepEqual([table.admin(0), table.operatorWeight(0)], [ADMIN.active, -1]);
  operator.say(RED, { action: 'weight', weight: 7 }, false);
  operator.say(RED, { action: 'enable' }, false);
  assert.equal(table.operatorWeight(0), 7);
});

test('a drain that is not kept leaves a kept weight of 0 to the next start', (context) => {
  const folder = folderOf(context);
  const { operator } = start(context, folder);
  operator.say(RED, { action: 'weight', weight: 0 }, true);
  operator.say(RED, { action: 'disable' }, false);
  assert.equal(start(context, folder).table.operatorWeight(0), 0);
});

test('a server that is configured no more is forgotten, in the file too', (context) => {
  const folder = folderOf(context);
  start(context, folder).operator.say(BLUE, { action: 'disable' }, true);
  const { forgotten } = start(context, folder, [RED]);
  assert.deepEqual(forgotten, [BLUE.name]);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'operator.json'), 'utf8')), {
    servers: {},
  });
  const again = start(context, folder);
  assert.deepEqual([again.table.admin(1), again.forgotten], [ADMIN.active, []]);
});

test('a file that cannot be written keeps no reload from taking a server out', (context) => {
  const folder = folderOf(context);
  const { operator, forgotten, unwritten } = start(context, folder);
  operator.say(BLUE, { action: 'disable' }, true);
  rmSync(join(folder, 'operator.json'));
  // As on a full disk, whoever runs this.
  mkdirSync(join(folder, 'operator.json'));
  operator.apply([RED]);
  assert.deepEqual(forgotten, [BLUE.name]);
  assert.match(unwritten.join(), /^E/);
});

test('a drain with an end becomes maintenance, and is told of once', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const folder = folderOf(context);
  const { operator, table, drained } = start(context, folder);
  operator.say(RED, { action: 'drain', withinMs: 5_000, overMs: 0 }, true);
  context.mock.timers.tick(4_999);
  assert.deepEqual([table.admin(0), drained], [ADMIN.draining, []]);
  context.mock.timers.tick(1);
  assert.deepEqual([table.admin(0), drained], [ADMIN.maintenance, ['red']]);
  assert.equal(operator.saidOf(RED.name).drainEndsMs, 0);
  assert.equal(start(context, folder).table.admin(0), ADMIN.maintenance);
});

test('enabling a server ends its drain for good', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const { operator, table, drained } = start(context, folderOf(context));
  operator.say(RED, { action: 'drain', withinMs: 5_000, overMs: 0 }, false);
  operator.say(RED, { action: 'enable' }, false);
  context.mock.timers.tick(10_000);
  assert.deepEqual([table.admin(0), drained], [ADMIN.active, []]);
});

test('what cannot be written changes nothing, what cannot be read names the mend', (context) => {
  const folder = folderOf(context);
  const { operator, table } = start(context, folder);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'in the way');
  assert.throws(() => operator.say(RED, { action: 'disable' }, true));
  assert.equal(table.admin(0), ADMIN.active);
  rmSync(folder);
  const other = folderOf(context);
  for (const text of [
    '{',
    '{"servers":{"a:1":{"state":"asleep"}}}',
    '{"servers":{"a:1":{"weight":999}}}',
  ]) {
    writeFileSync(join(other, 'operator.json'), text);
    assert.throws(() => start(context, other), /operator\.json.*remove it/, text);
  }
  writeFileSync(folder, '');
});
