import { SERVER, serverCell } from './layout.ts';

/** How long a latency measured counts: after this time an old value weighs 1/e. */
const DECAY_MS = 10_000;

/**
 * An average falls in steps of at least this time: by the share that one millisecond is due, a
 * whole number of microseconds would not change at all.
 */
const STEP_MS = 250;

/** The longest latency that a cell can hold, 35 minutes; longer ones count as this. */
const LATENCY_US_MAX = 0x7fffffff;

/** The servers' average time to first byte, by row: peak-sensitive, and falling with time. */
export class Latencies {
  readonly #cells: Int32Array;

  /** @param cells of head, pools and servers */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /**
   * Average time to first byte in microseconds, less the longer ago it was measured; 0 while
   * nothing was measured. A server that was slow once and gets nothing since would else never
   * be tried again (Finagle's p2c-peak-ewma decays on reading for the same reason).
   *
   * @param nowMs milliseconds since the table was made
   */
  averageUs(row: number, nowMs: number): number {
    const average = this.#averageUs(row);
    if (average === 0) return 0;
    const elapsedMs = this.#elapsedMs(row, nowMs);
    if (elapsedMs === 0) return average;
    return Math.max(1, Math.round(average * Math.exp(-elapsedMs / DECAY_MS)));
  }

  /**
   * Enters one time to first byte. A slower one counts at once, a faster one by as much as time
   * has passed (the peak-sensitive average of Finagle's p2c-peak-ewma).
   *
   * Two workers that write at the same moment may lose one of the two measurements; the average
   * does not need both.
   *
   * @param nowMs milliseconds since the table was made
   */
  record(row: number, latencyUs: number, nowMs: number): void {
    const measured = Math.round(Math.max(1, Math.min(latencyUs, LATENCY_US_MAX)));
    const average = this.#averageUs(row);
    const elapsedMs = this.#elapsedMs(row, nowMs);
    let next = measured;
    if (measured <= average) {
      if (elapsedMs < STEP_MS) return;
      const keep = Math.exp(-elapsedMs / DECAY_MS);
      next = Math.floor(average * keep + measured * (1 - keep));
    }
    Atomics.store(this.#cells, serverCell(row, SERVER.latencyUs), next);
    Atomics.store(this.#cells, serverCell(row, SERVER.latencyAtMs), nowMs | 0);
  }

  #averageUs(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.latencyUs));
  }

  /** Never negative; right across the wrap of a 32-bit cell, which comes every 49 days. */
  #elapsedMs(row: number, nowMs: number): number {
    const measuredMs = Atomics.load(this.#cells, serverCell(row, SERVER.latencyAtMs));
    return Math.max(0, ((nowMs | 0) - measuredMs) | 0);
  }
}
