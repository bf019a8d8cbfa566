import { COUNTER } from '../../table/layout.ts';
import { type Chooser, WHY_NONE } from '../balance/choose.ts';
import { TriedSet } from '../balance/tried-set.ts';
import { standingOf, VERDICT, type Verdict } from '../balance/verdict.ts';
import { type BreakerSettings, NO_TRIAL } from '../health/breaker.ts';
import { type EjectionSettings, isFailing } from '../health/ejection.ts';
import { retriesMax } from '../health/retry-budget.ts';
import type { Head } from '../http1/head.ts';
import type { Binding, Persistence, Verdicts } from '../sticky/persistence.ts';
import type { Engine } from './engine.ts';
import type { Exchange } from './exchange.ts';
import type { Via } from './forward.ts';
import type { Server } from './server.ts';
import { ServerConnection } from './server-connection.ts';
import type { TracingSettings } from './trace.ts';

/** Timeouts of spec §1, in milliseconds. */
export interface Timeouts {
  connectMs: number;
  readMs: number;
  writeMs: number;
  requestMs: number;
  idleMs: number;
  streamMs: number;
}

export interface PoolSettings {
  name: string;
  /** The pool's row in the shared table. */
  row: number;
  timeouts: Timeouts;
  /** Kept-alive connections of one worker to one server. */
  idlePerServerMax: number;
  idleMs: number;
  /** Attempts after the first. */
  retries: number;
  /** Retries under way may be this share of the live requests. */
  retryBudgetPercent: number;
  /** No further attempt begins this long after the request came; 0: whenever. */
  retryWithinMs: number;
  /** Whether a server that fails live traffic is reported as suspect, to be probed. */
  detects: boolean;
  /** null: no breakers. */
  breaker: BreakerSettings | null;
  /** null: no server is ejected. */
  ejection: EjectionSettings | null;
  /** How long the share of a server that came back grows; 0: it has all of it at once. */
  slowStartMs: number;
  /** null: trace context goes through as it came. */
  tracing: TracingSettings | null;
  /** How much is held for a slow reader before the other side is asked to pause. */
  highWaterBytes: number;
  /** A request body of up to this size is held so that it can be sent again. */
  replayBytes: number;
}

/**
 * A connection that has been idle for longer than this is not used for a request that cannot be
 * sent twice: its server may be closing it this very moment, and nobody could tell whether the
 * request was executed.
 */
const UNSAFE_REUSE_IDLE_MS = 1500;

/** A set of servers with one strategy, as one worker sees it. */
export class Pool implements Verdicts {
  readonly settings: PoolSettings;
  readonly servers: readonly Server[];
  readonly #chooser: Chooser<Server>;
  /** What a request is hashed by; null: the strategy hashes by nothing. */
  readonly keyOf: KeyOf | null;
  /** How clients are known again; null: they are not. */
  readonly persistence: Persistence | null;
  readonly #byRow = new Map<number, Server>();
  readonly #engine: Engine;

  constructor(
    engine: Engine,
    settings: PoolSettings,
    servers: readonly Server[],
    chooser: Chooser<Server>,
    keyOf: KeyOf | null,
    persistence: Persistence | null,
  ) {
    this.#engine = engine;
    this.settings = settings;
    this.servers = servers;
    this.#chooser = chooser;
    this.keyOf = keyOf;
    this.persistence = persistence;
    for (const server of servers) {
      server.breaker = settings.breaker;
      this.#byRow.set(server.row, server);
    }
  }

  /** The pool's row in the shared table. */
  get row(): number {
    return this.settings.row;
  }

  choose(key: number, tried: TriedSet): Server | null {
    return this.#chooser.choose(key, tried);
  }

  /** Token of the breaker's trial that the choice just made is; 0: it is none. Taken once. */
  takeTrial(): number {
    const { trial } = this.#chooser;
    this.#chooser.trial = NO_TRIAL;
    return trial;
  }

  /** Whether the last `choose` gave null because the request was at every usable server. */
  get allTried(): boolean {
    return this.#chooser.whyNone === WHY_NONE.allTried;
  }

  /** Whether any server can be given requests at present. */
  hasUsable(): boolean {
    return this.#chooser.hasUsable();
  }

  /** Whether a server is usable that was not tried and does not fail at present. */
  hasHealthyOther(tried: TriedSet): boolean {
    const { table } = this.#engine;
    return this.servers.some(
      ({ row }) =>
        !tried.has(row) && standingOf(table, row) === VERDICT.usable && !isFailing(table, row),
    );
  }

  /** @returns whether the retry budget lets another request be tried again; see `endRetry` */
  beginRetry(): boolean {
    const { table, lane } = this.#engine;
    // The request itself has left the server that failed it.
    let liveRequests = 1;
    for (const server of this.servers) liveRequests += server.inFlight();
    const most = retriesMax(liveRequests, this.settings.retryBudgetPercent);
    return table.beginRetry(this.row, lane, most);
  }

  endRetry(): void {
    this.#engine.table.endRetry(this.row, this.#engine.lane);
  }

  /**
   * Like `choose`, but a client's own server comes first: as long as it works and has room, if
   * need be as one that drains or stands by. Else the strategy chooses, and the client belongs to
   * that server from now on; but where its own is only full, it comes back with its next request.
   */
  chooseBound(key: number, tried: TriedSet, binding: Binding): Server | null {
    const wallMs = this.#engine.clock.wallMs();
    const persistence = this.persistence!;
    const own = this.#byRow.get(binding.row);
    const verdict = own === undefined ? VERDICT.maintenance : this.#chooser.verdict(own, tried);
    if (own !== undefined && verdict >= VERDICT.draining) {
      persistence.bind(own.row, binding, wallMs);
      return own;
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

  /** Whether a server may be given a request that was not sent anywhere yet. */
  verdictOf(row: number): Verdict {
    const server = this.#byRow.get(row);
    return server === undefined ? VERDICT.maintenance : this.#chooser.verdict(server, UNTRIED);
  }

  /** A connection to the server: a kept-alive one where one is fit, else one that is opening. */
  acquire(server: Server, exchange: Exchange, nowMs: number): ServerConnection {
    const idle = server.idle;
    while (idle.length > 0 && !exchange.needsFreshConnection) {
      const connection = idle[idle.length - 1]!;
      const isTooOldForUnsafe =
        !exchange.isIdempotent && nowMs - connection.idleSinceMs > UNSAFE_REUSE_IDLE_MS;
      if (isTooOldForUnsafe) break;
      idle.pop();
      if (connection.keptUntilMs > nowMs) {
        this.#engine.table.count(server.row, this.#engine.lane, COUNTER.connectionsReused);
        return connection;
      }
      connection.destroy();
    }
    return new ServerConnection(this.#engine, server, this.settings, nowMs);
  }

  /** Takes back a connection that can carry another request. */
  release(connection: ServerConnection, nowMs: number): void {
    const { idle, isRetired } = connection.server;
    const hasRoom = !isRetired && idle.length < this.settings.idlePerServerMax;
    if (hasRoom && connection.rest(nowMs)) idle.push(connection);
    else connection.destroy();
  }
}

const UNTRIED = new TriedSet();

/** Gives the 32-bit key that a request is hashed by; the head is readable during the call. */
export type KeyOf = (via: Via, head: Head) => number;
