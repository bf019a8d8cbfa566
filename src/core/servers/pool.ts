import type { Random } from '../../base/random.ts';
import { COUNTER } from '../../table/layout.ts';
import { type Chooser, WHY_NONE } from '../balance/choose.ts';
import { strategyDefinition } from '../balance/registry.ts';
import { type ServerVerdict, standingOf, VERDICT } from '../balance/server-verdict.ts';
import type { Situation } from '../balance/situation.ts';
import type { StrategyDefinition } from '../balance/strategy.ts';
import { TriedSet } from '../balance/tried-set.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import { NO_TRIAL, releaseTrial } from '../health/breaker.ts';
import { isFailing } from '../health/ejection.ts';
import { retriesMax } from '../health/retry-budget.ts';
import type { Head } from '../http1/head.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import type { ProxyVersion } from '../proxy-protocol/write.ts';
import type { Binding, Persistence, ServerVerdicts } from '../sticky/persistence.ts';
import { Http1ServerConnection } from './http1-server-connection.ts';
import type { Server } from './server.ts';
import type { ServerSide } from './server-side.ts';
import type { PoolSettings } from './settings.ts';
import type { WaitQueue } from './wait-queue.ts';

/**
 * A connection that has been idle for longer than this is not used for a request that cannot be
 * sent twice: its server may be closing it this very moment, and nobody could tell whether the
 * request was executed.
 */
const UNSAFE_REUSE_IDLE_MS = 1500;

/** What a pool needs to know of a request that wants a connection. */
export interface PoolRequest {
  /** It must not get another kept-alive connection that may just have been closed. */
  readonly needsFreshConnection: boolean;
  readonly isIdempotent: boolean;
  /** The PROXY header that names the client to a server. */
  proxyHeader(version: ProxyVersion): string;
}

/** Maximum connections to one server being opened in advance at a time. */
const WARMING_MAX = 4;

/** A set of servers with one strategy, as one worker sees it. */
export class Pool implements ServerVerdicts {
  readonly settings: PoolSettings;
  readonly servers: readonly Server[];
  readonly #chooser: Chooser<Server>;
  /** How requests are hashed; null: the strategy does not hash. */
  readonly keyOf: KeyOf | null;
  /** Session persistence; null: none. */
  readonly persistence: Persistence | null;
  /** Waiting requests of this worker; outlives the pool. */
  readonly queue: WaitQueue<Pool>;
  /** What a choice is based on, besides the servers' states. */
  readonly reads: StrategyDefinition['reads'];
  readonly #byRow = new Map<number, Server>();
  readonly #context: WorkerContext;

  constructor(
    context: WorkerContext,
    settings: PoolSettings,
    servers: readonly Server[],
    chooser: Chooser<Server>,
    keyOf: KeyOf | null,
    persistence: Persistence | null,
    queue: WaitQueue<Pool>,
  ) {
    this.#context = context;
    this.settings = settings;
    this.servers = servers;
    this.#chooser = chooser;
    this.keyOf = keyOf;
    this.persistence = persistence;
    this.queue = queue;
    queue.pool = this;
    const { reads } = strategyDefinition(settings.strategy);
    // Who has as many requests as it may is a question of what is in flight too.
    const hasBounds = servers.some((server) => server.maxInFlight > 0);
    this.reads = reads === 'nothing' && hasBounds ? 'inFlight' : reads;
    for (const server of servers) {
      server.breaker = settings.breaker;
      server.queue = queue;
      this.#byRow.set(server.row, server);
    }
  }

  /** The pool's row in the shared table. */
  get row(): number {
    return this.settings.row;
  }

  /** What the last choice was made from. */
  get situation(): Situation<Server> {
    return this.#chooser.situation;
  }

  choose(key: number, tried: TriedSet): Server | null {
    return this.#chooser.choose(key, tried);
  }

  /** What `choose` would return next, without advancing the strategy. */
  foresee(key: number, tried: TriedSet, random: Random) {
    return this.#chooser.foresee(key, tried, random);
  }

  /** Trial token of the last choice; 0: it is no trial. Can be taken once. */
  takeTrial(): number {
    const { trial } = this.#chooser;
    this.#chooser.trial = NO_TRIAL;
    return trial;
  }

  /** Whether the last `choose` returned null because every usable server was tried. */
  get allTried(): boolean {
    return this.#chooser.whyNone === WHY_NONE.allTried;
  }

