/** One behaviour suite over all kinds of session persistence, on a real pool. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rethrow } from '../../base/contain.ts';
import { seededRandom } from '../../base/random.ts';
import { TimerWheel } from '../../base/wheel.ts';
import { ADMIN, HEALTH } from '../../table/layout.ts';
import { SourceTable } from '../../table/source-table.ts';
import { SharedTable } from '../../table/table.ts';
import { Chooser } from '../balance/choose.ts';
import { createStrategy } from '../balance/registry.ts';
import { TriedSet } from '../balance/tried-set.ts';
import { WorkerContext } from '../ports/worker-context.ts';
import { AddressRing } from '../sticky/address-ring.ts';
import { AddressTable } from '../sticky/address-table.ts';
import { CookiePersistence } from '../sticky/cookie.ts';
import { requestHead, responseHead } from '../sticky/heads.testing.ts';
import { Binding, type Persistence, type StickyClient } from '../sticky/persistence.ts';
import { Pool } from './pool.ts';
import { Server } from './server.ts';
import type { PoolSettings, ServerPlan } from './settings.ts';
import { WaitQueue } from './wait-queue.ts';

const memory = () => SourceTable.create(10_000, 1);

interface Kind {
  readonly name: string;
  /** Makes what the workers of an instance share, and from that the persistence of each. */
  readonly share: () => (servers: readonly Server[]) => Persistence;
  /** A client whose server failed stays with the one it was given instead. */
  readonly staysAfterRecovery: boolean;
}

const KINDS: readonly Kind[] = [
  {
    name: 'cookie',
    share: () => (servers) =>
      new CookiePersistence(
        {
          name: 'sid',
          path: '/',
          domain: '',
          expiresMs: 0,
          secure: false,
          httpOnly: true,
          sameSite: 'lax',
        },
        ['the secret of these tests'],
        servers,
      ),
    staysAfterRecovery: true,
  },
  ...(['crc32', 'fnv1a', 'xxhash'] as const).map((algorithm) => ({
    name: `ip_hash by ${algorithm}`,
    share: () => (servers: readonly Server[]) => new AddressRing(algorithm, servers),
    // Nothing remembers where the client was in the meantime.
    staysAfterRecovery: false,
  })),
  {
    name: 'source_ip',
    share: () => {
      const shared = memory();
      return () => new AddressTable(SourceTable.open(shared, 3_600_000));
    },
    staysAfterRecovery: true,
  },
];

const SERVERS = 4;

/** An instance of two workers on four servers, of which some may be backups or bounded. */
class World {
  readonly table = SharedTable.create({ serverRows: 16, workerLanes: 2 });
  readonly workers: Pool[];
  readonly #persistenceOf: (servers: readonly Server[]) => Persistence;

  constructor(kind: Kind, plans: readonly Partial<ServerPlan>[] = Array(SERVERS).fill({})) {
    this.#persistenceOf = kind.share();
    this.workers = [this.worker(plans), this.worker(plans)];
  }

  worker(plans: readonly Partial<ServerPlan>[]): Pool {
    const { table } = this;
    const clock = { nowMs: () => 0, wallMs: () => 1_790_000_000_000 };
    const context = new WorkerContext({
      clock,
      wheel: new TimerWheel(0, 50),
      random: seededRandom(1),
      table,
      lane: 0,
      connector: {
        connect: () => assert.fail('nothing is sent here'),
        addressesVersion: () => 0,
        leadsTo: () => true,
      },
      wake: () => {},
      contain: rethrow,
    });
    const servers = plans.map((plan, row) => {
      const name = `10.0.0.${row}:80`;
      const address = { host: '10.0.0.1', port: 80, path: '', tls: null };
      const whole = { row, label: name, name, address, weight: 1, backup: false, maxInFlight: 0 };
      return new Server({ ...whole, ...plan }, context);
    });
    const chooser = new Chooser({
      poolRow: 0,
      random: context.random,
      servers,
      strategy: createStrategy('round_robin', context.random),
      table,
      panicThresholdPercent: 0,
    });
    const persistence = this.#persistenceOf(servers);
    const queue = new WaitQueue<Pool>(context, 0);
    const settings = { strategy: 'round_robin' } as PoolSettings;
    return new Pool(context, settings, servers, chooser, null, persistence, queue);
  }
}

/** A client with an address of its own that keeps cookies. */
class Client {
  readonly peer: StickyClient;
  #cookie = '';

  constructor(number: number) {
    const clientAddress = `192.0.${number >> 8}.${number & 255}`;
    this.peer = { clientAddress, checkedCookie: null };
  }

