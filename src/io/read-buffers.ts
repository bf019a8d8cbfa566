/**
 * The memory that a thread reads into.
 *
 * Small messages are read into one buffer that all sockets of the thread share, again and again,
 * so that an idle connection holds no buffer at all. That is safe because what is passed on from
 * it is copied on the way (as text, or into a bulk buffer).
 *
 * A socket that brings a lot is given a bulk buffer of its own, and what is written from that is
 * not copied. Where the system does not take such a write at once the buffer is lent: the reader
 * goes on with another one, and the writer gives it back when it has drained.
 */

/** A read that fills this much of the shared buffer asks for a bulk buffer. */
export const BULK_BYTES_MIN = 16 * 1024;
/** Bulk buffers that may be out at one time; beyond them reads share, and copy. */
const BULK_BUFFERS_MAX = 1024;
/** Those kept for the next taker. */
const FREE_BUFFERS_MAX = 64;

export class ReadBuffers {
  readonly sizeBytes: number;
  readonly shared: Buffer;
  /** The buffer that is being read from at this moment; writes compare with it. */
  current: Buffer | null = null;
  /** Set by a write that could not finish and needs `current` for longer than the read. */
  currentIsLent = false;
  readonly #free: Buffer[] = [];
  #out = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.shared = Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** A bulk buffer, or null where too many are out. */
  take(): Buffer | null {
    if (this.#out >= BULK_BUFFERS_MAX) return null;
    this.#out += 1;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.sizeBytes);
  }

  /** A buffer that was taken is left to the garbage collector. */
  forget(): void {
    this.#out -= 1;
  }

  giveBack(buffer: Buffer): void {
    this.#out -= 1;
    if (this.#free.length < FREE_BUFFERS_MAX) this.#free.push(buffer);
  }
}
