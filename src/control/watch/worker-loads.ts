import { BUCKETS, quantileMs } from '../../table/buckets.ts';
import { GAUGE, HISTOGRAM_CELLS, WORKER_COUNTER, WORKER_TIMING } from '../../table/measures.ts';
import type { SharedTable } from '../../table/table.ts';

/** How busy one data thread was in the last ten seconds. */
export interface WorkerLoad {
  readonly worker: number;
  /** Share of a core it used, 0 to 1. */
  readonly cpuRatio: number;
  /** How late its regular timer was, 99 of 100 times at the most; by so much a request waits too. */
  readonly lateP99Ms: number;
  /** Share of new requests it refuses because of overload, 0 to 1. */
  readonly shedRatio: number;
}

const SAMPLES_MAX = 10;

interface Sample {
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly late: Float64Array;
}

/** Watches the data threads, once a second. */
export class WorkerLoads {
  readonly #table: SharedTable;
  #samples = new Map<number, Sample[]>();

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /** @param lanes of the workers that run */
  sample(lanes: readonly number[], nowMs: number): void {
    const { measures } = this.#table;
    const samples = new Map<number, Sample[]>();
    for (const lane of lanes) {
      const late = new Float64Array(HISTOGRAM_CELLS);
      measures.addWorkerTiming(lane, WORKER_TIMING.loopDelay, late);
      const cpuSeconds = measures.get(lane, WORKER_COUNTER.cpuSeconds);
      const before = this.#samples.get(lane) ?? [];
      // A replacement begins at 0.
      const known = before.filter((one) => one.cpuSeconds <= cpuSeconds).slice(-SAMPLES_MAX);
      samples.set(lane, [...known, { atMs: nowMs, cpuSeconds, late }]);
    }
    this.#samples = samples;
  }

  loads(): WorkerLoad[] {
    return [...this.#samples].map(([worker, samples]) => {
      const [oldest, newest] = [samples[0]!, samples.at(-1)!];
      const seconds = (newest.atMs - oldest.atMs) / 1000;
      const late = newest.late.map((count, at) => Math.max(0, count - oldest.late[at]!));
      return {
        worker,
        cpuRatio: seconds <= 0 ? 0 : (newest.cpuSeconds - oldest.cpuSeconds) / seconds,
        lateP99Ms: quantileMs(late.subarray(0, BUCKETS), 0.99),
        shedRatio: this.#table.measures.get(worker, GAUGE.shedShare),
      };
    });
  }
}
