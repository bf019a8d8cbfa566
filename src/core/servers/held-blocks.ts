/** A body of 16 KB, and more of what one receive gives. */
export const HELD_BLOCK_BYTES: number = 20 * 1024;
/** Those kept for the next taker: 1.3 MB a thread. */
const FREE_MAX = 64;

/**
 * Blocks of one size for bodies that are held for a while. A new one for each upload would cost more
 * than copying into it: it is memory outside of the heap, which collections have to count and free.
 */
class HeldBlocks {
  /** The one given back last is taken first: it is still in the processor's cache. */
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(HELD_BLOCK_BYTES);
  }

  /** @param buffer perhaps not one of these; nobody reads it any more */
  giveBack(buffer: Buffer): void {
    if (buffer.buffer.byteLength === HELD_BLOCK_BYTES && this.#free.length < FREE_MAX) {
      this.#free.push(Buffer.from(buffer.buffer, 0, HELD_BLOCK_BYTES));
    }
  }
}

/** Those of this thread. */
export const heldBlocks: HeldBlocks = new HeldBlocks();
