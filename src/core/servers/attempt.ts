import { COUNTER } from '../../table/layout.ts';
import type { Failure } from '../answers/failures.ts';
import { NO_TRIAL, trialAnswered, trialSent, trialUploads } from '../health/breaker.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import { attemptFailed, attemptSucceeded, attemptUndecided } from './outcome.ts';
import type { Pool } from './pool.ts';
import type { Server } from './server.ts';

/**
 * The current attempt of an exchange, and its verdict on the server: the first of `succeeded`,
 * `failed` and `undecided` counts. One object serves all attempts of an exchange.
 */
export class Attempt {
  /** Token of the breaker's trial that the attempt is. */
  trial = NO_TRIAL;
  /** When its head was sent; -1: nothing of it was. */
  sentMs = -1;
  readonly #context: WorkerContext;
  #pool: Pool | null = null;
  #row = 0;
  #isJudged = true;
  /** Since when its answer is awaited; -1: it is not. */
  #awaitedMs = -1;
  /** Its position among the answers this worker awaits from the server. */
  #awaitedNth = 0;
  #isAnswered = false;

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  /** @param isWhole whether the client has sent all of its request */
  begin(pool: Pool, server: Server, isWhole: boolean): void {
    if (this.#pool !== pool) this.#pool = pool;
    this.#row = server.row;
    this.trial = pool.takeTrial();
    if (this.trial !== NO_TRIAL && !isWhole) {
      this.trial = trialUploads(this.#context.table, this.#row, this.trial);
    }
    this.sentMs = -1;
    this.#isJudged = false;
    this.#isAnswered = false;
  }

  /** The object will be reused by another exchange. */
  letGo(): void {
    this.#pool = null;
  }

  get wasSent(): boolean {
    return this.sentMs !== -1;
  }

  /** The whole request has been sent. */
  requestSent(nowMs: number): void {
    if (!this.#isAnswered && this.#awaitedMs === -1) {
      this.#awaitedMs = nowMs;
      const { table, lane } = this.#context;
      table.counters.add(this.#row, lane, COUNTER.awaited);
      this.#awaitedNth = table.counters.of(this.#row, lane, COUNTER.awaited);
    }
    const { breaker } = this.#pool!.settings;
    if (this.trial === NO_TRIAL || breaker === null) return;
    this.trial = trialSent(this.#context.table, this.#row, this.trial, breaker, nowMs);
  }

  /** The head of an answer came that does not say that the server failed. */
  answeredWell(nowMs: number): void {
    this.#endAwait(nowMs);
    const { table, lane } = this.#context;
    const row = this.#row;
    const latencyUs = (nowMs - this.sentMs) * 1000;
    table.latencies.record(row, latencyUs, nowMs);
    table.counters.add(row, lane, COUNTER.firstByteUs, latencyUs);
    table.counters.add(row, lane, COUNTER.firstBytes);
    const { breaker } = this.#pool!.settings;
    if (this.trial !== NO_TRIAL && breaker !== null) {
      this.trial = trialAnswered(table, row, this.trial, breaker, nowMs);
    }
  }

  succeeded(nowMs: number): void {
    this.#endAwait(nowMs);
    if (this.#isJudged) return;
    this.#isJudged = true;
    attemptSucceeded(this.#context, this.#pool!, this.#row, this.trial, nowMs);
    this.trial = NO_TRIAL;
  }

  /** @param failure what went wrong, or the status of an answer that says so */
  failed(failure: Failure | number, nowMs: number): void {
    this.#endAwait(nowMs);
    if (this.#isJudged) return;
    this.#isJudged = true;
    attemptFailed(this.#context, this.#pool!, this.#row, this.trial, failure, nowMs);
    this.trial = NO_TRIAL;
  }

  /** Its end says nothing about the server. */
  undecided(): void {
    if (this.#awaitedMs !== -1) this.#endAwait(this.#context.clock.nowMs());
    this.#isJudged = true;
    if (this.trial === NO_TRIAL) return;
    attemptUndecided(this.#context, this.#row, this.trial);
    this.trial = NO_TRIAL;
  }

  #endAwait(nowMs: number): void {
    this.#isAnswered = true;
    if (this.#awaitedMs === -1) return;
    const { table, lane } = this.#context;
    table.counters.add(this.#row, lane, COUNTER.awaitedOver);
    const isLong = nowMs - this.#awaitedMs >= this.#pool!.settings.longAwaitMs;
    if (isLong) table.counters.add(this.#row, lane, COUNTER.awaitedLong);
    else table.counters.raiseTo(this.#row, lane, COUNTER.awaitedUntilPrompt, this.#awaitedNth);
    this.#awaitedMs = -1;
  }
}