  /**
   * Sends a request.
   *
   * @param failing rows of servers at which it fails, so that it is tried elsewhere
   * @returns the row of the server that answers, -1 where none was left
   */
  visit(pool: Pool, failing: readonly number[] = []): number {
    const { head } = requestHead(...(this.#cookie === '' ? [] : [`Cookie: ${this.#cookie}`]));
    const binding = new Binding();
    const tried = new TriedSet();
    pool.persistence!.find(head, this.peer, pool, binding, 1_790_000_000_000);
    for (;;) {
      const server = pool.chooseBound(0, tried, binding);
      if (server === null) return -1;
      if (!failing.includes(server.row)) {
        const line = pool.persistence!.respond(responseHead(), binding);
        if (line !== '') this.#cookie = /^Set-Cookie: ([^;]*)/.exec(line)![1]!;
        return server.row;
      }
      assert.equal(tried.has(server.row), false);
      tried.add(server.row);
    }
  }
}

const clients = (count: number) => Array.from({ length: count }, (_, at) => new Client(at));

for (const kind of KINDS) {
  describe(kind.name, () => {
    test('a client comes back to its server, whichever worker it meets', () => {
      const { workers } = new World(kind);
      for (const client of clients(50)) {
        const row = client.visit(workers[0]!);
        for (let visit = 0; visit < 6; visit++) {
          assert.equal(client.visit(workers[visit % 2]!), row);
        }
      }
    });

    test('clients spread over all servers', () => {
      const { workers } = new World(kind);
      const counts = Array(SERVERS).fill(0);
      for (const client of clients(400)) counts[client.visit(workers[0]!)] += 1;
      for (const count of counts) assert.ok(count > 40, `${counts}`);
    });

    test('clients of a server that is down have another, and all others keep theirs', () => {
      const { table, workers } = new World(kind);
      const [worker] = workers as [Pool];
      const known = clients(200).map((client) => ({ client, row: client.visit(worker) }));
      table.setHealth(2, HEALTH.down);
      const later = known.map(({ client, row }) => {
        const now = client.visit(worker);
        if (row === 2) assert.notEqual(now, 2);
        else assert.equal(now, row);
        assert.equal(client.visit(worker), now, 'it stays there');
        return now;
      });
      const taken = new Set(later.filter((_, at) => known[at]!.row === 2));
      assert.equal(taken.size, SERVERS - 1, 'they spread over the others');
      table.setHealth(2, HEALTH.up);
      for (const [at, { client, row }] of known.entries()) {
        assert.equal(client.visit(worker), kind.staysAfterRecovery ? later[at] : row);
      }
    });

    test('a draining server keeps its clients', () => {
      const { table, workers } = new World(kind);
      const known = clients(50).map((client) => ({ client, row: client.visit(workers[0]!) }));
      table.setAdmin(1, ADMIN.draining);
      for (const { client, row } of known) assert.equal(client.visit(workers[1]!), row);
    });

    test('a server in maintenance has no client', () => {
      const { table, workers } = new World(kind);
      const known = clients(50);
      for (const client of known) client.visit(workers[0]!);
      table.setAdmin(1, ADMIN.maintenance);
      for (const client of known) assert.notEqual(client.visit(workers[0]!), 1);
    });

    test('a request that fails at its server is answered by another', () => {
      const { workers } = new World(kind);
      for (const client of clients(20)) {
        const row = client.visit(workers[0]!);
        const other = client.visit(workers[0]!, [row]);
        assert.ok(other !== row && other !== -1);
      }
    });

    test('a request that fails everywhere is told so', () => {
      const { workers } = new World(kind);
      const [client] = clients(1) as [Client];
      client.visit(workers[0]!);
      assert.equal(client.visit(workers[0]!, [0, 1, 2, 3]), -1);
    });

    test('no server is chosen where none is up', () => {
      const { table, workers } = new World(kind);
      const [client] = clients(1) as [Client];
      client.visit(workers[0]!);
      for (let row = 0; row < SERVERS; row++) table.setHealth(row, HEALTH.down);
      assert.equal(client.visit(workers[0]!), -1);
    });

    test('a client whose server is full is served by another, and comes back', () => {
      const { table, workers } = new World(kind, Array(SERVERS).fill({ maxInFlight: 1 }));
      for (const client of clients(20)) {
        const row = client.visit(workers[0]!);
        table.enter(row, 0);
        const other = client.visit(workers[0]!);
        assert.ok(other !== row && other !== -1);
        table.leave(row, 0);
        assert.equal(client.visit(workers[0]!), row);
      }
    });

    test('backups have clients only while no primary is up', () => {
      const plans = [{}, {}, { backup: true }, { backup: true }];
      const { table, workers } = new World(kind, plans);
      const known = clients(50);
      for (const client of known) assert.ok(client.visit(workers[0]!) < 2);
      for (const row of [0, 1]) table.setHealth(row, HEALTH.down);
      const rows = known.map((client) => client.visit(workers[0]!));
      assert.deepEqual(new Set(rows), new Set([2, 3]));
      for (const [at, client] of known.entries()) {
        assert.equal(client.visit(workers[1]!), rows[at]);
      }
      for (const row of [0, 1]) table.setHealth(row, HEALTH.up);
      // A session goes on where it is, though only a backup; new ones begin at primaries.
      for (const [at, client] of known.entries()) {
        const row = client.visit(workers[0]!);
        if (kind.staysAfterRecovery) assert.equal(row, rows[at]);
        else assert.ok(row < 2);
      }
      for (let at = 100; at < 150; at++) assert.ok(new Client(at).visit(workers[0]!) < 2);
    });

    test('a reload that takes a server away moves only its clients', () => {
      const world = new World(kind);
      const known = clients(100).map((client) => ({
        client,
        row: client.visit(world.workers[0]!),
      }));
      const fewer = world.worker(Array(SERVERS - 1).fill({}));
      for (const { client, row } of known) {
        const now = client.visit(fewer);
        if (row === SERVERS - 1) assert.ok(now < SERVERS - 1);
        else assert.equal(now, row);
      }
    });
  });
}

test('workers that meet an address in one moment send it to one server', () => {
  const kind = KINDS.find(({ name }) => name === 'source_ip')!;
  const { workers } = new World(kind);
  const rows = new Set<number>();
  // Both look before either binds: round robin would give the second another server.
  new Client(9).visit(workers[1]!);
  const visits = workers.map((pool) => {
    const { head } = requestHead();
    const binding = new Binding();
    pool.persistence!.find(head, new Client(1).peer, pool, binding, 1_790_000_000_000);
    return { pool, binding };
  });
  for (const { pool, binding } of visits) {
    rows.add(pool.chooseBound(0, new TriedSet(), binding)!.row);
  }
  assert.equal(rows.size, 1);
});
