import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, COUNTER, HEALTH } from '../../table/layout.ts';
import { SharedTable } from '../../table/table.ts';
import { standingOf, verdictName } from '../balance/server-verdict.ts';
import { claimTrial, countFailure, trialSucceeded } from '../health/breaker.ts';
import { CONTROL_THREAD, eject } from '../health/ejection.ts';
import { Upkeep, type UpkeepPlan } from './upkeep.ts';

const BREAKER = { failureThreshold: 2, recoveryMs: 30_000, halfOpenMs: 10_000 };
const EJECTION = {
  failuresInRow: 3,
  ejectionMs: 30_000,
  ejectionMsMax: 300_000,
  ejectedPercentMax: 30,
};

/** Servers a, b, c and so on; those in capitals are backups. */
function upkeepOf(names: string, given: Partial<UpkeepPlan> = {}, slowStartMs = 0) {
  const servers = [...names].map((label, row) => ({
    row,
    label,
    backup: label === label.toUpperCase(),
  }));
  const table = SharedTable.create({ serverRows: servers.length, workerLanes: 1 });
  const settings = { name: 'pool', row: 0, breaker: BREAKER, ejection: EJECTION, slowStartMs };
  const plan: UpkeepPlan = { settings, servers, outliers: null, failback: null, ...given };
  const changes: string[] = [];
  const upkeep = new Upkeep(
    table,
    plan,
    ({ aspect, subject, from, to, cause }) =>
      changes.push(`${aspect} ${subject} ${from} -> ${to}: ${cause}`),
    0,
  );
  const standing = (row: number) => verdictName(standingOf(table, row));
  /** What was told since the last call. */
  const told = () => changes.splice(0);
  return { table, plan, upkeep, standing, told };
}

test('a breaker that a worker opened is told of, recovers in time, and is told of again', () => {
  const { table, upkeep, standing, told } = upkeepOf('ab');
  table.failureNotes.setLast(0, 503);
  for (let failure = 0; failure < 2; failure++) countFailure(table, 0, BREAKER, 0);
  upkeep.turn(50);
  assert.deepEqual(told(), [
    'breaker a closed -> open: 2 consecutive failures, the last: status 503',
  ]);
  upkeep.turn(29_950);
  assert.equal(standing(0), 'open');
  upkeep.turn(30_000);
  assert.equal(standing(0), 'halfOpen');
  assert.deepEqual(told(), ['breaker a open -> half_open: recovery_timeout (30s) is over']);
  trialSucceeded(table, 0, claimTrial(table, 0, BREAKER, 30_100));
  upkeep.turn(30_150);
  assert.deepEqual(told(), ['breaker a half_open -> closed: its trial succeeded']);
});

test('a trial whose worker died opens the breaker when its time is over', () => {
  const { table, upkeep, standing } = upkeepOf('ab');
  for (let failure = 0; failure < 2; failure++) countFailure(table, 0, BREAKER, 0);
  upkeep.turn(30_000);
  claimTrial(table, 0, BREAKER, 30_000);
  upkeep.turn(39_950);
  assert.equal(standing(0), 'halfOpen');
  upkeep.turn(40_000);
  assert.equal(standing(0), 'open');
});

test('an ejection ends in time and is told of at both ends', () => {
  const { table, plan, upkeep, standing, told } = upkeepOf('abc');
  eject(table, { row: 0, servers: plan.servers }, 1, EJECTION, 1, 0);
  upkeep.turn(50);
  assert.equal(standing(1), 'ejected');
  upkeep.turn(30_000);
  assert.equal(standing(1), 'usable');
  assert.deepEqual(
    told().map((line) => line.split(':')[0]),
    ['ejection b in -> ejected', 'ejection b ejected -> in'],
  );
});

test('a server that comes back by its probes is ejected no longer, and starts slowly', () => {
  const { table, plan, upkeep, standing } = upkeepOf('abc', {}, 10_000);
  eject(table, { row: 0, servers: plan.servers }, 1, EJECTION, CONTROL_THREAD, 0);
  upkeep.cameBack(1, 5000);
  assert.equal(standing(1), 'usable');
  const share = () => table.slowStarts.sharePercent(1);
  assert.equal(share(), 10);
  upkeep.turn(10_000);
  assert.equal(share(), 50);
  upkeep.turn(15_000);
  assert.equal(share(), 100);
});

test('no server starts slowly at the start, and one that a reload adds does', () => {
  const { table, plan, upkeep } = upkeepOf('abc', {}, 10_000);
  const share = (row: number) => table.slowStarts.sharePercent(row);
  upkeep.apply({ ...plan, servers: plan.servers.slice(0, 2) }, 0);
  upkeep.turn(50);
  assert.deepEqual([0, 1].map(share), [100, 100]);
  upkeep.apply(plan, 100);
  assert.deepEqual([0, 1, 2].map(share), [100, 100, 10]);
});

test('a server whose answers are far slower than those of the others is ejected', () => {
  const outliers = {
    intervalMs: 1000,
    requestsMin: 10,
    errorPercent: 50,
    latencyFactor: 5,
    latencyMinMs: 500,
  };
  const { table, upkeep, standing, told } = upkeepOf('abc', { outliers });
  const answer = (row: number, ms: number) => {
    table.counters.add(row, 0, COUNTER.attempts, 20);
    table.counters.add(row, 0, COUNTER.firstBytes, 20);
    table.counters.add(row, 0, COUNTER.firstByteUs, 20 * ms * 1000);
    if (ms >= outliers.latencyMinMs) table.counters.add(row, 0, COUNTER.awaitedLong, 20);
  };
  for (const row of [0, 1, 2]) answer(row, 5);
  upkeep.turn(1000);
  assert.deepEqual(told(), []);
  for (const row of [0, 1, 2]) answer(row, row === 2 ? 1500 : 5);
  upkeep.turn(1950);
  assert.equal(standing(2), 'usable', 'not before the interval is over');
  upkeep.turn(2000);
  assert.equal(standing(2), 'ejected');
  assert.deepEqual(told(), [
    'ejection c in -> ejected: it took 1500 ms to respond, the others 5 ms',
  ]);
});

