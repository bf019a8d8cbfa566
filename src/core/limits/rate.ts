/**
 * A rate by the generic cell rate algorithm (GCRA, ITU-T I.371): instead of tokens that are filled
 * up, one number for each client says by when what it asked so far would be worked off at the rate.
 * It may lie ahead of now by no more than the burst. The number is one 32-bit cell that all threads
 * change by compare-and-exchange, so that a limit is one limit however many workers there are.
 */

/** A cell counts in ticks, of which the interval between two requests has so many. */
const TICKS = 64;
/** Threads read the clock a moment before they use it; none is later than this. */
const SKEW_S_MAX = 10;
/** More exchanges than this are lost to other threads only by a cell that everybody wants. */
const EXCHANGES_MAX = 64;

export class Rate {
  readonly perSecond: number;
  readonly burst: number;
  readonly #ticksPerMs: number;
  /** As far as a cell may lie ahead. */
  readonly #aheadMax: number;
  /** What lies further ahead was written so long ago, or under another rate, that it says nothing. */
  readonly #staleFrom: number;

  /**
   * @param perSecond requests, 1 to 10 million
   * @param burst requests that may come at once, 1 to 10 million
   */
  constructor(perSecond: number, burst: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.#ticksPerMs = (perSecond * TICKS) / 1000;
    this.#aheadMax = burst * TICKS;
    this.#staleFrom = this.#aheadMax + perSecond * TICKS * SKEW_S_MAX;
  }

  /**
   * Enters one request, unless it comes too early.
   *
   * @param at the client's cell
   * @returns 0 where it may go on, else in how many milliseconds it could
   */
  take(cells: Int32Array, at: number, nowMs: number): number {
    const now = this.#tickOf(nowMs);
    for (let tries = 0; tries < EXCHANGES_MAX; tries++) {
      const seen = Atomics.load(cells, at);
      const ahead = this.#ahead(seen, now);
      const beyond = ahead + TICKS - this.#aheadMax;
      if (beyond > 0) return beyond / this.#ticksPerMs;
      const next = (now + ahead + TICKS) | 0;
      if (Atomics.compareExchange(cells, at, seen, next) === seen) return 0;
    }
    return 0;
  }

  /** What `take` would give, without a request entered. */
  waitMs(cells: Int32Array, at: number, nowMs: number): number {
    const beyond = this.aheadOf(cells, at, nowMs) + TICKS - this.#aheadMax;
    return Math.max(0, beyond / this.#ticksPerMs);
  }

  /** Takes one request out again that went no further. */
  giveBack(cells: Int32Array, at: number): void {
    Atomics.sub(cells, at, TICKS);
  }

  /** By how many ticks a cell lies ahead of now; 0: its client owes nothing. */
  aheadOf(cells: Int32Array, at: number, nowMs: number): number {
    return this.#ahead(Atomics.load(cells, at), this.#tickOf(nowMs));
  }

  /** Forgets what a cell's client owes, unless it changed since it was `seen`. */
  forgive(cells: Int32Array, at: number, seen: number, nowMs: number): void {
    Atomics.compareExchange(cells, at, seen, this.#tickOf(nowMs));
  }

  /**
   * Cells are 32 bits: one that nobody touches would seem to lie ahead again once the ticks have
   * come halfway round, after 3 s at ten million a second and more than a month at ten. Whoever
   * looks in between brings it up to now.
   */
  refresh(cells: Int32Array, at: number, nowMs: number): void {
    const now = this.#tickOf(nowMs);
    const seen = Atomics.load(cells, at);
    if (this.#ahead(seen, now) === 0) Atomics.compareExchange(cells, at, seen, now);
  }

  #ahead(seen: number, now: number): number {
    const ahead = (seen - now) | 0;
    return ahead > 0 && ahead < this.#staleFrom ? ahead : 0;
  }

  #tickOf(nowMs: number): number {
    return Math.floor(nowMs * this.#ticksPerMs) | 0;
  }
}
