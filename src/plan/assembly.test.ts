/** What stays over a change of the plan, and what does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rethrow } from '../base/contain.ts';
import { NetworkSet } from '../base/network-set.ts';
import { seededRandom } from '../base/random.ts';
import { TimerWheel } from '../base/wheel.ts';
import { TriedSet } from '../core/balance/tried-set.ts';
import { DEFAULT_HEAD_LIMITS } from '../core/http1/head.ts';
import type { ClientPolicy } from '../core/routes/client-policy.ts';
import type { PoolSettings, ServerPlan } from '../core/servers/settings.ts';
import type { Waiter } from '../core/servers/wait-queue.ts';
import { SharedTable } from '../table/table.ts';
import { WAF_DEFAULTS, type WafOptions } from '../waf/index.ts';
import { Assembly, type PathPlan } from './assembly.ts';
import type { PoolPlan, RoutePlan } from './worker-plan.ts';

const POLICY: ClientPolicy = {
  requestMs: 3_000,
  idleMs: 8_000,
  readMs: 2_000,
  writeMs: 2_000,
  uploadBytesPerSecond: 0,
  downloadBytesPerSecond: 0,
  highWaterBytes: 16_384,
  replayBytes: 65_536,
  tracing: null,
  headLimits: DEFAULT_HEAD_LIMITS,
};

const fails = () => assert.fail('nothing goes out');

function assemblyOf(plan: PathPlan): Assembly {
  const clock = { nowMs: () => 1_000, wallMs: () => 1_790_000_000_000 };
  const given = {
    clock,
    wheel: new TimerWheel(0, 50),
    random: seededRandom(3),
    table: SharedTable.create({ serverRows: 8, workerLanes: 1 }),
    lane: 0,
    connector: { connect: fails, addressesVersion: () => 0, leadsTo: () => true },
    wake: () => {},
    contain: rethrow,
    settled: () => {},
    refused: () => {},
  };
  return new Assembly(given, plan);
}

function planOf(pools: readonly [PoolPlan, ...PoolPlan[]], more: Partial<PathPlan> = {}): PathPlan {
  return {
    guard: {
      trusted: NetworkSet.of([]).memory,
      trustsUnixPeers: false,
      trustedHeader: 'auto',
      access: null,
      limits: null,
    },
    shedding: { delayMs: 0, memoryBytes: 0 },
    pools,
    routes: [routeOf('default', pools[0].settings.name)],
    ...more,
  };
}

function poolOf(name: string, row: number, servers: readonly ServerPlan[]): PoolPlan {
  return {
    settings: { name, row, strategy: 'round_robin', breaker: null, waitMs: 1_000 } as PoolSettings,
    servers,
    strategy: 'round_robin',
    strategyKey: 'address',
    panicThresholdPercent: 0,
    persistence: null,
  };
}

function serverOf(row: number, port = 80): ServerPlan {
  const address = { host: `10.0.0.${row}`, port, path: '', tls: null };
  const name = `10.0.0.${row}:${port}`;
  return { row, label: name, name, address, weight: 1, backup: false, maxInFlight: 0 };
}

/** A request that waits and takes no turn until it is let. */
class Waiting implements Waiter {
  waitingSinceMs = 0;
  ahead = null;
  behind = null;
  turns = 0;

  takeTurn(): boolean {
    this.turns += 1;
    return false;
  }

  crashed(): void {}
}

test('other servers: those that stay are the same, those that left are retired, the route stays', () => {
  const path = assemblyOf(planOf([poolOf('a', 0, [serverOf(0), serverOf(1)])]));
  const route = path.route('default');
  const [first, second] = route.pool.servers;
  path.followServers('a', [serverOf(2), serverOf(0)]);
  assert.equal(path.route('default'), route);
  assert.deepEqual(
    route.pool.servers.map(({ row }) => row),
    [2, 0],
  );
  assert.equal(route.pool.servers[1], first);
  assert.equal(first!.endpoint.isRetired, false);
  assert.equal(second!.endpoint.isRetired, true);
});

test('a server of another address in the same row is another one', () => {
  const path = assemblyOf(planOf([poolOf('a', 0, [serverOf(0)])]));
  const [before] = path.route('default').pool.servers;
  path.followServers('a', [serverOf(0, 81)]);
  assert.notEqual(path.route('default').pool.servers[0], before);
  assert.equal(before!.endpoint.isRetired, true);
});

