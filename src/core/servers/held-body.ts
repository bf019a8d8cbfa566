import type { Stream } from '../ports/stream.ts';
import { HELD_BLOCK_BYTES, heldBlocks } from './held-blocks.ts';

/** A body that drips is put together in blocks: an object for each byte would weigh far more. */
const BLOCK_BYTES = 4 * 1024;

/**
 * The part of a request's body received so far, kept for a server that is still connecting or for
 * another attempt. Its callers bound it.
 */
export class HeldBody {
  byteCount = 0;
  readonly #pieces: Buffer[] = [];
  /** Bytes of the last piece that are used. */
  #lastBytes = 0;
  #isWhole = true;

  /** A new request: nothing came yet. */
  begin(): void {
    this.forget();
    this.#isWhole = true;
  }

  /** Whether every byte that came so far is here. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Keeps a copy of bytes that no server was sent. */
  keep(bytes: Buffer, start: number, end: number): void {
    const count = end - start;
    const last = this.#pieces.at(-1);
    this.byteCount += count;
    if (last !== undefined && last.length - this.#lastBytes >= count) {
      this.#lastBytes += bytes.copy(last, this.#lastBytes, start, end);
      return;
    }
    // Most bodies are one piece: only a second one says that more small ones may come.
    const size = last === undefined ? count : Math.max(count, BLOCK_BYTES);
    if (last !== undefined)
      this.#pieces[this.#pieces.length - 1] = last.subarray(0, this.#lastBytes);
    const isBlock = size > BLOCK_BYTES && size <= HELD_BLOCK_BYTES;
    const block = isBlock ? heldBlocks.take() : Buffer.allocUnsafe(size);
    this.#lastBytes = bytes.copy(block, 0, start, end);
    this.#pieces.push(block);
  }

  /** Keeps a copy of bytes that are also sent; drops the whole copy beyond `bytesMax`. */
  keepSent(bytes: Buffer, start: number, end: number, bytesMax: number): void {
    if (this.#isWhole && this.byteCount + end - start <= bytesMax) this.keep(bytes, start, end);
    else this.passedBy();
  }

  /** Bytes were sent to a server without being kept. */
  passedBy(): void {
    this.forget();
    this.#isWhole = false;
  }

  /** The body is not needed again. */
  forget(): void {
    if (this.#pieces.length > 0) {
      for (const piece of this.#pieces) heldBlocks.giveBack(piece);
      this.#pieces.length = 0;
      this.#isWhole = false;
    }
    this.byteCount = 0;
  }

  /** Sends a request's head and the body kept here. */
  sendAfter(headText: string, stream: Stream): void {
    const last = this.#pieces.length - 1;
    if (last === -1) {
      stream.writeText(headText);
      return;
    }
    for (let index = 0; index <= last; index++) {
      const piece = this.#pieces[index]!;
      const end = index === last ? this.#lastBytes : piece.length;
      if (index === 0) stream.writeTextAndBytes(headText, piece, 0, end);
      else stream.writeBytes(piece, 0, end);
    }
  }
}
