/**
 * What an attempt's end says about its server. Every attempt comes through here exactly once, and
 * nothing else changes breakers and failure counts from live traffic.
 *
 * - success: a whole answer; of a tunnel or an event stream, the head.
 * - failure: no answer, half an answer, or one that says that the server failed.
 * - neither: the client left, or a kept-alive connection turned out to be closed.
 */
import { COUNTER } from '../../table/layout.ts';
import { FAILURES, type Failure } from '../answers/failures.ts';
import {
  countFailure,
  countSuccess,
  NO_TRIAL,
  releaseTrial,
  trialFailed,
  trialSucceeded,
} from '../health/breaker.ts';
import { countFailureInRow, endFailuresInRow } from '../health/ejection.ts';
import { startSlowly } from '../health/slow-start.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import type { Pool } from './pool.ts';

/**
 * Whether a status means that the server failed: 502, 503 and 504 as everywhere, and 500, because
 * an operator who wants no failed request means those of a broken server as well. nginx has all
 * four in `proxy_next_upstream`, HAProxy in `retry-on`, Envoy in `5xx`.
 */
export function isFailedStatus(status: number): boolean {
  return status >= 500 && status <= 504 && status !== 501;
}

/** @param trial token of the breaker's trial that the attempt was, or NO_TRIAL */
export function attemptSucceeded(
  context: WorkerContext,
  pool: Pool,
  row: number,
  trial: number,
  nowMs: number,
): void {
  const { table } = context;
  const { breaker, slowStartMs } = pool.settings;
  if (breaker !== null) {
    if (trial === NO_TRIAL) countSuccess(table, row);
    else if (trialSucceeded(table, row, trial)) startSlowly(table, row, slowStartMs, nowMs);
  }
  endFailuresInRow(table, row);
}

/** @param failure what went wrong, or the status of an answer that says so */
export function attemptFailed(
  context: WorkerContext,
  pool: Pool,
  row: number,
  trial: number,
  failure: Failure | number,
  nowMs: number,
): void {
  const { table, lane } = context;
  const { detects, breaker, ejection } = pool.settings;
  const isAnswer = typeof failure === 'number';
  table.counters.add(row, lane, isAnswer ? COUNTER.failedAnswers : COUNTER.failures);
  table.failureNotes.setLast(row, numberOf(failure));
  if (detects) table.failureNotes.suspect(row);

  // A breaker goes by failures of the gateway's kind (spec §6); a 500 is left to ejection.
  if (breaker !== null && failure !== 500) {
    if (trial !== NO_TRIAL && trialFailed(table, row, trial, breaker, nowMs)) return;
    countFailure(table, row, breaker, nowMs);
    return;
  }
  if (trial !== NO_TRIAL) trialSucceeded(table, row, trial);
  if (ejection !== null) countFailureInRow(table, pool, row, ejection, lane + 1, nowMs);
}

/** The attempt's end says nothing about the server. */
export function attemptUndecided(context: WorkerContext, row: number, trial: number): void {
  if (trial !== NO_TRIAL) releaseTrial(context.table, row, trial);
}

const NAMES = Object.keys(FAILURES) as Failure[];

/** How `FailureNotes` hold a failure. */
function numberOf(failure: Failure | number): number {
  return typeof failure === 'number' ? failure : NAMES.indexOf(failure) + 1;
}

/** @param number as `FailureNotes` hold it */
export function failureText(number: number): string {
  if (number >= 100) return `status ${number}`;
  const name = NAMES[number - 1];
  return name === undefined ? 'no failure' : FAILURES[name][2];
}
