/** What `lb explain` is asked of a made-up request must leave no trace. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkSet } from '../base/network-set.ts';
import { seededRandom } from '../base/random.ts';
import { TimerWheel } from '../base/wheel.ts';
import { addressKey } from '../core/balance/address-key.ts';
import { Chooser } from '../core/balance/choose.ts';
import { createStrategy, type StrategyName, strategyNames } from '../core/balance/registry.ts';
import { TriedSet } from '../core/balance/tried-set.ts';
import { Engine } from '../core/exchange/engine.ts';
import { TrustedProxies } from '../core/forward/client-address.ts';
import { ClientInfo } from '../core/forward/client-info.ts';
import { DEFAULT_HEAD_LIMITS } from '../core/http1/head.ts';
import { Rate } from '../core/limits/rate.ts';
import { SourceRates } from '../core/limits/source-rates.ts';
import type { ClientPolicy } from '../core/routes/client-policy.ts';
import { Guard } from '../core/routes/guard.ts';
import type { Route } from '../core/routes/route.ts';
import { Pool } from '../core/servers/pool.ts';
import { Server } from '../core/servers/server.ts';
import type { PoolSettings } from '../core/servers/settings.ts';
import { WaitQueue } from '../core/servers/wait-queue.ts';
import { AddressTable } from '../core/sticky/address-table.ts';
import { BREAKER } from '../table/layout.ts';
import { SourceTable } from '../table/source-table.ts';
import { SharedTable } from '../table/table.ts';
import type { Explanation } from './explanation.ts';
import { rehearse } from './rehearsal.ts';

const SERVERS = 5;
const CLIENT = '192.0.2.7';

/** A worker whose randomness comes from one seed. */
class World {
  readonly table = SharedTable.create({ serverRows: SERVERS, workerLanes: 1 });
  readonly sessions = SourceTable.create(64, 1);
  readonly rates = SourceRates.create(64);
  readonly engine: Engine;
  readonly pool: Pool;
  readonly route: Route;
  wallMs = 1_790_000_000_000;

  constructor(strategy: StrategyName, options: { isSticky?: boolean; perSecond?: number } = {}) {
    const { table } = this;
    const clock = { nowMs: () => 1_000, wallMs: () => this.wallMs };
    const fails = (what: string) => () => assert.fail(`${what} of a made-up request`);
    this.engine = new Engine({
      clock,
      wheel: new TimerWheel(0, 50),
      random: seededRandom(3),
      table,
      lane: 0,
      connector: {
        connect: fails('a connection'),
        addressesVersion: fails('a lookup'),
        leadsTo: fails('a lookup'),
      },
      wake: () => {},
      refused: fails('a refusal'),
      contain: fails('an error'),
    });
    const servers = Array.from({ length: SERVERS }, (_, row) => {
      const name = `10.0.0.${row}:80`;
      const address = { host: '10.0.0.1', port: 80, path: '', tls: null };
      const plan = { row, label: name, name, address, backup: false, maxInFlight: 0 };
      return new Server({ ...plan, weight: row + 1 }, this.engine);
    });
    const chooser = new Chooser({
      poolRow: 0,
      random: this.engine.random,
      servers,
      strategy: createStrategy(strategy, this.engine.random),
      table,
      panicThresholdPercent: 0,
    });
    const persistence = options.isSticky
      ? new AddressTable(SourceTable.open(this.sessions, 60_000))
      : null;
    const settings = { strategy, name: 'default' } as PoolSettings;
    const keyOf = (clientInfo: ClientInfo) => addressKey(clientInfo.clientAddress);
    const queue = new WaitQueue<Pool>(this.engine, 0);
    this.pool = new Pool(this.engine, settings, servers, chooser, keyOf, persistence, queue);
    let guard = new Guard(TrustedProxies.none, null, null, { low: 1, high: 2 });
    if (options.perSecond !== undefined) {
      const rate = new Rate(options.perSecond, options.perSecond);
      const limits = {
        observes: false,
        connectionsMax: 0,
        rates: new SourceRates(this.rates, rate, new Rate(1_000, 1_000)),
        perSource: rate,
        overall: null,
        exempt: NetworkSet.of([]),
      };
      guard = new Guard(TrustedProxies.none, null, limits, { low: 1, high: 2 });
    }
    const policy = { tracing: null, headLimits: DEFAULT_HEAD_LIMITS } as ClientPolicy;
    this.route = { pool: this.pool, guard, waf: null, policy };
  }

