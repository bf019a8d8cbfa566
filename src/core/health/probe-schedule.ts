export interface ProbeTimes {
  /** Between two probes of one server. */
  readonly intervalMs: number;
  /** Between two probes of a server that live traffic found fault with. */
  readonly suspectIntervalMs: number;
}

/** The first round of probes is over in this time, so that a start knows soon what is up. */
const FIRST_ROUND_MS_MAX = 1000;

/** When one server is to be probed next. */
export class ProbeSchedule {
  dueMs: number;
  /** Live traffic found fault with it, and no probe has cleared it since. */
  isSuspect = false;
  readonly #phase: number;
  #startedMs = Number.NEGATIVE_INFINITY;
  #isFirst = true;

  /** @param phase its place among the pool's servers, in [0, 1): probes are spread by it */
  constructor(phase: number, times: ProbeTimes, nowMs: number) {
    this.#phase = phase;
    this.dueMs = nowMs + phase * Math.min(times.intervalMs, FIRST_ROUND_MS_MAX);
  }

  /** Live traffic found fault with the server: it is probed at once, unless it just was. */
  suspect(times: ProbeTimes, nowMs: number): void {
    this.isSuspect = true;
    const nextMs = Math.max(nowMs, this.#startedMs + times.suspectIntervalMs);
    this.dueMs = Math.min(this.dueMs, nextMs);
  }

  /** A probe begins. */
  started(times: ProbeTimes, nowMs: number): void {
    this.#startedMs = nowMs;
    // From its second probe on, a server keeps its own place in the interval.
    const offsetMs = this.#isFirst ? this.#phase * times.intervalMs : 0;
    this.#isFirst = false;
    this.dueMs = nowMs + times.intervalMs + offsetMs;
  }

  /** @param isCleared whether the probe found nothing wrong, or took the server out */
  ended(isCleared: boolean, times: ProbeTimes): void {
    if (isCleared) this.isSuspect = false;
    if (this.isSuspect) {
      this.dueMs = Math.min(this.dueMs, this.#startedMs + times.suspectIntervalMs);
    }
  }
}
