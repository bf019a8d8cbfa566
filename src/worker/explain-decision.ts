/**
 * From what was noted of a request to what people are told. The verdicts are those of the live
 * path: `verdictIn` over the situation that the choice was made from.
 */
import { strategyDefinition } from '../core/balance/registry.ts';
import {
  type ServerVerdict,
  VERDICT,
  verdictName,
  verdictReason,
} from '../core/balance/server-verdict.ts';
import { type Situation, verdictIn } from '../core/balance/situation.ts';
import { type Choice, type Decision, FIGURES_MAX } from '../core/decisions/decision.ts';
import type { Engine } from '../core/exchange/engine.ts';
import { PHASE_NAMES } from '../core/exchange/phases.ts';
import type { Pool } from '../core/servers/pool.ts';
import type { Server } from '../core/servers/server.ts';
import type { Candidate, ExplainedChoice, Explanation } from './explanation.ts';

/** @returns undefined where the request is not, or no longer, remembered here */
export function explainPast(engine: Engine, requestId: string): Explanation | undefined {
  const number = engine.requestIds.numberOf(requestId);
  const open = engine.longLived.find(requestId);
  const decision =
    open?.noteDecision(engine.clock.nowMs()) ?? engine.decisions.find(number, requestId);
  if (decision === undefined) return undefined;
  const [method, target] = (open?.requestText ?? decision.line).split(' ', 2);
  return explanationOf(engine, decision, {
    requestId,
    request: target === undefined ? decision.method : `${method} ${target}`,
    answeredBy: decision.attempts === 0 ? decision.failure : '',
    rule: '',
    shedShare: 0,
  });
}

interface Told {
  readonly requestId: string;
  readonly request: string;
  /** Code of the answer that kept it from every server. */
  readonly answeredBy: string;
  /** Which phase gave that answer, where it is known. */
  readonly rule: string;
  /** Part of new requests that is refused for overload just now, and this one was not; 0 to 1. */
  readonly shedShare: number;
}

export function explanationOf(engine: Engine, decision: Decision, told: Told): Explanation {
  const { clock } = engine;
  const pool = decision.pool!;
  const { strategy, name } = pool.settings;
  return {
    requestId: told.requestId,
    request: told.request,
    client: decision.peerAddress,
    atMs: Math.round(clock.wallMs() - (clock.nowMs() - decision.startedMs)),
    pool: name,
    strategy,
    key: pool.keyOf === null ? '' : (decision.key >>> 0).toString(16).padStart(8, '0'),
    rules: rulesOf(told),
    session: sessionOf(pool, decision),
    choices: decision.choices
      .slice(0, decision.attempts)
      .map((_, at) => explainedChoice(decision, at)),
    status: decision.status,
    failure: decision.failure,
    isOver: told.requestId !== '' && decision.last()?.endMs !== -1,
    durationMs: rounded(decision.endedMs - decision.startedMs),
  };
}

function rulesOf({ answeredBy, rule, shedShare }: Told): Explanation['rules'] {
  if (answeredBy !== '' && rule === '')
    return [{ name: 'rules', result: `answered: ${answeredBy}` }];
  const at = rule === '' ? PHASE_NAMES.length : PHASE_NAMES.indexOf(rule);
  const sheds = `passed; ${Math.round(shedShare * 100)}% of new requests are refused for overload now`;
  const passed = PHASE_NAMES.slice(0, at).map((name) => {
    return { name, result: name === 'shed' && shedShare > 0 ? sheds : 'passed' };
  });
  return rule === '' ? passed : [...passed, { name: rule, result: `answered: ${answeredBy}` }];
}

function sessionOf(pool: Pool, decision: Decision): Explanation['session'] {
  if (pool.persistence === null) return null;
  const first = decision.attempts === 0 ? undefined : decision.choices[0];
  const situation = first?.situation ?? pool.situation;
  const at = situation.servers.findIndex(({ row }) => row === decision.ownRow);
  if (at === -1) return { server: '', result: 'the client is not bound to a server yet' };
  const server = situation.servers[at]!;
  if (first?.isOwn === true) return { server: server.label, result: 'the client is bound to it' };
  const verdict = first === undefined ? situation.bases[at]! : verdictOf(first, at, []);
  return { server: server.label, result: `it cannot be kept: ${verdictReason(verdict)}` };
}

