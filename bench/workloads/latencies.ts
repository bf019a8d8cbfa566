import type { Load } from './workload.ts';

/** By the microsecond up to a second, by the millisecond beyond it. */
const FINE_US = 1_000_000;
const COARSE_US = 1_000;
/** Longer than any load program waits for an answer. */
const COARSE_COUNT = 60_000;

/** Counted latencies: in the same memory for any number of them. */
export class Latencies {
  /** The last counts all that took longer. */
  readonly #counts = new Uint32Array(FINE_US + COARSE_COUNT);
  #count = 0;
  #slowestUs = 0;

  get count(): number {
    return this.#count;
  }

  /** 0 of none. */
  get slowestUs(): number {
    return this.#slowestUs;
  }

  add(us: number): void {
    const whole = Math.round(us);
    const at = whole < FINE_US ? whole : FINE_US + Math.floor((whole - FINE_US) / COARSE_US);
    this.#counts[Math.min(this.#counts.length - 1, at)]!++;
    this.#count++;
    this.#slowestUs = Math.max(this.#slowestUs, whole);
  }

  /** What this share of them, of 0 to 1, took at most; 0 of none. */
  percentileUs(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    for (let at = 0; at < this.#counts.length - 1; at++) {
      left -= this.#counts[at]!;
      if (left > 0) continue;
      return at < FINE_US ? at : Math.min(FINE_US + (at - FINE_US) * COARSE_US, this.#slowestUs);
    }
    return this.#slowestUs;
  }

  /** What a load program reports of itself. @param beganAt as `performance.now` has it */
  load(beganAt: number, errors: number): Load {
    return {
      requests: this.#count,
      durationUs: Math.round((performance.now() - beganAt) * 1_000),
      p50Us: this.percentileUs(0.5),
      p99Us: this.percentileUs(0.99),
      errors,
    };
  }
}