  /** Whether the last `choose` returned null because every usable server is full. */
  get allFull(): boolean {
    return this.#chooser.whyNone === WHY_NONE.allFull;
  }

  /** Whether any server can take requests. */
  hasUsable(): boolean {
    return this.#chooser.hasUsable();
  }

  /** Whether an untried server is usable and not failing. */
  hasHealthyOther(tried: TriedSet): boolean {
    const { table } = this.#context;
    return this.servers.some(
      ({ row }) =>
        !tried.has(row) && standingOf(table, row) === VERDICT.usable && !isFailing(table, row),
    );
  }

  /** @returns whether the retry budget allows another retry; see `endRetry` */
  beginRetry(): boolean {
    const { table, lane } = this.#context;
    // The request itself has left the server that failed it.
    let liveRequests = 1;
    for (const server of this.servers) liveRequests += server.inFlight();
    const most = retriesMax(liveRequests, this.settings.retryBudgetPercent);
    return table.poolCounts.beginRetry(this.row, lane, most);
  }

  endRetry(): void {
    this.#context.table.poolCounts.endRetry(this.row, this.#context.lane);
  }

  /**
   * Like `choose`, but prefers the client's own server while it works and has room, even draining
   * or as a backup. Otherwise the strategy chooses, and the client is bound to that server from now
   * on; if its own is only full, it returns there with its next request.
   */
  chooseBound(key: number, tried: TriedSet, binding: Binding): Server | null {
    const wallMs = this.#context.clock.wallMs();
    const persistence = this.persistence!;
    const verdict = this.ownVerdict(binding.row, tried);
    if (verdict >= VERDICT.draining) {
      persistence.bind(binding.row, binding, wallMs);
      return this.#byRow.get(binding.row)!;
    }
    binding.responseLines = '';
    const chosen = this.#chooser.choose(key, tried);
    // A server on trial may fail: nobody is bound to it before it has closed its breaker.
    const isTrial = this.#chooser.trial !== NO_TRIAL;
    if (chosen === null || isTrial || verdict === VERDICT.full) return chosen;
    persistence.bind(chosen.row, binding, wallMs);
    if (binding.row === chosen.row) return chosen;
    // Another worker met the client in the same moment, and was first.
    const first = this.#byRow.get(binding.row);
    const serves = first !== undefined && this.#chooser.verdict(first, tried) >= VERDICT.draining;
    return serves ? first : chosen;
  }

  /**
   * The verdict on a client's own server: it goes there from `draining` on.
   *
   * @param row -1, or the row of a server no longer configured, counts as in maintenance
   */
  ownVerdict(row: number, tried: TriedSet): ServerVerdict {
    const server = this.#byRow.get(row);
    return server === undefined ? VERDICT.maintenance : this.#chooser.verdict(server, tried);
  }

  /** Whether a server may take a request that was not sent anywhere yet. */
  verdictOf(row: number): ServerVerdict {
    return this.ownVerdict(row, UNTRIED);
  }

  /**
   * Counts a request in at a server and gives it a connection: a kept-alive one if possible, or one
   * being opened.
   *
   * @returns null if the server or the pool is full; nothing is counted then
   */
  acquire(server: Server, request: PoolRequest, nowMs: number): ServerSide | null {
    const { table } = this.#context;
    let connection: ServerSide | null = null;
    let isEntered = false;
    try {
      isEntered = server.enter();
      if (isEntered) {
        connection =
          this.#takeIdle(server, request, nowMs) ??
          this.#open(server, prefaceFor(server, request), nowMs);
      }
    } finally {
      if (connection === null) {
        if (isEntered) server.leave();
        const trial = this.takeTrial();
        if (trial !== NO_TRIAL) releaseTrial(table, server.row, trial);
      }
    }
    return connection;
  }

  /** Takes back a connection to a server that can carry another request. */
  release(server: Server, connection: ServerSide, nowMs: number): void {
    const { idle, isRetired, address } = server.endpoint;
    // One that was opened in the name of a client is of no use to another.
    const isOwned = address.proxy !== undefined;
    const hasRoom = !isRetired && !isOwned && idle.length < this.#idlePerServerMax;
    if (hasRoom && connection.rest(nowMs)) idle.push(connection);
    else connection.destroy();
  }