  clientInfo(): ClientInfo {
    const source = new Guard(TrustedProxies.none, null, null, { low: 1, high: 2 }).sourceOf(CLIENT);
    const peer = { address: CLIENT, port: 0, localAuthority: () => 'localhost' };
    const from = { peer, peerIsTrusted: false, source };
    return new ClientInfo({ ...from, scheme: 'http' });
  }

  explain(seed = 9): Explanation {
    const question = {
      kind: 'made-up',
      method: 'GET',
      path: '/',
      headers: [],
      client: CLIENT,
    } as const;
    const told = rehearse(this.engine, this.route, this.clientInfo(), question, seededRandom(seed));
    if (typeof told === 'string') assert.fail(told);
    return told;
  }

  choose(key: number): string {
    return this.pool.choose(key, new TriedSet())!.label;
  }

  /** Everything that workers share. */
  bytes(): string {
    return [this.table.memory, this.sessions, this.rates]
      .map((memory) => Buffer.from(memory).toString('base64'))
      .join(' ');
  }
}

const DRAWN: readonly StrategyName[] = ['random', 'power_of_two'];

for (const strategy of strategyNames) {
  test(`a made-up request takes no turn of ${strategy} and draws nothing`, () => {
    const asked = new World(strategy);
    const left = new World(strategy);
    const key = addressKey(CLIENT);
    for (let nth = 0; nth < 40; nth++) {
      if (nth === 20) for (const { table } of [asked, left]) table.setOperatorWeight(2, 0);
      const before = asked.bytes();
      const foreseen = [1, 2, 3].map((seed) => asked.explain(seed).choices[0]!.server);
      assert.equal(asked.bytes(), before);
      const next = asked.choose(key);
      assert.equal(next, left.choose(key), `request ${nth}`);
      if (!DRAWN.includes(strategy)) assert.deepEqual(foreseen, [next, next, next]);
    }
    assert.equal(asked.engine.requestIds.next(), left.engine.requestIds.next());
    assert.equal(asked.engine.random(), left.engine.random());
  });
}

test('a made-up request spends nothing of what its client may ask, and says when it would be refused', () => {
  const world = new World('round_robin', { perSecond: 2 });
  const { guard } = world.route;
  for (let nth = 0; nth < 10; nth++) assert.equal(world.explain().failure, '');
  assert.equal(guard.judge(world.clientInfo(), 1_000), '');
  assert.equal(guard.judge(world.clientInfo(), 1_000), '');
  const before = world.bytes();
  const told = world.explain();
  assert.deepEqual(told.rules.at(-1), { name: 'guard', result: 'answered: address_rate_limited' });
  assert.equal(world.bytes(), before);
});

test('a made-up request is not shed, and says how many are', () => {
  const world = new World('round_robin');
  world.engine.shedder.share = 0.9;
  const { rules, choices } = world.explain();
  assert.equal(choices.length, 1);
  const shed = rules.find(({ name }) => name === 'shed')!;
  assert.equal(shed.result, 'passed; 90% of new requests are refused for overload now');
});

test('a made-up request takes no trial of a half-open breaker, and would be it', () => {
  const world = new World('round_robin');
  const { table, pool } = world;
  const server = pool.servers[3]!;
  server.breaker = { failureThreshold: 1, recoveryMs: 1, halfOpenMs: 1 };
  table.breakers.replace(server.row, BREAKER.halfOpen);
  table.raiseGeneration();
  const before = world.bytes();
  const { server: chosen, because } = world.explain().choices[0]!;
  assert.deepEqual([chosen, /this request is the trial/.test(because)], [server.label, true]);
  assert.equal(world.bytes(), before);
  assert.equal(world.choose(0), server.label);
  assert.notEqual(pool.takeTrial(), 0);
  assert.notEqual(world.explain().choices[0]!.server, server.label, 'it is under way');
});

test('a made-up request binds no client, and does not count as one of it', () => {
  const world = new World('round_robin', { isSticky: true });
  const empty = world.bytes();
  assert.equal(world.explain().session!.server, '');
  assert.equal(world.bytes(), empty);
  const table = SourceTable.open(world.sessions, 60_000);
  table.bind(addressKey(CLIENT), 2, -1, world.wallMs);
  world.wallMs += 30_000;
  const bound = world.bytes();
  assert.equal(world.explain().choices[0]!.server, world.pool.servers[2]!.label);
  assert.equal(world.bytes(), bound);
});