test('other servers of one pool leave the others alone', () => {
  const pools = [poolOf('a', 0, [serverOf(0)]), poolOf('b', 1, [serverOf(1)])] as const;
  const path = assemblyOf(planOf(pools, { routes: routesOf('a', 'b') }));
  const before = path.route('a').pool;
  path.followServers('b', [serverOf(2)]);
  assert.equal(path.route('a').pool, before);
  assert.equal(path.route('b').pool.servers[0]!.row, 2);
  assert.throws(() => path.followServers('c', []), RangeError);
});

test('turns of a strategy go on over a change of servers', () => {
  const servers = [serverOf(0), serverOf(1), serverOf(2)];
  const path = assemblyOf(planOf([poolOf('a', 0, servers)]));
  const route = path.route('default');
  const next = () => route.pool.choose(0, new TriedSet())!.row;
  const rows = [next()];
  path.followServers('a', servers);
  rows.push(next());
  path.follow(planOf([poolOf('a', 0, servers)]));
  rows.push(next());
  assert.deepEqual(rows.sort(), [0, 1, 2]);
});

test('who waits goes on waiting over a change, and is looked at in every pool', () => {
  const pools = [poolOf('a', 0, [serverOf(0)]), poolOf('b', 1, [serverOf(1)])] as const;
  const plan = planOf(pools, { routes: routesOf('a', 'b') });
  const path = assemblyOf(plan);
  const waiting = [new Waiting(), new Waiting()];
  waiting.forEach((one, at) => {
    path.pools[at]!.queue.add(one, false, 10, 1_000);
  });
  path.follow(plan);
  assert.deepEqual(
    path.pools.map(({ queue }) => queue.length),
    [1, 1],
  );
  path.tick(1_050);
  assert.deepEqual(
    waiting.map(({ turns }) => turns),
    [1, 1],
  );
  path.called(1_060);
  assert.deepEqual(
    waiting.map(({ turns }) => turns),
    [2, 2],
  );
});

test('a pool that is no longer in the plan has no servers, and who waits for it is looked at once more', () => {
  const pools = [poolOf('a', 0, [serverOf(0)]), poolOf('b', 1, [serverOf(1)])] as const;
  const path = assemblyOf(planOf(pools, { routes: routesOf('a', 'b') }));
  const gone = path.route('b');
  const { queue, servers } = gone.pool;
  const waiting = new Waiting();
  queue.add(waiting, false, 10, 1_000);
  path.follow(planOf([pools[0]], { routes: [routeOf('a', 'a')] }));
  assert.equal(servers[0]!.endpoint.isRetired, true);
  assert.equal(waiting.turns, 1);
  assert.equal(queue.pool!.servers.length, 0);
  assert.throws(() => path.route('b'), RangeError);
});

test('a route can lead to another pool with another policy, and stays the same', () => {
  const pools = [poolOf('a', 0, [serverOf(0)]), poolOf('b', 1, [serverOf(1)])] as const;
  const path = assemblyOf(planOf(pools));
  const route = path.route('default');
  assert.equal(route.pool.settings.name, 'a');
  const requestMs = 9_000;
  const other = { ...routeOf('default', 'b'), policy: { ...POLICY, requestMs } };
  path.follow(planOf(pools, { routes: [other] }));
  assert.equal(path.route('default'), route);
  assert.equal(route.pool.settings.name, 'b');
  assert.equal(route.policy.requestMs, requestMs);
});

test('the firewall is made anew only where its options changed', () => {
  const pools = [poolOf('a', 0, [serverOf(0)])] as const;
  const planWith = (options: WafOptions | null) =>
    planOf(pools, { routes: [{ ...routeOf('default', 'a'), waf: options }] });
  const path = assemblyOf(planWith(WAF_DEFAULTS));
  const { waf } = path.route('default');
  assert.ok(waf !== null);
  path.follow(planWith({ ...WAF_DEFAULTS }));
  assert.equal(path.route('default').waf, waf);
  path.follow(planWith({ ...WAF_DEFAULTS, anomalyThreshold: 9 }));
  assert.notEqual(path.route('default').waf, waf);
  path.follow(planWith(null));
  assert.equal(path.route('default').waf, null);
});

function routeOf(name: string, pool: string): RoutePlan {
  return { name, pool, waf: null, policy: POLICY };
}

function routesOf(...names: readonly [string, string]): PathPlan['routes'] {
  const [one, other] = names;
  return [routeOf(one, one), routeOf(other, other)];
}