/** What was held of a server for a choice. @param tried rows of earlier attempts */
function verdictOf(choice: Choice, at: number, tried: readonly number[]): ServerVerdict {
  const situation = choice.situation!;
  const server = situation.servers[at]!;
  const inFlight = figureOf(choice.inFlight, at);
  const isFull = server.maxInFlight > 0 && inFlight >= server.maxInFlight;
  return verdictIn(situation, at, tried.includes(server.row), isFull);
}

function explainedChoice(decision: Decision, index: number): ExplainedChoice {
  const choice = decision.choices[index]!;
  const situation = choice.situation!;
  const tried = triedBefore(decision, index);
  const { server, atMs, sentMs, endMs } = choice;
  return {
    server: server?.label ?? '',
    because: becauseOf(decision.pool!, choice, tried),
    candidates: situation.servers.map((one, at) =>
      candidate(decision.pool!, choice, one, at, tried),
    ),
    atMs: rounded(atMs - decision.startedMs),
    sentAfterMs: sentMs === -1 ? -1 : rounded(sentMs - atMs),
    endAfterMs: endMs === -1 ? -1 : rounded(endMs - atMs),
    connection: server === null ? '' : choice.isReused ? 'kept alive' : 'new',
    outcome: outcomeText(choice),
  };
}

/** A request that was everywhere may begin anew. */
function triedBefore(decision: Decision, index: number): number[] {
  const { server } = decision.choices[index]!;
  const rows = decision.choices
    .slice(0, index)
    .flatMap((one) => (one.server === null || one.isStale ? [] : [one.server.row]));
  return server !== null && rows.includes(server.row) ? [] : rows;
}

function outcomeText({ outcome, isStale }: Choice): string {
  if (outcome === '') return '';
  if (typeof outcome === 'number') return `status ${outcome}`;
  return isStale ? `${outcome}: the kept-alive connection was already closed` : outcome;
}

function becauseOf(pool: Pool, choice: Choice, tried: readonly number[]): string {
  if (choice.server === null) {
    return tried.length > 0 ? 'every usable server has been tried' : 'no server can take a request';
  }
  if (choice.isTrial) return 'this request is the trial that its half-open breaker was waiting for';
  if (choice.isOwn) return 'the client is bound to it';
  return strategyDefinition(pool.settings.strategy).because;
}

function candidate(
  pool: Pool,
  choice: Choice,
  server: Server,
  at: number,
  tried: readonly number[],
): Candidate {
  const situation = choice.situation!;
  const verdict = verdictOf(choice, at, tried);
  const isTaken = server === choice.server;
  const latencyUs = figureOf(choice.latencyUs, at);
  return {
    server: server.label,
    verdict: verdictName(verdict),
    isTaken,
    reason: isTaken ? becauseOf(pool, choice, tried) : passedOver(situation, choice, at, verdict),
    weight: situation.weights[at]!,
    backup: server.backup,
    inFlight: figureOf(choice.inFlight, at),
    latencyMs: latencyUs === -1 ? -1 : latencyUs / 1000,
  };
}

function passedOver(
  situation: Situation<Server>,
  choice: Choice,
  at: number,
  verdict: ServerVerdict,
): string {
  if (verdict !== VERDICT.usable) return verdictReason(verdict);
  const share = situation.sharePercents[at]!;
  const slowly = share < 100 ? `, and it is in slow start (from ${share}% of its share)` : '';
  if (choice.isOwn) return `the client is bound to another server${slowly}`;
  if (choice.isTrial) return `a trial request takes precedence${slowly}`;
  return `the strategy chose another${slowly}`;
}

function figureOf(figures: Int32Array | null, at: number): number {
  return figures === null || at >= FIGURES_MAX ? -1 : figures[at]!;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
