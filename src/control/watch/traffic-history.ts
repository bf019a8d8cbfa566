import { BUCKETS, quantileMs } from '../../table/buckets.ts';
import { COUNTER, type Counter } from '../../table/layout.ts';
import { GAUGE, HISTOGRAM_CELLS, type Measures, TIMING } from '../../table/measures.ts';
import type { SharedTable } from '../../table/table.ts';

/** Samples that are kept: an hour of seconds. */
export const SAMPLES_MAX = 3600;
/** Samples kept of each server. */
export const SERVER_SAMPLES_MAX = 60;

/** What a sample of the whole instance says, in this order. */
export const FIELDS = [
  'requestsPerSecond',
  'errorsPerSecond',
  'p50Ms',
  'p99Ms',
  'inFlight',
  'clientConnections',
  'tunnels',
  'bytesPerSecond',
] as const;

/** What happened in a window of time. */
export interface Window {
  /** How long it was; shorter than asked for while the instance is young. */
  readonly seconds: number;
  readonly requests: number;
  /** Answers with 5xx. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What one server did, a number for each of the last seconds, the oldest first. */
export interface ServerHistory {
  readonly requests: number[];
  readonly errors: number[];
  readonly attempts: number[];
  /** Attempts that failed, whether or not another one, elsewhere, made up for it. */
  readonly failed: number[];
  /** -1 where nothing ended. */
  readonly p99Ms: number[];
  /** Over all of these seconds; 0 where nothing ended. */
  readonly p50OfAllMs: number;
  readonly p99OfAllMs: number;
}

/** The last hour, a sample a second, in memory of a fixed size. */
export class TrafficHistory {
  readonly #table: SharedTable;
  readonly #atMs = new Float64Array(SAMPLES_MAX);
  readonly #values = new Float32Array(SAMPLES_MAX * FIELDS.length);
  readonly #requests = new Float64Array(SAMPLES_MAX);
  readonly #errors = new Float64Array(SAMPLES_MAX);
  readonly #seconds = new Float64Array(SAMPLES_MAX);
  /** What was counted in each bucket of the total time, sample by sample. */
  readonly #times = new Float32Array(SAMPLES_MAX * BUCKETS);
  readonly #rows = new Map<number, Row>();
  #lastMs: number;
  #count = 0;

  /** @param nowMs milliseconds since 1970 */
  constructor(table: SharedTable, nowMs: number) {
    this.#table = table;
    this.#lastMs = nowMs;
  }

  /**
   * Takes a sample of these servers.
   *
   * @param nowMs milliseconds since 1970
   */
  sample(rows: readonly number[], nowMs: number): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    // A clock that was set back measures nothing.
    if (seconds <= 0) {
      this.#lastMs = nowMs;
      return;
    }
    this.#lastMs = nowMs;
    const slot = this.#count % SAMPLES_MAX;
    this.#count += 1;
    const { measures } = this.#table;
    const all = [...rows, measures.noRow];
    const sum = new Float64Array(BUCKETS);
    let requests = 0;
    let errors = 0;
    let bytes = 0;
    let inFlight = 0;
    for (const row of all) {
      const since = this.#rowOf(row).since(this.#table, row);
      requests += since.requests;
      errors += since.errors;
      bytes += since.bytes;
      add(sum, since.times, 1);
      if (row !== measures.noRow) inFlight += this.#table.inFlight(row);
    }
    const there = new Set(all);
    for (const row of this.#rows.keys()) if (!there.has(row)) this.#rows.delete(row);
    this.#atMs[slot] = nowMs;
    this.#seconds[slot] = seconds;
    this.#requests[slot] = requests;
    this.#errors[slot] = errors;
    this.#times.set(sum, slot * BUCKETS);
    this.#values.set(
      [
        requests / seconds,
        errors / seconds,
        quantileMs(sum, 0.5),
        quantileMs(sum, 0.99),
        inFlight,
        measures.total(GAUGE.clientConnections),
        measures.total(GAUGE.tunnels) + measures.total(GAUGE.streams),
        bytes / seconds,
      ],
      slot * FIELDS.length,
    );
  }

