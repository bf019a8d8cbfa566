import { COUNTER } from '../../table/layout.ts';
import type { Failure } from '../answers/failures.ts';
import { TriedSet } from '../balance/tried-set.ts';
import type { Decision } from '../decisions/decision.ts';
import { backoffMs } from '../health/retry-budget.ts';
import type { BodyReader } from '../http1/body.ts';
import type { Fault } from '../http1/faults.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import { Attempt } from '../servers/attempt.ts';
import type { Pool, PoolRequest } from '../servers/pool.ts';
import type { Server } from '../servers/server.ts';
import type { CarriedExchange, ServerSide } from '../servers/server-side.ts';
import type { Binding } from '../sticky/persistence.ts';
import { isTooLate, mayRetry, type RetriedRequest } from './retry.ts';
import { Waiting, type WaitingOwner } from './waiting.ts';

/** The exchange that is sent to servers. */
export interface DispatchedExchange extends CarriedExchange, PoolRequest, RetriedRequest {
  readonly requestId: string;
  readonly status: number;
  pool: Pool | null;
  server: Server | null;
  connection: ServerSide | null;
  requestIsSent: boolean;
  failure: Failure | Fault | '';
  /** 32-bit hash of what the pool's strategy hashes by. */
  readonly key: number;
  /** What session persistence knows of the client; null: the pool has none. */
  readonly binding: Binding | null;
  readonly decision: Decision;
  readonly requestBody: BodyReader;
  answer(code: Failure | Fault, nowMs: number): void;
  /** Leaves the present server's connection, which is closed. */
  giveUpServer(): void;
}

/**
 * How often a request waits for a place of the retry budget, or to go to the servers again. It is
 * `failover.timeout` that most often ends it; this is about half a minute too.
 */
const WAITS_MAX = 200;

/** Sends an exchange to a server: chooses one, waits for room, and retries. */
export class Dispatch implements WaitingOwner {
  readonly exchange: DispatchedExchange;
  /** Rows of the servers that failed it. */
  readonly tried = new TriedSet();
  /** So far. */
  attempts = 0;
  /** The next attempt must not meet another kept-alive connection that was just closed. */
  needsFreshConnection = false;
  /** The present one. */
  readonly attempt: Attempt;
  readonly waiting: Waiting;
  /** The server that failed the last attempt, for the log. */
  failedServer: Server | null = null;
  readonly #context: WorkerContext;
  #waits = 0;
  /** It holds a slot of the retry budget. */
  #holdsRetry = false;

  constructor(exchange: DispatchedExchange, context: WorkerContext) {
    this.exchange = exchange;
    this.#context = context;
    this.attempt = new Attempt(context);
    this.waiting = new Waiting(this, context);
  }

  /** Another request, which no server has seen. */
  begin(): void {
    this.tried.clear();
    this.attempts = 0;
    this.needsFreshConnection = false;
    this.failedServer = null;
    this.#waits = 0;
  }

  /** The exchange is over: gives back what it holds. */
  end(nowMs: number): void {
    this.waiting.end(nowMs);
    if (this.#holdsRetry) {
      this.#holdsRetry = false;
      this.exchange.pool!.endRetry();
    }
    this.attempt.undecided();
  }