  /** Opens connections in advance. Call it periodically. */
  warm(nowMs: number): void {
    const { idleMin } = this.settings;
    if (idleMin === 0) return;
    const { table } = this.#context;
    for (const server of this.servers) {
      const { endpoint } = server;
      if (endpoint.address.proxy !== undefined || endpoint.warmsFromMs > nowMs) continue;
      if (standingOf(table, server.row) !== VERDICT.usable) continue;
      const wanted = Math.min(idleMin, this.#idlePerServerMax) - endpoint.idle.length;
      while (endpoint.warming < Math.min(wanted, WARMING_MAX)) {
        const connection = this.#open(server, '', nowMs);
        if (connection === null) return;
        connection.warm();
      }
    }
  }

  /**
   * Closes idle connections to addresses that the server's name no longer has; those in use follow
   * when released. Call it periodically.
   */
  followAddresses(): void {
    const { connector, random } = this.#context;
    const { servers } = this;
    // Only so many names are looked up at a time: it is not always the same ones' turn.
    const first = Math.floor(random() * servers.length);
    for (let offset = 0; offset < servers.length; offset++) {
      const { endpoint } = servers[(first + offset) % servers.length]!;
      const version = connector.addressesVersion(endpoint.address);
      if (version === endpoint.addressesVersion) continue;
      endpoint.addressesVersion = version;
      for (const connection of [...endpoint.idle]) {
        if (!connection.leadsToServer()) connection.destroy();
      }
    }
  }

  #takeIdle(server: Server, request: PoolRequest, nowMs: number): ServerSide | null {
    const { idle } = server.endpoint;
    while (idle.length > 0 && !request.needsFreshConnection) {
      const connection = idle[idle.length - 1]!;
      const isTooOldForUnsafe =
        !request.isIdempotent && nowMs - connection.idleSinceMs > UNSAFE_REUSE_IDLE_MS;
      if (isTooOldForUnsafe) break;
      idle.pop();
      if (connection.keptUntilMs > nowMs) {
        this.#context.table.counters.add(server.row, this.#context.lane, COUNTER.connectionsReused);
        return connection;
      }
      connection.destroy();
    }
    return null;
  }

  /**
   * @param preface sent before the request to name the client; empty: nothing
   * @returns null if the pool has all its connections
   */
  #open(server: Server, preface: string, nowMs: number): Http1ServerConnection | null {
    const { table, lane } = this.#context;
    const { row, connectionsMax } = this.settings;
    const claims = () => table.poolCounts.claimConnection(row, lane, connectionsMax);
    // More than one is in the way where a reload has lowered the bound.
    while (!claims()) if (!this.#closeIdlest()) return null;
    try {
      const { settings, queue } = this;
      const { endpoint, row: serverRow } = server;
      const openedFor = { endpoint, row: serverRow, settings, queue };
      return new Http1ServerConnection(this.#context, openedFor, nowMs, preface);
    } catch (error) {
      table.poolCounts.releaseConnection(row, lane);
      throw error;
    }
  }

  /** Makes room for another worker, if connections are what is short. */
  giveWay(): void {
    const { row, connectionsMax } = this.settings;
    if (this.#context.table.poolCounts.connections(row) >= connectionsMax) this.#closeIdlest();
  }

  /** Closes the connection that has been idle longest. @returns false if none is idle */
  #closeIdlest(): boolean {
    let idlest: ServerSide | undefined;
    for (const { endpoint } of this.servers) {
      const one = endpoint.idle[0];
      if (one !== undefined && (idlest === undefined || one.idleSinceMs < idlest.idleSinceMs)) {
        idlest = one;
      }
    }
    idlest?.destroy();
    return idlest !== undefined;
  }

  /** This worker's share for each server: what is not used here is not missed elsewhere. */
  get #idlePerServerMax(): number {
    const { idleMax } = this.settings;
    if (idleMax === 0) return 0;
    const shares = Math.max(1, this.#context.table.workers()) * Math.max(1, this.servers.length);
    return Math.max(1, Math.floor(idleMax / shares));
  }
}

/** The PROXY header before a request; empty: none. */
function prefaceFor({ endpoint }: Server, request: PoolRequest): string {
  const { proxy } = endpoint.address;
  return proxy === undefined ? '' : request.proxyHeader(proxy);
}

const UNTRIED = new TriedSet();

/** Returns a request's 32-bit hash key; the head is readable only during the call. */
export type KeyOf = (clientInfo: ClientInfo, head: Head) => number;
