/**
 * Open connections of each source, over all workers, in the shared table's memory.
 *
 * An entry is a tag and a count, both changed by Atomics. The tag changes hands only while the
 * count is locked, which it can be only from 0: whoever has counted himself in may rely on it. A
 * lane for each worker holds its part of each count, so that a dead worker's can be taken off.
 *
 * The table does not grow. Where all entries of a source's window are in use the source is not
 * counted; every other entry then stands for open connections, of which there can be no more than
 * `max_connections` of the listeners.
 */

const WINDOW = 16;
const ENTRY_CELLS = 2;

/** The source is not counted. */
export const UNCOUNTED = -1;
const AGAIN = -2;
/** An entry is locked for a few loads and stores, longer only where its worker has lost its core. */
const LOCKED_MS = 1;
const TRIES_MAX = 100;

export class SourceCounts {
  /** Of the entry that `enter` gave, with the connection that entered. */
  entered = 0;
  readonly #cells: Int32Array;
  readonly #sources: number;
  readonly #window: number;

  /** Cells, of 4 bytes, that so many sources and workers need. */
  static cells(sources: number, workerLanes: number): number {
    return sources * (ENTRY_CELLS + workerLanes);
  }

  /** @param cells of the shared memory, as many as `SourceCounts.cells` says */
  constructor(cells: Int32Array, sources: number) {
    this.#cells = cells;
    this.#sources = sources;
    this.#window = Math.min(WINDOW, sources);
  }

  /**
   * Counts a connection in.
   *
   * @param place where the source lies, 32 bits
   * @param tag what it is known by, 32 bits; 0: it is not counted
   * @returns its entry, for `leave`; `entered` is how many it has now
   */
  enter(place: number, tag: number, worker: number): number {
    for (let tries = 0; tag !== 0 && tries < TRIES_MAX; tries++) {
      const entry = this.#entryOf(place, tag);
      if (entry !== UNCOUNTED && this.#isIn(entry, tag, worker)) return entry;
      const claimed = entry === UNCOUNTED ? this.#claim(place, tag, worker) : AGAIN;
      if (claimed === UNCOUNTED) break;
      if (claimed !== AGAIN) return claimed;
    }
    this.entered = 0;
    return UNCOUNTED;
  }

  /** Counts a connection out that `enter` counted in. */
  leave(entry: number, worker: number): void {
    this.#cells[this.#lane(entry, worker)]! -= 1;
    Atomics.sub(this.#cells, entry * ENTRY_CELLS + 1, 1);
  }

  /** Takes what a dead worker held off the counts. Control thread only. */
  forgetWorker(worker: number): void {
    const locked = -1 - worker;
    for (let entry = 0; entry < this.#sources; entry++) {
      const lane = this.#lane(entry, worker);
      const held = this.#cells[lane]!;
      if (held !== 0) {
        this.#cells[lane] = 0;
        Atomics.sub(this.#cells, entry * ENTRY_CELLS + 1, held);
      }
      Atomics.compareExchange(this.#cells, entry * ENTRY_CELLS + 1, locked, 0);
    }
  }

  /** Open connections of a source; 0 where it is not counted. */
  count(place: number, tag: number): number {
    const entry = this.#entryOf(place, tag);
    return entry === UNCOUNTED
      ? 0
      : Math.max(0, Atomics.load(this.#cells, entry * ENTRY_CELLS + 1));
  }

  #entryOf(place: number, tag: number): number {
    for (let step = 0; step < this.#window; step++) {
      const entry = (place + step) % this.#sources;
      if (Atomics.load(this.#cells, entry * ENTRY_CELLS) === tag) return entry;
    }
    return UNCOUNTED;
  }

  #isIn(entry: number, tag: number, worker: number): boolean {
    const cell = entry * ENTRY_CELLS + 1;
    const before = Atomics.load(this.#cells, cell);
    if (before < 0) {
      this.#waitFor(cell, before);
      return false;
    }
    if (Atomics.compareExchange(this.#cells, cell, before, before + 1) !== before) return false;
    // From here on nobody can take the entry over; but perhaps somebody just has.
    if (Atomics.load(this.#cells, entry * ENTRY_CELLS) !== tag) {
      Atomics.sub(this.#cells, cell, 1);
      return false;
    }
    this.#cells[this.#lane(entry, worker)]! += 1;
    this.entered = before + 1;
    return true;
  }

  /** @returns the entry; AGAIN where another worker was about it, UNCOUNTED where all are in use */
  #claim(place: number, tag: number, worker: number): number {
    for (let step = 0; step < this.#window; step++) {
      const entry = (place + step) % this.#sources;
      const cell = entry * ENTRY_CELLS + 1;
      const count = Atomics.load(this.#cells, cell);
      if (count > 0) continue;
      // Who claims it at this moment may do so for the same source.
      if (count < 0) {
        this.#waitFor(cell, count);
        return AGAIN;
      }
      if (Atomics.compareExchange(this.#cells, cell, 0, -1 - worker) !== 0) return AGAIN;
      const known = this.#entryOf(place, tag);
      if (known !== UNCOUNTED && known !== entry) {
        Atomics.store(this.#cells, cell, 0);
        return AGAIN;
      }
      Atomics.store(this.#cells, entry * ENTRY_CELLS, tag);
      this.#cells[this.#lane(entry, worker)]! += 1;
      Atomics.store(this.#cells, cell, 1);
      this.entered = 1;
      return entry;
    }
    return UNCOUNTED;
  }

  /** Lets the worker that locked an entry go on; most often it is over already. */
  #waitFor(cell: number, locked: number): void {
    Atomics.wait(this.#cells, cell, locked, LOCKED_MS);
  }

  #lane(entry: number, worker: number): number {
    return this.#sources * ENTRY_CELLS + worker * this.#sources + entry;
  }
}
