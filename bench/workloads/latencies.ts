/** Latencies counted by the microsecond, up to a second: exact, in the same memory for any number of them. */
export class Latencies {
  /** The last counts all that took longer. */
  readonly #counts = new Uint32Array(1_000_001);
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
    this.#counts[Math.min(this.#counts.length - 1, whole)]!++;
    this.#count++;
    this.#slowestUs = Math.max(this.#slowestUs, whole);
  }

  /** What this share of them, of 0 to 1, took at most; 0 of none. What lies over a second is the slowest. */
  percentileUs(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    for (let us = 0; us < this.#counts.length - 1; us++) {
      left -= this.#counts[us]!;
      if (left <= 0) return us;
    }
    return this.#slowestUs;
  }
}
