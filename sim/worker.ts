import { rethrow } from '../src/base/contain.ts';
import { TimerWheel } from '../src/base/wheel.ts';
import { VERDICT } from '../src/core/balance/server-verdict.ts';
import { Http1ClientConnection } from '../src/core/clients/http1-client-connection.ts';
import { Http2ClientStream } from '../src/core/clients/http2-client-stream.ts';
import type { ClientSide } from '../src/core/exchange/client-side.ts';
import type { Exchange } from '../src/core/exchange/exchange.ts';
import { ClientInfo } from '../src/core/forward/client-info.ts';
import type { Pool } from '../src/core/servers/pool.ts';
import { Server } from '../src/core/servers/server.ts';
import type { PoolSettings, ServerPlan } from '../src/core/servers/settings.ts';
import { Assembly, type Parts, type PathPlan } from '../src/plan/assembly.ts';
import type { SharedTable } from '../src/table/table.ts';
import type { Chance } from './chance.ts';
import type { SimStream } from './http2-stream.ts';
import { type Endpoint, SimConnector } from './network.ts';
import type { Sabotage } from './sabotage.ts';
import { SimWaf } from './waf.ts';
import { WatchedChooser, WatchedPool } from './watched-pool.ts';
import { WatchedQueue } from './watched-queue.ts';
import type { World } from './world.ts';

export const TICK_MS = 50;

const PEER = {
  peer: { address: '10.0.0.1', port: 0, localAuthority: () => 'localhost' },
  peerIsTrusted: false,
};
const HTTP1_CLIENT = new ClientInfo({ ...PEER, scheme: 'http' });
const HTTP2_CLIENT = new ClientInfo({ ...PEER, scheme: 'https', isHttp2: true });

/** One worker: the real core, put together as a data thread does it, on the simulated network. */
export class SimWorker {
  readonly name: string;
  readonly lane: number;
  readonly wheel: TimerWheel;
  /** When the last plan that it was told reaches it. */
  toldMs = 0;
  readonly #path: Assembly;
  readonly #queues: WatchedQueue[] = [];
  readonly #connections = new Set<Http1ClientConnection>();
  /** HTTP/2 streams of clients. */
  readonly #streams = new Map<Http2ClientStream, SimStream>();
  /** By which route the requests of a client are to go. */
  readonly #routeNames = new WeakMap<ClientSide, string>();
  /** Its ends of connections, those that are closed included. */
  readonly #ends = new Set<Endpoint>();
  /** Those that were ever sent somewhere and are not settled. */
  readonly #exchanges = new Set<Exchange>();
  readonly #world: World;
  readonly #table: SharedTable;
  readonly #chance: Chance;
  #plan: PathPlan;
  /** Since when it follows the plan. */
  #plannedMs: number;
  /** The longest that any plan let requests wait. */
  #waitMsMost = 0;
  #isDead = false;

