import { CODES, codeIndex, LIMIT_CODES } from '../../core/answers/codes.ts';
import { WAF_VERDICTS } from '../../core/exchange/screening.ts';
import { TLS_REASONS } from '../../io/tls/failures.ts';
import { BUCKETS, quantileMs } from '../../table/buckets.ts';
import { HISTOGRAM_CELLS, WORKER_COUNTER, WORKER_TIMING } from '../../table/measures.ts';
import type { SharedTable } from '../../table/table.ts';

/** What happened in the last minute, or for as long as the instance is known. */
export interface LastMinute {
  /** Requests that failed or were refused, by code; the most frequent first. */
  failures: CodeCount[];
  /** What limits would have refused, were they not only observed. */
  observed: CodeCount[];
  /** Verdicts of the firewall. */
  waf: Record<(typeof WAF_VERDICTS)[number], number>;
  /** TLS handshakes with clients. */
  handshakes: { whole: number; resumed: number; failed: number };
  /** Requests that waited for a server, and how long 99 of 100 did at the most. */
  waited: number;
  waitP99Ms: number;
  /** Connections of clients closed as soon as they came. */
  turnedAway: number;
}

export interface CodeCount {
  code: string;
  count: number;
}

const SAMPLES_MAX = 60;
const OBSERVED = CODES.length;
const VERDICTS = OBSERVED + LIMIT_CODES.length;
const HANDSHAKES = VERDICTS + WAF_VERDICTS.length;
const TURNED_AWAY = HANDSHAKES + 3;
const WAITS = TURNED_AWAY + 1;
const CELLS = WAITS + HISTOGRAM_CELLS;

/** Counters of the instance as they stood in each of the last sixty seconds. */
export class RecentCounts {
  readonly #table: SharedTable;
  readonly #samples: Float64Array[] = [];
  #newest: Float64Array = new Float64Array(CELLS);

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /** Takes a sample; to be called once a second. @param lanes of the workers that run */
  sample(lanes: readonly number[]): void {
    const oldest = this.#samples.length < SAMPLES_MAX ? undefined : this.#samples.shift();
    this.#samples.push(this.#newest);
    const cells = oldest ?? new Float64Array(CELLS);
    this.#read(cells, lanes);
    this.#newest = cells;
  }

  counts(): LastMinute {
    const before = this.#samples[0] ?? this.#newest;
    // What a worker that died had measured may be gone.
    const since = this.#newest.map((value, at) => Math.max(0, value - before[at]!));
    const waits = since.subarray(WAITS, WAITS + BUCKETS);
    return {
      failures: counted(CODES, since, 0),
      observed: counted(LIMIT_CODES, since, OBSERVED),
      waf: {
        blocked: since[VERDICTS]!,
        detected: since[VERDICTS + 1]!,
        noted: since[VERDICTS + 2]!,
      },
      handshakes: {
        whole: since[HANDSHAKES]!,
        resumed: since[HANDSHAKES + 1]!,
        failed: since[HANDSHAKES + 2]!,
      },
      waited: waits.reduce((sum, count) => sum + count, 0),
      waitP99Ms: quantileMs(waits, 0.99),
      turnedAway: since[TURNED_AWAY]!,
    };
  }

  #read(cells: Float64Array, lanes: readonly number[]): void {
    const { measures } = this.#table;
    for (let code = 0; code < CODES.length; code++) cells[code] = measures.failures(code);
    LIMIT_CODES.forEach((code, at) => {
      cells[OBSERVED + at] = measures.observed(codeIndex(code));
    });
    for (let at = 0; at < WAF_VERDICTS.length; at++) cells[VERDICTS + at] = measures.verdicts(at);
    cells[HANDSHAKES] = measures.total(WORKER_COUNTER.tlsHandshakes);
    cells[HANDSHAKES + 1] = measures.total(WORKER_COUNTER.tlsResumptions);
    cells[HANDSHAKES + 2] = 0;
    for (let reason = 0; reason < TLS_REASONS.length; reason++) {
      const which = (WORKER_COUNTER.tlsFailures + reason) as typeof WORKER_COUNTER.tlsFailures;
      cells[HANDSHAKES + 2]! += measures.total(which);
    }
    cells[TURNED_AWAY] = measures.total(WORKER_COUNTER.clientsTurnedAway);
    const waits = cells.subarray(WAITS);
    waits.fill(0);
    for (const lane of lanes) measures.addWorkerTiming(lane, WORKER_TIMING.queueWait, waits);
  }
}

function counted(codes: readonly string[], cells: Float64Array, first: number): CodeCount[] {
  return codes
    .map((code, at) => ({ code, count: cells[first + at]! }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}
