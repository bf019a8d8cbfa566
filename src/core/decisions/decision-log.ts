/**
 * The decisions of ordinary requests: one attempt, no failure. They lie row by row in a few long
 * arrays, for a worker writes one with every request: objects of their own, each touched again only
 * thousands of requests later, would cost a walk through cold memory each time.
 */
import type { Situation } from '../balance/situation.ts';
import type { Pool } from '../servers/pool.ts';
import type { Server } from '../servers/server.ts';
import { Decision, FIGURES_MAX } from './decision.ts';

const ROWS = 8_192;

const NUMBER = {
  requestNumber: 0,
  key: 1,
  ownRow: 2,
  startedMs: 3,
  endedMs: 4,
  status: 5,
  atMs: 6,
  sentMs: 7,
  endMs: 8,
  flags: 9,
} as const;
const NUMBERS = 10;
const REF = { situation: 0, server: 1, pool: 2, peerAddress: 3, method: 4, broughtId: 5 } as const;
const REFS = 6;
const HAS_CHOICE = 1;
const IS_OWN = 2;
const IS_REUSED = 4;
const HAS_IN_FLIGHT = 8;
const HAS_LATENCY = 16;

export class DecisionLog {
  readonly #numbers = new Float64Array(ROWS * NUMBERS).fill(-1);
  readonly #refs: unknown[] = new Array(ROWS * REFS).fill(null);
  /** Made when a strategy looks at them. */
  #inFlight: Int32Array | null = null;
  #latencyUs: Int32Array | null = null;
  #row = 0;

  write(decision: Decision): void {
    const row = this.#row;
    this.#row = row + 1 === ROWS ? 0 : row + 1;
    const at = row * NUMBERS;
    const numbers = this.#numbers;
    numbers[at + NUMBER.requestNumber] = decision.requestNumber;
    numbers[at + NUMBER.key] = decision.key;
    numbers[at + NUMBER.ownRow] = decision.ownRow;
    numbers[at + NUMBER.startedMs] = decision.startedMs;
    numbers[at + NUMBER.endedMs] = decision.endedMs;
    numbers[at + NUMBER.status] = decision.status;
    numbers[at + NUMBER.flags] = 0;
    const refs = this.#refs;
    const ref = row * REFS;
    refs[ref + REF.pool] = decision.pool;
    refs[ref + REF.peerAddress] = decision.peerAddress;
    refs[ref + REF.method] = decision.method;
    refs[ref + REF.broughtId] = decision.broughtId;
    if (decision.attempts > 0) this.#writeChoice(decision, row);
  }

  #writeChoice(decision: Decision, row: number): void {
    const choice = decision.choices[0]!;
    const at = row * NUMBERS;
    this.#numbers[at + NUMBER.atMs] = choice.atMs;
    this.#numbers[at + NUMBER.sentMs] = choice.sentMs;
    this.#numbers[at + NUMBER.endMs] = choice.endMs;
    this.#refs[row * REFS + REF.situation] = choice.situation;
    this.#refs[row * REFS + REF.server] = choice.server;
    let flags: number = HAS_CHOICE;
    if (choice.isOwn) flags |= IS_OWN;
    if (choice.isReused) flags |= IS_REUSED;
    const count = Math.min(FIGURES_MAX, choice.situation!.servers.length);
    if (choice.inFlight !== null) {
      flags |= HAS_IN_FLIGHT;
      this.#inFlight ??= new Int32Array(ROWS * FIGURES_MAX);
      copy(choice.inFlight, this.#inFlight, row, count);
    }
    if (choice.latencyUs !== null) {
      flags |= HAS_LATENCY;
      this.#latencyUs ??= new Int32Array(ROWS * FIGURES_MAX);
      copy(choice.latencyUs, this.#latencyUs, row, count);
    }
    this.#numbers[at + NUMBER.flags] = flags;
  }

  /** @param requestNumber 0: it is known by the id that the client brought */
  find(requestNumber: number, broughtId: string): Decision | undefined {
    for (let row = 0; row < ROWS; row++) {
      if (this.#number(row, NUMBER.requestNumber) !== requestNumber) continue;
      if (requestNumber !== 0 || this.#ref(row, REF.broughtId) === broughtId) {
        return this.#read(row);
      }
    }
    return undefined;
  }

  #read(row: number): Decision {
    const decision = new Decision();
    decision.requestNumber = this.#number(row, NUMBER.requestNumber);
    decision.key = this.#number(row, NUMBER.key);
    decision.ownRow = this.#number(row, NUMBER.ownRow);
    decision.startedMs = this.#number(row, NUMBER.startedMs);
    decision.endedMs = this.#number(row, NUMBER.endedMs);
    decision.status = this.#number(row, NUMBER.status);
    decision.pool = this.#ref(row, REF.pool) as Pool;
    decision.peerAddress = this.#ref(row, REF.peerAddress) as string;
    decision.method = this.#ref(row, REF.method) as string;
    decision.broughtId = this.#ref(row, REF.broughtId) as string;
    const flags = this.#number(row, NUMBER.flags);
    if ((flags & HAS_CHOICE) === 0) return decision;
    const choice = decision.next()!;
    choice.situation = this.#ref(row, REF.situation) as Situation<Server>;
    choice.server = this.#ref(row, REF.server) as Server | null;
    choice.isOwn = (flags & IS_OWN) !== 0;
    choice.isReused = (flags & IS_REUSED) !== 0;
    choice.atMs = this.#number(row, NUMBER.atMs);
    choice.sentMs = this.#number(row, NUMBER.sentMs);
    choice.endMs = this.#number(row, NUMBER.endMs);
    choice.outcome = decision.status;
    const [from, to] = [row * FIGURES_MAX, (row + 1) * FIGURES_MAX];
    if ((flags & HAS_IN_FLIGHT) !== 0) choice.inFlight = this.#inFlight!.slice(from, to);
    if ((flags & HAS_LATENCY) !== 0) choice.latencyUs = this.#latencyUs!.slice(from, to);
    return decision;
  }

  #number(row: number, which: number): number {
    return this.#numbers[row * NUMBERS + which]!;
  }

  #ref(row: number, which: number): unknown {
    return this.#refs[row * REFS + which];
  }
}

function copy(from: Int32Array, to: Int32Array, row: number, count: number): void {
  const start = row * FIGURES_MAX;
  for (let at = 0; at < count; at++) to[start + at] = from[at]!;
}
