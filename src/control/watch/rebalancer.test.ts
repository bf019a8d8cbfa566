import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndOrder } from '../../core/exchange/ending.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import { HEALTH } from '../../table/layout.ts';
import { SharedTable } from '../../table/table.ts';
import { Rebalancer } from './rebalancer.ts';

const LANES = [0, 1];

/** A pool of servers 0 and 1, and a backup 2; tunnels by row and lane. */
function pool(tunnels: readonly (readonly number[])[], mostPercent = 50) {
  const table = SharedTable.create({ serverRows: 3, workerLanes: 2 });
  for (const [row, ofLanes] of tunnels.entries()) {
    for (const [lane, count] of ofLanes.entries()) {
      for (let nth = 0; nth < count; nth++) table.countTunnel(row, lane, 1);
    }
  }
  const ended: [lane: number, row: number, most: number][] = [];
  const told: string[] = [];
  const rebalancer = new Rebalancer(table, {
    lanes: () => LANES,
    end: (lane, { row, most, webSocketsOnly }: EndOrder) => {
      assert.ok(webSocketsOnly);
      ended.push([lane, row, most]);
    },
    onBegin: ({ because }) => told.push(because),
  });
  const servers = [0, 1, 2].map((row) => {
    return { row, label: `server-${row}`, weight: 1, backup: row === 2 };
  });
  const plan = { servers, settings: { row: 0 } } as unknown as PoolPlan;
  rebalancer.apply({ mostPercent, overMs: 10_000, pool: plan });
  return { table, rebalancer, ended, told, plan };
}

test('nothing is closed while nobody joins or comes back', () => {
  const { rebalancer, ended } = pool([
    [10, 10],
    [0, 0],
  ]);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 500) rebalancer.turn(nowMs);
  assert.deepEqual(ended, []);
});

test('each worker closes its part of the surplus once a server came back, one time', () => {
  const { table, rebalancer, ended, told } = pool([
    [12, 4],
    [0, 0],
  ]);
  table.setHealth(1, HEALTH.down);
  rebalancer.turn(0);
  table.setHealth(1, HEALTH.up);
  for (let nowMs = 1000; nowMs < 30_000; nowMs += 500) rebalancer.turn(nowMs);
  assert.deepEqual(ended, [
    [0, 0, 6],
    [1, 0, 2],
  ]);
  assert.deepEqual(told, ['server-1']);
});

test('a server that starts slowly counts as back when it has its whole share', () => {
  const { table, rebalancer, ended } = pool([
    [4, 0],
    [0, 0],
  ]);
  table.setHealth(1, HEALTH.down);
  rebalancer.turn(0);
  table.setHealth(1, HEALTH.up);
  table.slowStarts.setSharePercent(1, 10);
  table.raiseGeneration();
  for (let nowMs = 0; nowMs < 10_000; nowMs += 500) rebalancer.turn(nowMs);
  assert.deepEqual(ended, []);
  table.slowStarts.setSharePercent(1, 100);
  table.raiseGeneration();
  for (let nowMs = 10_000; nowMs < 20_000; nowMs += 500) rebalancer.turn(nowMs);
  assert.deepEqual(ended, [[0, 0, 2]]);
});

test('backups give their tunnels up once the primaries serve again', () => {
  const { table, rebalancer, ended } = pool(
    [
      [0, 0],
      [0, 0],
      [8, 0],
    ],
    100,
  );
  table.setHealth(0, HEALTH.down);
  table.setHealth(1, HEALTH.down);
  rebalancer.turn(0);
  table.setHealth(0, HEALTH.up);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 500) rebalancer.turn(nowMs);
  assert.deepEqual(ended, [[0, 2, 8]]);
});

test('servers that are there when it is switched on have not joined; one that a reload adds has', () => {
  const { rebalancer, ended, plan } = pool([
    [8, 0],
    [0, 0],
  ]);
  const [first, second] = plan.servers;
  const of = (...servers: (typeof first)[]) => ({ ...plan, servers }) as PoolPlan;
  rebalancer.apply(null);
  rebalancer.apply({ mostPercent: 100, overMs: 1000, pool: of(first) });
  rebalancer.turn(0);
  rebalancer.apply({ mostPercent: 100, overMs: 1000, pool: of(first, second) });
  for (let nowMs = 0; nowMs < 10_000; nowMs += 500) rebalancer.turn(nowMs);
  assert.deepEqual(ended, [[0, 0, 4]]);
});
