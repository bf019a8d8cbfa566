import type { Rate } from './rate.ts';

/** Entries that a source may lie in. */
const WINDOW = 16;
const HEAD_CELLS = 16;
/** The cell of the rate over all clients. */
const OVERALL = 0;
const ENTRY_CELLS = 2;

/** Sources that are told apart, 8 bytes each. */
export const SOURCES_MAX = 65_536;

/**
 * Requests of each source and of all together, in memory of fixed size that all threads share.
 *
 * An entry is the source's tag and its cell of the rate. An entry whose cell does not lie ahead of
 * now says no more than an empty one, and is as good as empty: nothing has to be tidied up. Where
 * all entries of a window owe something, the one that owes least gives way. So the many addresses
 * of an attacker push each other out; to push out one that asks at its full rate takes a whole
 * window of entries that ask as much, and gains nothing: who is pushed out is forgiven.
 */
export class SourceRates {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #entries: number;
  readonly #window: number;
  /** null: sources are not limited one by one. */
  readonly #perSource: Rate | null;
  readonly #overall: Rate | null;

  /** @param memory of `create` */
  constructor(memory: SharedArrayBuffer, perSource: Rate | null, overall: Rate | null) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
    this.#entries = (this.#cells.length - HEAD_CELLS) / ENTRY_CELLS;
    this.#window = Math.min(WINDOW, this.#entries);
    this.#perSource = perSource;
    this.#overall = overall;
  }

  /** The memory is new: what it holds by chance is no debt. */
  begin(nowMs: number): void {
    this.#overall?.forgive(this.#cells, OVERALL, 0, nowMs);
  }

  /** @param sources most that are told apart */
  static create(sources: number): SharedArrayBuffer {
    const cells = HEAD_CELLS + sources * ENTRY_CELLS;
    return new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT);
  }

  /**
   * Enters one request of a source.
   *
   * @param place where the source lies, 32 bits
   * @param tag what it is known by, 32 bits; 0: only the rate over all clients counts for it
   * @returns 0 where it may go on; else in how many milliseconds it could, below 0 where that is
   *   for what all clients ask together
   */
  take(place: number, tag: number, nowMs: number): number {
    const at = this.#perSource === null || tag === 0 ? -1 : this.#cellOf(place, tag, nowMs);
    if (at !== -1) {
      const waitMs = this.#perSource!.take(this.#cells, at, nowMs);
      if (waitMs > 0) return waitMs;
    }
    if (this.#overall === null) return 0;
    const waitMs = this.#overall.take(this.#cells, OVERALL, nowMs);
    // What the others ask for is not charged to this one.
    if (waitMs > 0 && at !== -1) this.#perSource!.giveBack(this.#cells, at);
    return 0 - waitMs;
  }

  /** What `take` would give, without a request entered. */
  foresee(place: number, tag: number, nowMs: number): number {
    const cells = this.#cells;
    if (this.#perSource !== null && tag !== 0) {
      const at = this.#seek(place, tag, nowMs);
      const isKnown = Atomics.load(cells, at) === tag;
      const waitMs = isKnown ? this.#perSource.waitMs(cells, at + 1, nowMs) : 0;
      if (waitMs > 0) return waitMs;
    }
    return this.#overall === null ? 0 : 0 - this.#overall.waitMs(cells, OVERALL, nowMs);
  }

  /** To be called about once a second, by one thread. */
  refresh(nowMs: number): void {
    this.#overall?.refresh(this.#cells, OVERALL, nowMs);
    if (this.#perSource === null) return;
    for (let at = HEAD_CELLS; at < this.#cells.length; at += ENTRY_CELLS) {
      if (this.#cells[at] !== 0) this.#perSource.refresh(this.#cells, at + 1, nowMs);
    }
  }

  /** The cell of a source, claimed where it has none; -1 where others were quicker too often. */
  #cellOf(place: number, tag: number, nowMs: number): number {
    const cells = this.#cells;
    const rate = this.#perSource!;
    for (let tries = 0; tries < this.#window; tries++) {
      const at = this.#seek(place, tag, nowMs);
      const known = Atomics.load(cells, at);
      if (known === tag) return at + 1;
      const owed = Atomics.load(cells, at + 1);
      if (Atomics.compareExchange(cells, at, known, tag) !== known) continue;
      rate.forgive(cells, at + 1, owed, nowMs);
      return at + 1;
    }
    return -1;
  }

  /** The entry of a source; where it has none, the one of its window that owes least. */
  #seek(place: number, tag: number, nowMs: number): number {
    const cells = this.#cells;
    let least = Number.POSITIVE_INFINITY;
    let candidate = -1;
    let at = HEAD_CELLS + (place % this.#entries) * ENTRY_CELLS;
    for (let step = 0; step < this.#window; step++) {
      const known = Atomics.load(cells, at);
      if (known === tag) return at;
      if (least > 0) {
        const owed = known === 0 ? 0 : this.#perSource!.aheadOf(cells, at + 1, nowMs);
        if (owed < least) {
          least = owed;
          candidate = at;
        }
      }
      at += ENTRY_CELLS;
      if (at === cells.length) at = HEAD_CELLS;
    }
    return candidate;
  }
}
