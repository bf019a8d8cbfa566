import { SERVER_ROWS_MAX } from './layout.ts';

/** Entries that an address may lie in; the oldest of them gives way to a new address. */
export const WINDOW = 16;

const HEAD_CELLS = 16;
const SEED_CELL = 0;
const ENTRY_CELLS = 2;
const ROW_BITS = 12;
const TAG_BITS = 20;
const EMPTY = 0;

/**
 * Which server each client address belongs to: a table of fixed size that all workers share.
 *
 * An entry is two cells. The first is the binding, a tag of the address (20 bits, never 0) beside
 * the server's row (12 bits): one word that is read and exchanged as a whole, so that there is
 * nothing to lock and nobody ever sees one client's tag with another's server. The second is when
 * the address was last seen, in seconds since 1970; it only decides which entry gives way, and
 * may be a moment ahead of its binding.
 *
 * An address lies somewhere in a window of 16 entries that begins where its hash says, mixed with
 * a seed of this table, so that nobody can aim at another's entries. When a window is full the
 * entry unseen for longest gives way: many addresses push each other out and never grow the
 * table. Two addresses that share window and tag, one pair in tens of thousands, share a server.
 */
export class SourceTable {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Uint32Array;
  readonly #entries: number;
  readonly #window: number;
  readonly #seed: number;
  readonly #expiresS: number;
  /** The entry that #seek found, and the binding it saw there: what an exchange expects. */
  #at = 0;
  #seen = EMPTY;

  private constructor(memory: SharedArrayBuffer, expiresMs: number) {
    this.memory = memory;
    this.#cells = new Uint32Array(memory);
    this.#entries = (this.#cells.length - HEAD_CELLS) / ENTRY_CELLS;
    this.#window = Math.min(WINDOW, this.#entries);
    this.#seed = this.#cells[SEED_CELL]!;
    this.#expiresS = Math.ceil(expiresMs / 1000);
  }

  /**
   * Makes the memory of a table; `open` gives a view of it.
   *
   * @param entries most addresses it holds, 8 bytes each
   * @param seed 32 bits that nobody can guess
   */
  static create(entries: number, seed: number): SharedArrayBuffer {
    const cells = HEAD_CELLS + entries * ENTRY_CELLS;
    const memory = new SharedArrayBuffer(cells * Uint32Array.BYTES_PER_ELEMENT);
    new Uint32Array(memory)[SEED_CELL] = seed;
    return memory;
  }

  /** @param expiresMs an address unseen for so long is forgotten; to the second */
  static open(memory: SharedArrayBuffer, expiresMs: number): SourceTable {
    return new SourceTable(memory, expiresMs);
  }

  /** How many addresses the memory of a table has room for. */
  static entriesOf(memory: SharedArrayBuffer): number {
    return (memory.byteLength / Uint32Array.BYTES_PER_ELEMENT - HEAD_CELLS) / ENTRY_CELLS;
  }

  /**
   * The server's row that an address is bound to, -1 where it is bound to none; it counts as seen.
   *
   * @param key 32-bit hash of the address
   */
  find(key: number, wallMs: number): number {
    const nowS = Math.floor(wallMs / 1000);
    if (!this.#seek(this.#mix(key), nowS)) return -1;
    const at = this.#at + 1;
    if (Atomics.load(this.#cells, at) !== nowS) Atomics.store(this.#cells, at, nowS);
    return this.#seen & (SERVER_ROWS_MAX - 1);
  }

  /** What `find` gives, without the address counting as seen. */
  peek(key: number, wallMs: number): number {
    const isKnown = this.#seek(this.#mix(key), Math.floor(wallMs / 1000));
    return isKnown ? this.#seen & (SERVER_ROWS_MAX - 1) : -1;
  }

  /**
   * Binds an address to a server, unless another worker did it since `find`.
   *
   * @param before what `find` gave
   * @returns the row that it is bound to now
   */
  bind(key: number, row: number, before: number, wallMs: number): number {
    const hash = this.#mix(key);
    const nowS = Math.floor(wallMs / 1000);
    const wanted = ((tagOf(hash) << ROW_BITS) | row) >>> 0;
    // A window whose every entry is taken by others while we look is given up: the next request
    // of the client learns its server.
    for (let tries = 0; tries < this.#window; tries++) {
      const isKnown = this.#seek(hash, nowS);
      const seen = this.#seen;
      const seenRow = seen & (SERVER_ROWS_MAX - 1);
      if (isKnown && seenRow !== before) return seenRow;
      Atomics.store(this.#cells, this.#at + 1, nowS);
      if (Atomics.compareExchange(this.#cells, this.#at, seen, wanted) === seen) return row;
    }
    return row;
  }

  /** Addresses that are bound and not forgotten; walks the whole table. */
  count(wallMs: number): number {
    const nowS = Math.floor(wallMs / 1000);
    let count = 0;
    for (let at = HEAD_CELLS; at < this.#cells.length; at += ENTRY_CELLS) {
      if (Atomics.load(this.#cells, at) !== EMPTY && !this.#isExpired(at, nowS)) count++;
    }
    return count;
  }

  /**
   * Sets #at and #seen to the live entry of a hash; where it has none, to the first free entry of
   * its window, else to the one unseen for longest.
   *
   * One pass for both: entries fill from the front, so that a worker which did not meet another's
   * entry of this hash is bound to want the very cell that the other took, and sees it taken.
   *
   * @returns whether it has one
   */
  #seek(hash: number, nowS: number): boolean {
    const tag = tagOf(hash);
    let leastS = Number.POSITIVE_INFINITY;
    let at = this.#first(hash);
    for (let step = 0; step < this.#window; step++) {
      const binding = Atomics.load(this.#cells, at);
      const isFree = binding === EMPTY || this.#isExpired(at, nowS);
      if (!isFree && binding >>> ROW_BITS === tag) {
        this.#at = at;
        this.#seen = binding;
        return true;
      }
      const seenS = isFree ? -1 : Atomics.load(this.#cells, at + 1);
      if (seenS < leastS) {
        leastS = seenS;
        this.#at = at;
        this.#seen = binding;
      }
      at = this.#next(at);
    }
    return false;
  }

  /** A clock that was set back makes no entry older. */
  #isExpired(at: number, nowS: number): boolean {
    return nowS - Atomics.load(this.#cells, at + 1) >= this.#expiresS;
  }

  #first(hash: number): number {
    return HEAD_CELLS + Math.floor((hash / 2 ** 32) * this.#entries) * ENTRY_CELLS;
  }

  #next(at: number): number {
    const next = at + ENTRY_CELLS;
    return next === this.#cells.length ? HEAD_CELLS : next;
  }

  /** The finalizer of MurmurHash3, as core/balance/hash.ts has it. */
  #mix(key: number): number {
    let hash = key ^ this.#seed;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

function tagOf(hash: number): number {
  return hash & ((1 << TAG_BITS) - 1) || 1;
}
