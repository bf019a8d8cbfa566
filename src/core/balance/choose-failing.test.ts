/** What a chooser makes of breakers, ejections, slow starts and failovers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { ADMIN, BREAKER, type BreakerState, HEALTH } from '../../table/layout.ts';
import { SharedTable } from '../../table/table.ts';
import { Chooser, type PoolServer } from './choose.ts';
import { createStrategy, type StrategyName } from './registry.ts';
import { VERDICT } from './server-verdict.ts';
import { TriedSet } from './tried-set.ts';

const TOKEN = 42;

interface Shape {
  backup?: boolean;
}

/** A pool of servers a, b, c and so on; each half-open one has one trial to give. */
function poolOf(
  shapes: readonly Shape[],
  options: { panic?: number; strategy?: StrategyName } = {},
) {
  const table = SharedTable.create({ serverRows: shapes.length, workerLanes: 1 });
  const claimed = new Set<number>();
  const servers = shapes.map(
    ({ backup = false }, row): PoolServer => ({
      row,
      name: 'abcdefgh'[row]!,
      weight: 1,
      backup,
      maxInFlight: 0,
      inFlight: () => 0,
      latencyUs: () => 0,
      readWeight: () => {},
      hasFreeTrial: () => !claimed.has(row),
      claimTrial: () => {
        if (claimed.has(row)) return 0;
        claimed.add(row);
        return TOKEN;
      },
    }),
  );
  const chooser = new Chooser({
    servers,
    strategy: createStrategy(options.strategy ?? 'round_robin', seededRandom(1)),
    table,
    poolRow: 0,
    random: seededRandom(2),
    panicThresholdPercent: options.panic ?? 0,
  });
  const setBreaker = (row: number, state: BreakerState) => {
    table.breakers.replace(row, state);
    table.raiseGeneration();
  };
  const setEjected = (row: number) => {
    table.ejections.setUntilMs(row, 1);
    table.raiseGeneration();
  };
  const setShare = (row: number, percent: number) => {
    table.slowStarts.setSharePercent(row, percent);
    table.raiseGeneration();
  };
  /** Names of the servers that many requests reach. */
  const reached = (tried = new TriedSet()) => {
    const names = new Set<string>();
    for (let i = 0; i < 32; i++) names.add(chooser.choose(0, tried)?.name ?? '-');
    return [...names].sort().join('');
  };
  return { table, servers, chooser, claimed, setBreaker, setEjected, setShare, reached };
}

test('a server with an open breaker gets nothing', () => {
  const { setBreaker, reached, chooser, servers } = poolOf([{}, {}, {}]);
  setBreaker(1, BREAKER.open);
  assert.equal(reached(), 'ac');
  assert.equal(chooser.verdict(servers[1]!, new TriedSet()), VERDICT.open);
});

test('with all breakers open there is no server, whatever the panic threshold', () => {
  const { setBreaker, reached } = poolOf([{}, {}], { panic: 50 });
  for (const row of [0, 1]) setBreaker(row, BREAKER.open);
  assert.equal(reached(), '-');
});

test('a half-open breaker gets one request as its trial, and the next go elsewhere', () => {
  const { setBreaker, chooser, reached } = poolOf([{}, {}, {}]);
  setBreaker(2, BREAKER.halfOpen);
  assert.equal(chooser.choose(0, new TriedSet())?.name, 'c');
  assert.equal(chooser.trial, TOKEN);
  assert.equal(reached(), 'ab');
  assert.equal(chooser.trial, 0);
});

test('a trial is sent to no server that is down, in maintenance or was tried', () => {
  const { table, setBreaker, claimed, chooser } = poolOf([{}, {}, {}, {}]);
  for (const row of [1, 2, 3]) setBreaker(row, BREAKER.halfOpen);
  table.setHealth(1, HEALTH.down);
  table.setAdmin(2, ADMIN.maintenance);
  const tried = new TriedSet();
  tried.add(3);
  assert.equal(chooser.choose(0, tried)?.name, 'a');
  assert.equal(claimed.size, 0);
});

test('a half-open backup gets no trial while primaries serve', () => {
  const { setBreaker, reached } = poolOf([{}, { backup: true }]);
  setBreaker(1, BREAKER.halfOpen);
  assert.equal(reached(), 'a');
  setBreaker(0, BREAKER.open);
  assert.equal(reached(), '-b');
});

test('an ejected server gets nothing while another can serve, and all when none can', () => {
  const { table, setEjected, reached } = poolOf([{}, {}, {}]);
  setEjected(0);
  assert.equal(reached(), 'bc');
  table.setHealth(1, HEALTH.down);
  table.setHealth(2, HEALTH.down);
  assert.equal(reached(), 'a');
  table.setAdmin(0, ADMIN.draining);
  assert.equal(reached(), '-');
});

test('a backup serves before an ejected primary', () => {
  const { setEjected, reached } = poolOf([{}, { backup: true }]);
  setEjected(0);
  assert.equal(reached(), 'b');
});

test('backups go on serving after a failover, and primaries where no backup can', () => {
  const { table, reached } = poolOf([{}, { backup: true }, {}]);
  assert.equal(reached(), 'ac');
  table.setFailedOver(0, true);
  assert.equal(reached(), 'b');
  table.setHealth(1, HEALTH.down);
  assert.equal(reached(), 'ac');
  table.setHealth(1, HEALTH.up);
  table.setFailedOver(0, false);
  assert.equal(reached(), 'ac');
});

test('a server that starts slowly gets its share of its turns', () => {
  const { setShare, chooser } = poolOf([{}, {}]);
  const turns = (requests: number) => {
    let count = 0;
    for (let i = 0; i < requests; i++) if (chooser.choose(0, new TriedSet())?.name === 'b') count++;
    return count;
  };
  for (const percent of [10, 50, 90]) {
    setShare(1, percent);
    const expected = (4000 / 2) * (percent / 100);
    assert.ok(Math.abs(turns(4000) - expected) < 150, `${percent}%`);
  }
  setShare(1, 100);
  assert.equal(turns(4000), 2000);
});

test('a client that is hashed changes over to a slow starter once, and stays', () => {
  const { setShare, chooser } = poolOf([{}, {}], { strategy: 'ip_hash' });
  const keys = Array.from({ length: 500 }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 0);
  const own = keys.filter((key) => chooser.choose(key, new TriedSet())?.name === 'b');
  let there = new Set<number>();
  for (const percent of [10, 30, 60, 99]) {
    setShare(1, percent);
    const now = new Set(own.filter((key) => chooser.choose(key, new TriedSet())?.name === 'b'));
    for (const key of there) assert.ok(now.has(key));
    assert.ok(Math.abs(now.size / own.length - percent / 100) < 0.1, `${percent}%`);
    there = now;
  }
});

test('where all usable servers start slowly all are used', () => {
  const { setShare, reached } = poolOf([{}, {}]);
  for (const row of [0, 1]) setShare(row, 10);
  assert.equal(reached(), 'ab');
});
