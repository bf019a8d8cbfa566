import type { Stream } from './ports.ts';

/**
 * What came of a request's body, kept for a server that is still connecting or for another
 * attempt. Whoever adds to it keeps it within bounds.
 */
export class HeldBody {
  byteCount = 0;
  readonly #pieces: Buffer[] = [];
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
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    this.byteCount += end - start;
  }

  /** Keeps a copy of bytes that are sent as well, or, beyond `bytesMax`, forgets all. */
  keepSent(bytes: Buffer, start: number, end: number, bytesMax: number): void {
    if (this.#isWhole && this.byteCount + end - start <= bytesMax) this.keep(bytes, start, end);
    else this.passedBy();
  }

  /** Bytes went to a server that are not kept. */
  passedBy(): void {
    this.forget();
    this.#isWhole = false;
  }

  /** What is here is not needed again. */
  forget(): void {
    if (this.#pieces.length > 0) {
      this.#pieces.length = 0;
      this.#isWhole = false;
    }
    this.byteCount = 0;
  }

  /** Sends a request's head and what is here of its body. */
  sendAfter(headText: string, stream: Stream): void {
    const first = this.#pieces[0];
    if (first === undefined) {
      stream.writeText(headText);
      return;
    }
    stream.writeTextAndBytes(headText, first, 0, first.length);
    for (let index = 1; index < this.#pieces.length; index++) {
      const piece = this.#pieces[index]!;
      stream.writeBytes(piece, 0, piece.length);
    }
  }
}
