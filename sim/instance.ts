import { rethrow } from '../src/base/contain.ts';
import { TimerWheel } from '../src/base/wheel.ts';
import { Chooser, type ChooserOptions } from '../src/core/balance/choose.ts';
import { createStrategy, type StrategyName } from '../src/core/balance/registry.ts';
import { TriedSet } from '../src/core/balance/tried-set.ts';
import { VERDICT } from '../src/core/balance/verdict.ts';
import { Http1ClientConnection } from '../src/core/clients/http1-client-connection.ts';
import { Engine } from '../src/core/exchange/engine.ts';
import type { Exchange } from '../src/core/exchange/exchange.ts';
import { Exchanges } from '../src/core/exchange/exchanges.ts';
import { TrustedProxies } from '../src/core/forward/client-address.ts';
import { ClientInfo } from '../src/core/forward/client-info.ts';
import type { ClientPolicy } from '../src/core/routes/client-policy.ts';
import { Guard } from '../src/core/routes/guard.ts';
import { Pool } from '../src/core/servers/pool.ts';
import { Server } from '../src/core/servers/server.ts';
import type { ServerSide } from '../src/core/servers/server-side.ts';
import type { PoolSettings, ServerPlan } from '../src/core/servers/settings.ts';
import type { SharedTable } from '../src/table/table.ts';
import type { Chance } from './chance.ts';
import { SimConnector } from './network.ts';
import type { Sabotage } from './sabotage.ts';
import { SimWaf } from './waf.ts';
import { WatchedQueue } from './watched-queue.ts';
import type { World } from './world.ts';

export const TICK_MS = 50;

/** How one instance of openclaw is set up: the same for all its workers. */
export interface Setup {
  /** Bounds are so low that requests wait, and some in vain. */
  readonly isTight: boolean;
  readonly strategy: StrategyName;
  readonly settings: PoolSettings;
  readonly policy: ClientPolicy;
  readonly plans: readonly ServerPlan[];
  readonly panicThresholdPercent: number;
  /** How much of a body the firewall looks at; 0: there is none. */
  readonly wafBytes: number;
}

/** One worker: the real core, put together as worker/worker.ts does, on the simulated network. */
export class SimWorker {
  readonly name: string;
  readonly wheel: TimerWheel;
  readonly servers: readonly Server[];
  readonly #pool: Pool;
  readonly #chooser: Chooser<Server>;
  readonly #queue: WatchedQueue;
  readonly #connections = new Set<Http1ClientConnection>();
  readonly #engine: Engine;
  /** Those that were ever sent somewhere and are not settled. */
  readonly #exchanges = new Set<Exchange>();
  readonly #world: World;
  readonly #setup: Setup;
  readonly #table: SharedTable;