const FAILBACK = { isAutomatic: true, delayMs: 30_000 };

test('backups take over when no primary is left, until one has been up for the delay', () => {
  const { table, upkeep, told } = upkeepOf('abC', { failback: FAILBACK });
  table.setHealth(0, HEALTH.down);
  upkeep.turn(0);
  assert.equal(table.isFailedOver(0), false);
  table.setHealth(1, HEALTH.down);
  upkeep.turn(50);
  assert.equal(table.isFailedOver(0), true);
  assert.deepEqual(told(), ['failover pool primaries -> backups: no primary is usable']);

  table.setHealth(0, HEALTH.up);
  upkeep.turn(10_000);
  upkeep.turn(39_950);
  assert.equal(table.isFailedOver(0), true);
  upkeep.turn(40_000);
  assert.equal(table.isFailedOver(0), false);
  assert.deepEqual(told(), ['failover pool backups -> primaries: a has been usable for 30s']);
});

test('a primary that fails again within the delay begins it anew', () => {
  const { table, upkeep } = upkeepOf('aB', { failback: FAILBACK });
  const at = (nowMs: number, health: 1 | 2) => {
    table.setHealth(0, health);
    upkeep.turn(nowMs);
  };
  at(0, HEALTH.down);
  at(1000, HEALTH.up);
  at(20_000, HEALTH.down);
  at(21_000, HEALTH.up);
  upkeep.turn(40_000);
  assert.equal(table.isFailedOver(0), true);
  upkeep.turn(51_000);
  assert.equal(table.isFailedOver(0), false);
});

test('without failback the backups serve until an operator says so', () => {
  const { table, upkeep } = upkeepOf('aB', { failback: { isAutomatic: false, delayMs: 0 } });
  table.setHealth(0, HEALTH.down);
  upkeep.turn(0);
  table.setHealth(0, HEALTH.up);
  upkeep.turn(1_000_000);
  assert.equal(table.isFailedOver(0), true);
  assert.equal(upkeep.failback('requested by an operator'), true);
  assert.equal(table.isFailedOver(0), false);
  assert.equal(upkeep.failback('requested by an operator'), false);
});

test('a pool without a usable server is told of once, and once when it has one again', () => {
  const { table, upkeep, told } = upkeepOf('ab');
  table.setHealth(0, HEALTH.down);
  table.setAdmin(1, ADMIN.maintenance);
  for (const nowMs of [0, 50, 100]) upkeep.turn(nowMs);
  assert.deepEqual(told(), ['pool pool serving -> no_server: 0 of 2 servers are usable']);
  table.setHealth(0, HEALTH.up);
  for (const nowMs of [150, 200]) upkeep.turn(nowMs);
  assert.deepEqual(told(), ['pool pool no_server -> serving: 1 of 2 servers are usable']);
});

test('what a reload switches off ends at once', () => {
  const { table, plan, upkeep, standing } = upkeepOf('abcD', { failback: FAILBACK });
  eject(table, { row: 0, servers: plan.servers }, 0, EJECTION, CONTROL_THREAD, 0);
  for (let failure = 0; failure < 2; failure++) countFailure(table, 1, BREAKER, 0);
  table.setFailedOver(0, true);
  const settings = { ...plan.settings, breaker: null, ejection: null };
  upkeep.apply({ ...plan, settings, failback: null }, 100);
  assert.deepEqual([0, 1].map(standing), ['usable', 'usable']);
  assert.equal(table.isFailedOver(0), false);
});

test('a server whose answers stop coming is ejected while they are awaited', () => {
  const outliers = {
    intervalMs: 10_000,
    requestsMin: 50,
    errorPercent: 50,
    latencyFactor: 5,
    latencyMinMs: 500,
  };
  const { table, upkeep, standing, told } = upkeepOf('abc', { outliers });
  const request = (row: number, isAnswered: boolean) => {
    table.counters.add(row, 0, COUNTER.awaited);
    if (!isAnswered) return;
    table.counters.add(row, 0, COUNTER.awaitedOver);
    const nth = table.counters.of(row, 0, COUNTER.awaited);
    table.counters.raiseTo(row, 0, COUNTER.awaitedUntilPrompt, nth);
    table.counters.add(row, 0, COUNTER.firstBytes);
    table.counters.add(row, 0, COUNTER.firstByteUs, 5_000);
  };
  for (let nowMs = 50; nowMs <= 2000; nowMs += 50) {
    for (const row of [0, 1, 2]) request(row, true);
    upkeep.turn(nowMs);
  }
  for (let nowMs = 2050; nowMs <= 2650; nowMs += 50) {
    for (const row of [0, 1]) request(row, true);
    if (nowMs <= 2200) request(2, false);
    upkeep.turn(nowMs);
  }
  assert.equal(standing(2), 'usable');
  upkeep.turn(2700);
  assert.equal(standing(2), 'ejected');
  assert.deepEqual(told(), [
    'ejection c in -> ejected: 4 requests in a row had no answer within 500 ms, the others answer in 5 ms',
  ]);
});