  /** Samples taken after `sinceMs`, the oldest first: the time, then a column for each of FIELDS. */
  since(sinceMs: number): number[][] {
    const columns: number[][] = Array.from({ length: FIELDS.length + 1 }, () => []);
    for (const slot of this.#slots()) {
      const atMs = this.#atMs[slot]!;
      if (atMs <= sinceMs) continue;
      columns[0]!.push(Math.round(atMs));
      for (let field = 0; field < FIELDS.length; field++) {
        columns[field + 1]!.push(rounded(this.#values[slot * FIELDS.length + field]!));
      }
    }
    return columns;
  }

  /** What happened in the last `windowMs`, an hour at most. */
  window(windowMs: number): Window {
    const afterMs = this.#lastMs - windowMs;
    const times = new Float64Array(BUCKETS);
    let seconds = 0;
    let requests = 0;
    let errors = 0;
    for (const slot of this.#slots()) {
      if (this.#atMs[slot]! <= afterMs) continue;
      seconds += this.#seconds[slot]!;
      requests += this.#requests[slot]!;
      errors += this.#errors[slot]!;
      for (let at = 0; at < BUCKETS; at++) times[at]! += this.#times[slot * BUCKETS + at]!;
    }
    return {
      seconds,
      requests,
      errors,
      p50Ms: quantileMs(times, 0.5),
      p99Ms: quantileMs(times, 0.99),
    };
  }

  server(row: number): ServerHistory {
    return (this.#rows.get(row) ?? new Row()).history();
  }

  /** Places of the samples, the oldest first. */
  *#slots(): Generator<number> {
    const first = Math.max(0, this.#count - SAMPLES_MAX);
    for (let at = first; at < this.#count; at++) yield at % SAMPLES_MAX;
  }

  #rowOf(row: number): Row {
    let known = this.#rows.get(row);
    if (known === undefined) {
      known = new Row();
      this.#rows.set(row, known);
    }
    return known;
  }
}

/** One server: what was read last, and its last samples. */
class Row {
  readonly #requests = new Float32Array(SERVER_SAMPLES_MAX);
  readonly #errors = new Float32Array(SERVER_SAMPLES_MAX);
  readonly #attempts = new Float32Array(SERVER_SAMPLES_MAX);
  readonly #failed = new Float32Array(SERVER_SAMPLES_MAX);
  readonly #p99Ms = new Float32Array(SERVER_SAMPLES_MAX);
  /** What was counted in the buckets of the total time, sample by sample, and in all of them. */
  readonly #times: Filled[] = [];
  readonly #timesOfAll = new Float64Array(BUCKETS);
  readonly #lastTimes = new Float64Array(HISTOGRAM_CELLS);
  #count = 0;
  #lastRequests = 0;
  #lastErrors = 0;
  #lastAttempts = 0;
  #lastFailed = 0;
  #lastBytes = 0;

  /** What came since the last call. */
  since(table: SharedTable, row: number) {
    const { measures } = table;
    let requestsNow = 0;
    for (let statusClass = 0; statusClass <= 5; statusClass++) {
      requestsNow += measures.requestsOfClass(row, statusClass);
    }
    const errorsNow = measures.requestsOfClass(row, 5);
    const isServer = row !== measures.noRow;
    const counted = (which: Counter) => (isServer ? table.counters.total(row, which) : 0);
    const bytesNow = counted(COUNTER.bytesToClients);
    const attemptsNow = counted(COUNTER.attempts);
    // What was sent again failed too, were it only that a kept-alive connection had gone.
    const failedNow = Math.max(
      isServer ? table.counters.failedAttempts(row) : 0,
      counted(COUNTER.retries),
    );
    // The row was given to another server, and counts from nothing.
    if (requestsNow < this.#lastRequests) {
      this.#lastRequests = 0;
      this.#lastErrors = 0;
      this.#lastAttempts = 0;
      this.#lastFailed = 0;
      this.#lastBytes = 0;
      this.#lastTimes.fill(0);
    }
    const requests = requestsNow - this.#lastRequests;
    const errors = errorsNow - this.#lastErrors;
    const bytes = Math.max(0, bytesNow - this.#lastBytes);
    // Most of many servers have nothing to tell of one second.
    const times = requests === 0 ? NOTHING : this.#timesSince(measures, row);
    const slot = this.#count % SERVER_SAMPLES_MAX;
    this.#count += 1;
    this.#requests[slot] = requests;
    this.#errors[slot] = errors;
    this.#attempts[slot] = Math.max(0, attemptsNow - this.#lastAttempts);
    this.#failed[slot] = Math.max(0, failedNow - this.#lastFailed);
    add(this.#timesOfAll, this.#times[slot], -1);
    this.#times[slot] = times;
    add(this.#timesOfAll, times, 1);
    this.#lastRequests = requestsNow;
    this.#lastErrors = errorsNow;
    this.#lastAttempts = attemptsNow;
    this.#lastFailed = failedNow;
    this.#lastBytes = bytesNow;
    this.#p99Ms[slot] = times === NOTHING ? -1 : quantileMs(inBuckets(times), 0.99);
    return { requests, errors, bytes, times };
  }

  #timesSince(measures: Measures, row: number): Filled {
    const last = this.#lastTimes;
    now.fill(0);
    measures.addTiming(row, TIMING.total, now);
    let filled = 0;
    for (let at = 0; at < BUCKETS; at++) {
      if (now[at] !== last[at]) places[filled++] = at;
    }
    if (filled === 0) return NOTHING;
    const at = places.slice(0, filled);
    const counts = Float32Array.from(at, (one) => now[one]! - last[one]!);
    last.set(now);
    return { at, counts };
  }

  history(): ServerHistory {
    const first = Math.max(0, this.#count - SERVER_SAMPLES_MAX);
    const slots = Array.from({ length: this.#count - first }, (_, at) => {
      return (first + at) % SERVER_SAMPLES_MAX;
    });
    const times = this.#timesOfAll;
    return {
      requests: slots.map((slot) => this.#requests[slot]!),
      errors: slots.map((slot) => this.#errors[slot]!),
      attempts: slots.map((slot) => this.#attempts[slot]!),
      failed: slots.map((slot) => this.#failed[slot]!),
      p99Ms: slots.map((slot) => rounded(this.#p99Ms[slot]!)),
      p50OfAllMs: rounded(quantileMs(times, 0.5)),
      p99OfAllMs: rounded(quantileMs(times, 0.99)),
    };
  }
}

/** Buckets that something was counted in: few of the hundreds, in one second of one server. */
interface Filled {
  readonly at: Uint16Array;
  readonly counts: Float32Array;
}

const NOTHING: Filled = { at: new Uint16Array(0), counts: new Float32Array(0) };
/** What one row after the other is read into. */
const now = new Float64Array(HISTOGRAM_CELLS);
const places = new Uint16Array(BUCKETS);

/** As counts of all buckets. */
function inBuckets(filled: Filled): Float64Array {
  const counts = new Float64Array(BUCKETS);
  add(counts, filled, 1);
  return counts;
}

function add(sum: Float64Array, filled: Filled | undefined, times: 1 | -1): void {
  filled?.at.forEach((at, index) => {
    sum[at]! += times * filled.counts[index]!;
  });
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