  /** @param wake calls another worker, some time later */
  constructor(
    world: World,
    setup: Setup,
    table: SharedTable,
    lane: number,
    chance: Chance,
    wake: (lane: number) => void,
  ) {
    const { clock, network, ledger } = world;
    this.#world = world;
    this.#setup = setup;
    this.#table = table;
    this.name = `worker-${lane}`;
    this.wheel = new TimerWheel(clock.nowMs(), TICK_MS);
    this.#engine = new Engine({
      clock,
      wheel: this.wheel,
      random: chance.random,
      table,
      lane,
      connector: new SimConnector(network),
      wake,
      refused: () => {},
      contain: rethrow,
    });
    const engine = this.#engine;
    const exchanges = new Exchanges(engine, (exchange) => {
      this.#exchanges.delete(exchange);
      const request = ledger.requests.get(exchange.requestId);
      if (request !== undefined) request.settled += network.sabotage.settlesTwice ? 2 : 1;
    });
    this.servers = setup.plans.map((plan) => new Server(plan, engine));
    const chooser = new WatchedChooser(world, {
      servers: this.servers,
      strategy: createStrategy(setup.strategy, engine.random),
      table,
      poolRow: setup.settings.row,
      random: engine.random,
      panicThresholdPercent: setup.panicThresholdPercent,
    });
    const keyOf = () => chance.whole(0, 0x7fffffff);
    const { invariants } = world;
    const { row } = setup.settings;
    this.#chooser = chooser;
    this.#queue = new WatchedQueue(engine, row, invariants, network.sabotage);
    if (network.sabotage.claimsTrialsBlindly) {
      for (const server of this.servers) server.claimTrial = () => takeTrial(table, server.row);
    }
    const onAcquire = (exchange: Exchange) => this.#exchanges.add(exchange);
    const settings = sabotaged(setup.settings, network.sabotage);
    const pool = new WatchedPool(
      onAcquire,
      engine,
      settings,
      this.servers,
      chooser,
      keyOf,
      null,
      this.#queue,
    );
    this.#pool = pool;
    const waf = setup.wafBytes > 0 ? new SimWaf(world, setup.wafBytes) : null;
    const guard = new Guard(TrustedProxies.none, null, null, { low: 1, high: 2 });
    const route = { pool, guard, waf, policy: setup.policy };
    const via = new ClientInfo({
      peerAddress: '10.0.0.1',
      peerIsTrusted: false,
      scheme: 'http',
      localAuthority: () => 'localhost',
    });
    network.listen(this.name, (stream) => {
      const connection = new Http1ClientConnection(
        exchanges,
        route,
        stream,
        via,
        clock.nowMs(),
        (one) => {
          this.#connections.delete(one);
        },
      );
      this.#connections.add(connection);
      return connection;
    });
  }

  /** Exchanges that are at a server at this moment. */
  underWayAt(row: number): number {
    return [...this.#exchanges].filter(({ server }) => server?.row === row).length;
  }

  /** Connections that the worker still keeps track of. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Another worker says that it is this one's turn to serve who waits. */
  called(nowMs: number): void {
    this.#queue.called(nowMs);
  }

  tick(nowMs: number): void {
    this.wheel.advance(nowMs);
    this.#queue.tick(nowMs);
    this.#queue.checkWaits(this.#setup.settings.waitMs + 2 * TICK_MS, nowMs);
    if (this.#queue.length > 0 && this.#hasRoom()) {
      const what = `${this.#queue.length} requests wait at ${this.name}, and there is room`;
      this.#world.invariants.fail('noLostWakeUp', what);
    }
  }

  warm(nowMs: number): void {
    this.#pool.warm(nowMs);
  }

  #hasRoom(): boolean {
    const { connectionsMax, row } = this.#setup.settings;
    const mayConnect =
      this.#table.poolCounts.connections(row) < connectionsMax ||
      this.servers.some((server) => server.endpoint.idle.length > 0);
    const isUsable = (server: Server) => this.#chooser.verdict(server, UNTRIED) === VERDICT.usable;
    return mayConnect && this.servers.some(isUsable);
  }

  /** Ends WebSockets; other tunnels are for their ends to end. */
  endSockets(row: number, most: number, overMs: number): void {
    this.#world.network.trace.note(0, `${this.name} ends sockets of row ${row}`);
    const ends = { row, most, webSocketsOnly: true, afterMs: 0, overMs };
    this.#engine.longLived.end(ends, this.#world.clock.nowMs());
  }

  /** Lets go of every client when its request has been answered. */
  drain(): void {
    this.#world.network.trace.note(0, `${this.name} drains`);
    this.endSockets(-1, Number.POSITIVE_INFINITY, 2_000);
    for (const connection of this.#connections) connection.drain();
  }
}

function sabotaged(settings: PoolSettings, sabotage: Sabotage): PoolSettings {
  const { waitMs, connectionsMax } = settings;
  return {
    ...settings,
    waitMs: sabotage.waitsLonger ? waitMs * 10 : waitMs,
    connectionsMax: sabotage.ignoresBounds ? connectionsMax * 10 : connectionsMax,
  };
}

const UNTRIED = new TriedSet();

/** The real pool; tells of every exchange that is sent somewhere. */
class WatchedPool extends Pool {
  readonly #onAcquire: (exchange: Exchange) => void;

  constructor(
    onAcquire: (exchange: Exchange) => void,
    ...rest: ConstructorParameters<typeof Pool>
  ) {
    super(...rest);
    this.#onAcquire = onAcquire;
  }

  override acquire(server: Server, exchange: Exchange, nowMs: number): ServerSide | null {
    const connection = super.acquire(server, exchange, nowMs);
    if (connection !== null) this.#onAcquire(exchange);
    return connection;
  }
}

/** A trial is taken whether or not another is under way. */
function takeTrial(table: SharedTable, row: number): number {
  const token = 4;
  table.breakers.setTrial(row, token);
  return token;
}

/** The real chooser; what it chooses is compared with the table. */
class WatchedChooser extends Chooser<Server> {
  readonly #world: World;
  readonly #options: ChooserOptions<Server>;

  constructor(world: World, options: ChooserOptions<Server>) {
    super(options);
    this.#world = world;
    this.#options = options;
  }

  override choose(key: number, tried: TriedSet): Server | null {
    const { network, invariants } = this.#world;
    const { servers, table, panicThresholdPercent } = this.#options;
    const isBlind = network.sabotage.choosesBlindly === true;
    const trials = servers.map(({ row }) => {
      return table.breakers.trial(row);
    });
    const server = isBlind ? servers[key % servers.length]! : super.choose(key, tried);
    if (server !== null) {
      const tier = servers.filter((one) => one.backup === server.backup);
      const rows = servers.map((one) => one.row);
      if (this.trial !== 0) invariants.tried(server.row, trials[servers.indexOf(server)]!);
      const rowsOfTier = tier.map((one) => one.row);
      invariants.chosen(table, server.row, {
        rows,
        rowsOfTier,
        isTrial: this.trial !== 0,
        isTried: (row) => tried.has(row),
        panicPercent: panicThresholdPercent,
      });
      if (network.sabotage.leaksCounter) table.enter(server.row, 0);
    }
    return server;
  }
}