  /** Chooses a server and goes there; waits if all are full, answers if there is none. */
  tryNext(nowMs: number): void {
    const pool = this.exchange.pool!;
    if (this.attempts === 0 && pool.queue.hasElders(nowMs)) return this.#lineUp(nowMs);
    const server = this.#choose();
    if (server !== null && this.#goTo(server, nowMs)) return;
    if (server !== null || pool.allFull) {
      // Who was somewhere already waits for some servers only, and would hold up all others.
      if (this.tried.size > 0) this.#pause(nowMs);
      else this.#lineUp(nowMs);
    } else if (this.attempts > 0 && pool.allTried) {
      this.tried.clear();
      this.#pause(nowMs);
    } else this.#answerNoServer(nowMs);
  }

  takeTurn(nowMs: number): boolean {
    const { exchange } = this;
    const pool = exchange.pool!.queue.pool!;
    // A reload came while it waited; what binds it is good for persistence of some kind only.
    if ((exchange.binding === null) === (pool.persistence === null)) exchange.pool = pool;
    const server = this.#choose();
    if (server === null && exchange.pool!.allFull) return false;
    if (server !== null) return this.#goTo(server, nowMs);
    this.#answerNoServer(nowMs);
    return true;
  }

  queueTimedOut(nowMs: number): void {
    this.exchange.answer('queue_timeout', nowMs);
  }

  pauseOver(nowMs: number): void {
    if (this.#claimRetry()) this.tryNext(nowMs);
    else if (this.exchange.pool!.hasUsable()) this.#pause(nowMs);
    else this.#answerFailure(nowMs);
  }

  crashed(nowMs: number): void {
    this.exchange.crashed(nowMs);
  }

  /**
   * The current attempt failed before the client saw anything: retries, or answers.
   *
   * @param wasStale a kept-alive connection turned out to be closed
   */
  failed(failure: Failure, wasStale: boolean, nowMs: number): void {
    const { exchange } = this;
    const server = exchange.server!;
    server.leave();
    if (!wasStale) this.tried.add(server.row);
    exchange.server = null;
    this.failedServer = server;
    if (mayRetry(exchange, this.attempt.wasSent, wasStale, nowMs)) {
      this.#countRetry(server);
      this.needsFreshConnection = wasStale;
      // To meet a closed connection is no retry: the request goes on to where it was to go.
      if (wasStale || this.#claimRetry()) this.tryNext(nowMs);
      else this.#pause(nowMs);
    } else exchange.answer(failure, nowMs);
    server.roomFreed();
  }

  /**
   * Retries on another server instead of passing on an error status, if that is safe and there is
   * one.
   *
   * @returns false: the answer goes on to the client
   */
  retryAnswered(status: number, nowMs: number): boolean {
    const { exchange } = this;
    const server = exchange.server!;
    this.tried.add(server.row);
    if (!mayRetry(exchange, true, false, nowMs)) return false;
    const mayGo = this.#claimRetry();
    const other = mayGo ? this.#choose() : null;
    // Where the others fail as well this answer is as good as any.
    if (other === null && (mayGo || !exchange.pool!.hasHealthyOther(this.tried))) return false;
    exchange.decision.endChoice(status, this.attempt.sentMs, nowMs);
    exchange.giveUpServer();
    server.leave();
    this.#countRetry(server);
    this.needsFreshConnection = false;
    if (other === null || !this.#goTo(other, nowMs)) {
      exchange.server = null;
      this.failedServer = server;
      exchange.failure = 'server_failed';
      this.#pause(nowMs);
    }
    server.roomFreed();
    return true;
  }

  #choose(): Server | null {
    const { pool, key, binding } = this.exchange;
    return binding === null
      ? pool!.choose(key, this.tried)
      : pool!.chooseBound(key, this.tried, binding);
  }

  /** @returns false where the server, or the pool, has no room */
  #goTo(server: Server, nowMs: number): boolean {
    const { exchange } = this;
    const { decision } = exchange;
    const pool = exchange.pool!;
    // What was chosen from is noted before this request counts itself.
    const choice = decision.next();
    choice?.begin(pool, server, nowMs);
    const connection = pool.acquire(server, exchange, nowMs);
    if (connection === null) {
      if (choice !== null) decision.takeBack();
      return false;
    }
    exchange.server = server;
    exchange.connection = connection;
    exchange.requestIsSent = false;
    this.waiting.end(nowMs);
    this.attempts += 1;
    this.attempt.begin(pool, server, exchange.requestBody.done);
    const { table, lane } = this.#context;
    table.counters.add(server.row, lane, COUNTER.attempts);
    if (choice !== null) {
      choice.isTrial = exchange.isTrial;
      choice.isOwn = server.row === decision.ownRow;
      choice.isReused = connection.isOpen;
    }
    connection.carry(exchange, pool.settings, nowMs);
    return true;
  }

  /** Waits in the queue of the pool, or is turned away where too many wait. */
  #lineUp(nowMs: number): void {
    const { exchange, waiting, attempts } = this;
    if (!waiting.lineUp(exchange.pool!, attempts > 0, nowMs)) exchange.answer('queue_full', nowMs);
  }

  /**
   * Goes on after a while: the retry budget is used up for now, or the request was at every usable
   * server. A budget that refused would fail what a dead server had in flight.
   */
  #pause(nowMs: number): void {
    if (this.#waits === WAITS_MAX || isTooLate(this.exchange, nowMs)) {
      return this.#answerFailure(nowMs);
    }
    this.waiting.pauseUntil(nowMs + backoffMs(this.#waits, this.#context.random));
    this.#waits += 1;
  }

  /** Holds a place of the retry budget until the exchange is over. @returns false: none is free */
  #claimRetry(): boolean {
    if (!this.#holdsRetry) this.#holdsRetry = this.exchange.pool!.beginRetry();
    return this.#holdsRetry;
  }

  #countRetry(server: Server): void {
    const { table, lane } = this.#context;
    table.counters.add(server.row, lane, COUNTER.retries);
  }

  #answerFailure(nowMs: number): void {
    this.exchange.answer(this.exchange.failure as Failure, nowMs);
  }

  #answerNoServer(nowMs: number): void {
    const { exchange } = this;
    exchange.decision.next()?.begin(exchange.pool!, null, nowMs);
    if (exchange.failure === '') exchange.failure = 'no_server';
    this.#answerFailure(nowMs);
  }
}
