import type { Holder } from './backend.ts';

/** Descriptors beyond it are not noted: more are not open where a process may have a million. */
const DESCRIPTORS_MAX = 1 << 20;
/** Blocks of memory that are noted: an arena, and the rings of io_uring. */
const MAPPINGS_MAX = 8;
const MAPPINGS_BYTES = MAPPINGS_MAX * 16;

/** Give back what a thread held. */
export interface Releases {
  unmap(start: bigint, lengthBytes: number): void;
  close(fd: number): void;
}

/**
 * What a data thread holds of the system beside its heap, in memory that outlives it: open
 * descriptors, and blocks of memory that it shares with the kernel. A thread that dies in the middle
 * gives nothing back, and its clients would wait for ever: the control thread does it for it.
 */
export class Holdings implements Holder {
  readonly memory: SharedArrayBuffer;
  /** Start and length of each mapping. */
  readonly #mappings: BigUint64Array;
  /** A bit for each descriptor. */
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#mappings = new BigUint64Array(memory, 0, MAPPINGS_MAX * 2);
    this.#words = new Int32Array(memory, MAPPINGS_BYTES);
  }

  /** @param limit how many descriptors this process may have; undefined: not known */
  static create(limit: number | undefined): Holdings {
    const most = Math.min(limit ?? DESCRIPTORS_MAX, DESCRIPTORS_MAX);
    return new Holdings(new SharedArrayBuffer(MAPPINGS_BYTES + 4 * Math.ceil(most / 32)));
  }

  add(fd: number): void {
    if (fd >>> 5 < this.#words.length) Atomics.or(this.#words, fd >>> 5, 1 << (fd & 31));
  }

  remove(fd: number): void {
    if (fd >>> 5 < this.#words.length) Atomics.and(this.#words, fd >>> 5, ~(1 << (fd & 31)));
  }

  /** @throws RangeError where more are mapped than a thread has use for */
  mapped(start: bigint, lengthBytes: number): void {
    for (let at = 0; at < this.#mappings.length; at += 2) {
      if (this.#mappings[at] !== 0n) continue;
      this.#mappings[at] = start;
      this.#mappings[at + 1] = BigInt(lengthBytes);
      return;
    }
    throw new RangeError(`more than ${MAPPINGS_MAX} mappings`);
  }

  /**
   * Gives everything back, each once. Only when the thread is gone. A ring that is mapped goes on
   * holding the sockets that it receives from, though all descriptors are closed. The memory that was
   * mapped first goes last: a ring receives into it.
   */
  release({ unmap, close }: Releases): void {
    for (let word = 0; word < this.#words.length; word++) {
      let bits = Atomics.exchange(this.#words, word, 0);
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        close(word * 32 + bit);
      }
    }
    for (let at = this.#mappings.length - 2; at >= 0; at -= 2) {
      const start = this.#mappings[at]!;
      this.#mappings[at] = 0n;
      if (start !== 0n) unmap(start, Number(this.#mappings[at + 1]));
    }
  }
}
