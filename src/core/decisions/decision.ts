/**
 * What was decided for a request, noted so cheaply that it is noted for every one: `lb explain`
 * reads it within the next minutes. A worker remembers a bounded number: those that people ask
 * about as they are, an exchange trading its own for the oldest; all others in a DecisionLog.
 */
import { latin1 } from '../../base/latin1.ts';
import type { Situation } from '../balance/situation.ts';
import type { Pool } from '../servers/pool.ts';
import type { Server } from '../servers/server.ts';

/** Servers whose figures are noted for a choice. */
export const FIGURES_MAX = 16;
/** Attempts of one request that are noted; more are counted only. */
export const CHOICES_MAX = 12;
const NOTABLE_MAX = 2_048;
/** A request that took longer is one that people ask about. */
const SLOW_MS = 1_000;
const LINE_CHARS_MAX = 256;

/** One attempt: how its server was chosen, and how it ended. */
export class Choice {
  situation: Situation<Server> | null = null;
  server: Server | null = null;
  isTrial = false;
  /** Where the client belonged. */
  isOwn = false;
  /** The kept-alive connection turned out to be closed: the same server may be next. */
  isStale = false;
  isReused = false;
  /** Requests in flight at the first servers, where the strategy looks at them, and their latency. */
  inFlight: Int32Array | null = null;
  latencyUs: Int32Array | null = null;
  /** -1: it did not come to that. */
  atMs = 0;
  sentMs = -1;
  endMs = -1;
  /** A status, or what went wrong. */
  outcome: number | string = '';

  /** @param server null: none could be taken */
  begin(pool: Pool, server: Server | null, nowMs: number): void {
    const { situation, reads } = pool;
    if (this.situation !== situation) this.situation = situation;
    this.server = server;
    this.isTrial = false;
    this.isOwn = false;
    this.isStale = false;
    this.isReused = false;
    this.atMs = nowMs;
    this.sentMs = -1;
    this.endMs = -1;
    this.outcome = '';
    if (reads === 'nothing') this.inFlight = null;
    else this.#noteFigures(situation.servers, reads === 'latency');
  }

  #noteFigures(servers: readonly Server[], withLatency: boolean): void {
    const count = Math.min(servers.length, FIGURES_MAX);
    this.inFlight ??= new Int32Array(FIGURES_MAX);
    for (let at = 0; at < count; at++) this.inFlight[at] = servers[at]!.inFlight();
    if (!withLatency) {
      this.latencyUs = null;
      return;
    }
    this.latencyUs ??= new Int32Array(FIGURES_MAX);
    for (let at = 0; at < count; at++) this.latencyUs[at] = servers[at]!.latencyUs();
  }
}

export class Decision {
  requestNumber = 0;
  broughtId = '';
  method = '';
  /** The beginning of the request line; empty for requests that are like all others. */
  line = '';
  peerAddress = '';
  pool: Pool | null = null;
  key = 0;
  /** Row of the server that the client belonged to; -1: to none. */
  ownRow = -1;
  startedMs = 0;
  endedMs = 0;
  status = 0;
  failure = '';
  attempts = 0;
  readonly choices: Choice[] = [];

  /** The next attempt, in a place that was used before where there is one. */
  next(): Choice | null {
    if (this.attempts === CHOICES_MAX) return null;
    const at = this.attempts++;
    this.choices[at] ??= new Choice();
    return this.choices[at]!;
  }

  /** The attempt that `next` began came to nothing: there was no room after all. */
  takeBack(): void {
    this.attempts -= 1;
  }

  last(): Choice | null {
    return this.attempts === 0 ? null : this.choices[this.attempts - 1]!;
  }

  /** The last attempt is over. @param outcome the status, or what went wrong */
  endChoice(outcome: number | string, sentMs: number, nowMs: number, isStale = false): void {
    const choice = this.last();
    if (choice === null || choice.endMs !== -1) return;
    if (choice.server !== null) choice.sentMs = sentMs;
    choice.endMs = nowMs;
    choice.outcome = outcome;
    choice.isStale = isStale;
  }

  isOf(requestNumber: number, broughtId: string): boolean {
    return requestNumber === 0
      ? this.broughtId === broughtId
      : this.requestNumber === requestNumber;
  }
}

/** Whether a request is one that people ask about. */
export function isNotable(decision: Decision): boolean {
  return (
    decision.failure !== '' ||
    decision.status >= 500 ||
    decision.attempts > 1 ||
    decision.endedMs - decision.startedMs > SLOW_MS ||
    decision.last()?.isTrial === true
  );
}

/** One worker's memory of requests that people ask about; see also DecisionLog. */
export class NotableDecisions {
  readonly #decisions: (Decision | undefined)[] = [];
  #at = 0;

  /** Keeps the decision of a finished request. @returns one that may be reused */
  keep(decision: Decision, requestText: string): Decision {
    const text = requestText.slice(0, LINE_CHARS_MAX);
    const end = text.indexOf('\r\n');
    // A copy: a part of a string would hold on to all of it.
    const line = Buffer.from(end === -1 ? text : text.slice(0, end), 'latin1');
    decision.line = latin1(line, 0, line.length);
    const at = this.#at;
    this.#at = (at + 1) % NOTABLE_MAX;
    const oldest = this.#decisions[at];
    this.#decisions[at] = decision;
    return oldest ?? new Decision();
  }

  /** @param requestNumber 0: it is known by the id that the client brought */
  find(requestNumber: number, broughtId: string): Decision | undefined {
    return this.#decisions.find((decision) => decision?.isOf(requestNumber, broughtId) === true);
  }
}