  /** @param wake calls another worker, some time later */
  constructor(
    world: World,
    plan: PathPlan,
    table: SharedTable,
    lane: number,
    chance: Chance,
    wake: (lane: number) => void,
  ) {
    const { clock, network } = world;
    this.#world = world;
    this.#table = table;
    this.#chance = chance;
    this.#plan = plan;
    this.#plannedMs = clock.nowMs();
    this.lane = lane;
    this.name = `worker-${lane}`;
    this.wheel = new TimerWheel(clock.nowMs(), TICK_MS);
    this.#noteWaits(plan);
    const given = {
      clock,
      wheel: this.wheel,
      random: chance.random,
      table,
      lane,
      connector: new SimConnector(network, (end) => this.#ends.add(end)),
      wake,
      contain: rethrow,
      settled: (exchange: Exchange) => this.#settled(exchange),
      refused: () => {},
    };
    this.#path = new Assembly(given, plan, this.#parts());
    for (const { name } of plan.routes) this.#listen(name);
  }

  /** Where clients connect whose requests are to go by a route. */
  listenerOf(route: string): string {
    const isFirst = route === this.#plan.routes[0].name;
    return isFirst ? this.name : `${this.name}-${route}`;
  }

  /** Follows another plan, as after a reload. */
  follow(plan: PathPlan): void {
    if (this.#isDead) return;
    this.#planned(plan);
    this.#path.follow(this.#sabotaged(plan));
  }

  /** Gives one pool other servers. @param plan as it is with them */
  followServers(plan: PathPlan, pool: string, servers: readonly ServerPlan[]): void {
    if (this.#isDead) return;
    this.#planned(plan);
    const told = this.#sabotaged(plan).pools.find(({ settings }) => settings.name === pool);
    this.#path.followServers(pool, told?.servers ?? servers);
  }

  /** Ends all at once: its clients and servers see resets, and nobody here hears of anything. */
  die(): void {
    const { network, ledger } = this.#world;
    network.trace.note(0, `${this.name} dies`);
    this.#isDead = true;
    for (const { name } of this.#plan.routes) network.unlisten(this.listenerOf(name));
    for (const end of this.#ends) end.reset();
    for (const stream of this.#streams.values()) stream.lost();
    for (const exchange of this.#exchanges) {
      const request = ledger.requests.get(exchange.requestId);
      if (request !== undefined) request.isLost = true;
    }
  }

  /** A client opens an HTTP/2 stream. @returns null where nobody is there */
  openStream(routeName: string, port: SimStream): Http2ClientStream | null {
    if (this.#isDead) return null;
    const { exchanges } = this.#path;
    const route = this.#path.route(routeName);
    const stream = new Http2ClientStream(exchanges, route, HTTP2_CLIENT, port, (one) =>
      this.#streams.delete(one),
    );
    this.#streams.set(stream, port);
    this.#routeNames.set(stream, routeName);
    return stream;
  }

  /** Exchanges that are at a server at this moment. */
  underWayAt(row: number): number {
    return [...this.#exchanges].filter(({ server }) => server?.row === row).length;
  }

  /** Connections and streams of clients that the worker still keeps track of. */
  get connections(): number {
    return this.#connections.size + this.#streams.size;
  }

  /** Connections to servers that rest. */
  get idleConnections(): number {
    return this.#path.idleConnections();
  }

  /** Another worker says that it is this one's turn to serve who waits. */
  called(nowMs: number): void {
    if (!this.#isDead) this.#path.called(nowMs);
  }

  tick(nowMs: number): void {
    this.wheel.advance(nowMs);
    this.#path.tick(nowMs);
    for (const queue of this.#queues) {
      queue.checkWaits(this.#waitMsMost + 2 * TICK_MS, nowMs);
      if (queue.length === 0 || !this.#hasRoom(queue.pool!)) continue;
      const what = `${queue.length} requests wait at ${this.name}, and there is room`;
      this.#world.invariants.fail('noLostWakeUp', what);
    }
  }

  warm(nowMs: number): void {
    for (const pool of this.#path.pools) pool.warm(nowMs);
  }

  /** Ends WebSockets; other tunnels are for their ends to end. */
  endSockets(row: number, most: number, overMs: number): void {
    if (this.#isDead) return;
    this.#world.network.trace.note(0, `${this.name} ends sockets of row ${row}`);
    const ends = { row, most, webSocketsOnly: true, afterMs: 0, overMs };
    this.#path.engine.longLived.end(ends, this.#world.clock.nowMs());
  }

  /** Lets go of every client when its request has been answered. */
  drain(): void {
    if (this.#isDead) return;
    this.#world.network.trace.note(0, `${this.name} drains`);
    this.endSockets(-1, Number.POSITIVE_INFINITY, 2_000);
    for (const connection of this.#connections) connection.drain();
  }

  #listen(routeName: string): void {
    const { network, clock } = this.#world;
    const { exchanges } = this.#path;
    const isMixed = network.sabotage.mixesRoutes === true;
    const route = this.#path.route(isMixed ? this.#plan.routes[0].name : routeName);
    network.listen(this.listenerOf(routeName), (stream) => {
      this.#ends.add(stream);
      const connection = new Http1ClientConnection(
        exchanges,
        route,
        stream,
        HTTP1_CLIENT,
        clock.nowMs(),
        (one) => this.#connections.delete(one),
      );
      this.#connections.add(connection);
      this.#routeNames.set(connection, routeName);
      return connection;
    });
  }

  #parts(): Parts {
    const world = this.#world;
    const { sabotage } = world.network;
    const onAcquire = this.#acquired.bind(this);
    return {
      server: (plan, context) => {
        const server = new Server(plan, context);
        if (sabotage.claimsTrialsBlindly) {
          server.claimTrial = () => takeTrial(this.#table, server.row);
        }
        return server;
      },
      chooser: (options) => new WatchedChooser(world, options),
      queue: (context, row) => {
        const queue = new WatchedQueue(context, row, world.invariants, sabotage);
        this.#queues.push(queue);
        return queue;
      },
      // Whatever the strategy hashes by, each request has another key.
      pool: (context, settings, servers, chooser, _keyOf, persistence, queue) =>
        new WatchedPool(
          onAcquire,
          context,
          sabotaged(settings, sabotage),
          servers,
          chooser,
          () => this.#chance.whole(0, 0x7fffffff),
          persistence,
          queue,
        ),
      waf: ({ bodyBytesLimit }) => new SimWaf(world, bodyBytesLimit),
    };
  }

  #settled(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    const { network, ledger } = this.#world;
    const request = ledger.requests.get(exchange.requestId);
    if (request !== undefined) request.settled += network.sabotage.settlesTwice ? 2 : 1;
  }

  /** An exchange goes to a server: whoever came after the plan, or waited until it, goes by it. */
  #acquired(pool: Pool, server: Server, exchange: Exchange): void {
    this.#exchanges.add(exchange);
    const { invariants } = this.#world;
    const isNew = exchange.startedMs > this.#plannedMs;
    if (!isNew && !exchange.isQueued) return;
    const { name } = pool.settings;
    const plan = this.#plan.pools.find(({ settings }) => settings.name === name);
    if (!plan?.servers.some(({ row }) => row === server.row)) {
      const what = `${exchange.requestId} goes to row ${server.row}, which pool ${name} has no more`;
      invariants.fail('followsPlan', what);
    }
    if (!isNew) return;
    const routeName = this.#routeNames.get(exchange.client);
    const route = this.#plan.routes.find((one) => one.name === routeName);
    if (route?.pool === name) return;
    const what = `${exchange.requestId} of route ${routeName} goes to pool ${name}`;
    invariants.fail('ownPool', what);
  }

  #planned(plan: PathPlan): void {
    this.#plan = plan;
    this.#plannedMs = this.#world.clock.nowMs();
    this.#noteWaits(plan);
  }

  #noteWaits({ pools }: PathPlan): void {
    for (const { settings } of pools) {
      this.#waitMsMost = Math.max(this.#waitMsMost, settings.waitMs);
    }
  }

  /** Servers that the plan takes out stay, where a fault is wanted. */
  #sabotaged(plan: PathPlan): PathPlan {
    if (this.#world.network.sabotage.keepsServers !== true) return plan;
    const kept = plan.pools.map((pool) => {
      const before = this.#path.pools.find(({ settings }) => settings.name === pool.settings.name);
      const rows = new Set(pool.servers.map(({ row }) => row));
      const gone = before?.servers.filter(({ row }) => !rows.has(row)) ?? [];
      const stay = gone.map(({ row, label, name, endpoint, weight, backup, maxInFlight }) => {
        return { row, label, name, address: endpoint.address, weight, backup, maxInFlight };
      });
      return { ...pool, servers: [...pool.servers, ...stay] };
    });
    return { ...plan, pools: kept as unknown as PathPlan['pools'] };
  }

  #hasRoom(pool: Pool): boolean {
    // What the settings say, whatever the pool was told.
    const plan = this.#plan.pools.find(({ settings }) => settings.name === pool.settings.name);
    if (plan === undefined) return false;
    const { connectionsMax, row } = plan.settings;
    const mayConnect =
      this.#table.poolCounts.connections(row) < connectionsMax ||
      pool.servers.some(({ endpoint }) => endpoint.idle.length > 0);
    const isUsable = (server: Server) => pool.verdictOf(server.row) === VERDICT.usable;
    return mayConnect && pool.servers.some(isUsable);
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

/** A trial is taken whether or not another is under way. */
function takeTrial(table: SharedTable, row: number): number {
  const token = 4;
  table.breakers.setTrial(row, token);
  return token;
}
