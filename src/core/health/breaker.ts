/**
 * The circuit breaker of a server. It lives in the server's row of the shared table, so that all
 * workers see one breaker; every change is one atomic step that exactly one thread wins.
 *
 *   closed ── failureThreshold failures in a row ──> open
 *   open ── recoveryMs later (`recover`, control thread) ──> half-open
 *   half-open ── its trial succeeds ──> closed;  its trial fails, or stays silent ──> open
 *
 * A half-open breaker lets one trial through at a time. Its token, in `BreakerCells`, is
 * the time by which it must have ended, so that claim and deadline are one write; its lowest bits
 * say whether the server has begun to answer, and whether the client still sends. A trial ends by moving the breaker first and
 * clearing the token after, so that no other is claimed in between; what it brings once its token
 * is gone is ignored.
 */
import { BREAKER, type BreakerState } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';
import { cellTime, hasCome } from '../../table/table-time.ts';

export interface BreakerSettings {
  readonly failureThreshold: number;
  readonly recoveryMs: number;
  readonly halfOpenMs: number;
}

/** What there is instead of a trial's token where there is no trial. */
export const NO_TRIAL = 0;
const HAS_ANSWERED = 1;
/** The server cannot answer yet: whose fault a silence is, nobody can say. */
const IS_UPLOADING = 2;

/** A failure that was no trial's. @returns whether it opened the breaker */
export function countFailure(
  table: SharedTable,
  row: number,
  settings: BreakerSettings,
  nowMs: number,
): boolean {
  const { breakers } = table;
  // What was sent before the breaker opened tells nothing new, and is no trial's verdict.
  if (breakers.state(row) !== BREAKER.closed) return false;
  if (breakers.addFailure(row) < settings.failureThreshold) return false;
  return open(table, row, BREAKER.closed, settings, nowMs);
}

/** A success that was no trial's. */
export function countSuccess(table: SharedTable, row: number): void {
  const { breakers } = table;
  if (breakers.failures(row) !== 0) breakers.clearFailures(row);
}

/** Moves an open breaker on to half-open when its time has come. Control thread only. */
export function recover(table: SharedTable, row: number, nowMs: number): boolean {
  const { breakers } = table;
  if (breakers.state(row) !== BREAKER.open) return false;
  if (!hasCome(breakers.untilMs(row), nowMs)) return false;
  return move(table, row, BREAKER.open, BREAKER.halfOpen);
}

/** Whether `claimTrial` would give a token. */
export function hasFreeTrial(table: SharedTable, row: number): boolean {
  const { breakers } = table;
  return breakers.state(row) === BREAKER.halfOpen && breakers.trial(row) === NO_TRIAL;
}

/** @returns the token of the trial that the caller may now send, or NO_TRIAL */
export function claimTrial(
  table: SharedTable,
  row: number,
  settings: BreakerSettings,
  nowMs: number,
): number {
  const { breakers } = table;
  if (!hasFreeTrial(table, row)) return NO_TRIAL;
  const token = tokenOf(nowMs + settings.halfOpenMs);
  if (!breakers.replaceTrial(row, NO_TRIAL, token)) return NO_TRIAL;
  // The breaker may have moved on between the two looks: then this was no trial.
  if (breakers.state(row) === BREAKER.halfOpen) return token;
  breakers.replaceTrial(row, token, NO_TRIAL);
  return NO_TRIAL;
}

/** The client has not sent all of its request. @returns the trial's new token, or NO_TRIAL */
export function trialUploads(table: SharedTable, row: number, token: number): number {
  return renew(table, row, token, token | IS_UPLOADING);
}

/**
 * The whole request has been sent: from now on the server is waited for.
 *
 * @returns the trial's new token, or NO_TRIAL when it had ended
 */
export function trialSent(
  table: SharedTable,
  row: number,
  token: number,
  settings: BreakerSettings,
  nowMs: number,
): number {
  if ((token & IS_UPLOADING) === 0) return token;
  return renew(table, row, token, tokenOf(nowMs + settings.halfOpenMs));
}

/**
 * The head of a good answer came: the rest of it may take its time.
 *
 * @returns the trial's new token, or NO_TRIAL when it had ended
 */
export function trialAnswered(
  table: SharedTable,
  row: number,
  token: number,
  settings: BreakerSettings,
  nowMs: number,
): number {
  return renew(table, row, token, tokenOf(nowMs + settings.halfOpenMs) | HAS_ANSWERED);
}

/** @returns whether the trial was still that of the breaker, which has closed now */
export function trialSucceeded(table: SharedTable, row: number, token: number): boolean {
  const { breakers } = table;
  if (breakers.trial(row) !== token) return false;
  breakers.clearFailures(row);
  const isMoved = move(table, row, BREAKER.halfOpen, BREAKER.closed);
  breakers.replaceTrial(row, token, NO_TRIAL);
  return isMoved;
}

/** @returns whether the trial was still that of the breaker, which is open again now */
export function trialFailed(
  table: SharedTable,
  row: number,
  token: number,
  settings: BreakerSettings,
  nowMs: number,
): boolean {
  const { breakers } = table;
  if (breakers.trial(row) !== token) return false;
  const isMoved = open(table, row, BREAKER.halfOpen, settings, nowMs);
  breakers.replaceTrial(row, token, NO_TRIAL);
  return isMoved;
}

/** The trial ended without a verdict, for its client left: the next request may be the trial. */
export function releaseTrial(table: SharedTable, row: number, token: number): void {
  table.breakers.replaceTrial(row, token, NO_TRIAL);
}

/**
 * Ends a trial whose time is over, the trial of a worker that died among them. A server that has
 * begun to answer has stood its trial, however long the rest of its answer takes. One that waits for
 * the rest of the request is not judged: the next request is the trial. Else it failed. Control
 * thread only.
 */
export function expireTrial(
  table: SharedTable,
  row: number,
  settings: BreakerSettings,
  nowMs: number,
): boolean {
  const token = table.breakers.trial(row);
  if (token === NO_TRIAL || !hasCome(token, nowMs)) return false;
  if ((token & HAS_ANSWERED) !== 0) return trialSucceeded(table, row, token);
  if ((token & IS_UPLOADING) === 0) return trialFailed(table, row, token, settings, nowMs);
  releaseTrial(table, row, token);
  return false;
}

/** Closes the breaker whatever it is, as when breakers are switched off. Control thread only. */
export function close(table: SharedTable, row: number): void {
  const { breakers } = table;
  breakers.clearFailures(row);
  if (breakers.replace(row, BREAKER.closed) === BREAKER.closed) return;
  breakers.setTrial(row, NO_TRIAL);
  table.raiseGeneration();
}

function open(
  table: SharedTable,
  row: number,
  from: BreakerState,
  settings: BreakerSettings,
  nowMs: number,
): boolean {
  const { breakers } = table;
  // First the time: `recover` must never see an open breaker with the time of its last opening.
  breakers.setUntilMs(row, cellTime(nowMs + settings.recoveryMs));
  if (!move(table, row, from, BREAKER.open)) return false;
  breakers.addOpening(row);
  return true;
}

function move(table: SharedTable, row: number, from: BreakerState, to: BreakerState): boolean {
  if (!table.breakers.move(row, from, to)) return false;
  table.raiseGeneration();
  return true;
}

function renew(table: SharedTable, row: number, token: number, next: number): number {
  return table.breakers.replaceTrial(row, token, next) ? next : NO_TRIAL;
}

/** A number that is not 0, its lowest bits unset. */
function tokenOf(deadlineMs: number): number {
  return deadlineMs & ~(HAS_ANSWERED | IS_UPLOADING) || 4;
}
