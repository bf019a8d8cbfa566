import type { Chance, Range } from './chance.ts';
import { content } from './content.ts';
import type { Endpoint } from './network.ts';

export interface BodyToWrite {
  /** Which content it has: see content.ts. */
  readonly key: number;
  readonly bytes: number;
  readonly isChunked: boolean;
  /** Trailer lines of a chunked body, each with its CRLF. */
  readonly trailers: string;
  /** Where it stops, as if something had broken; `bytes` for a whole body. */
  readonly upTo: number;
  readonly pieceBytes: Range;
  readonly gapMs: Range;
}

/** Writes a body piece by piece, as fast as the other side takes it. */
export class BodyWriter {
  sentBytes = 0;
  readonly #body: BodyToWrite;
  readonly #stream: Endpoint;
  readonly #chance: Chance;
  readonly #onDone: () => void;
  #waitsForDrain = false;
  isOver = false;

  constructor(stream: Endpoint, chance: Chance, body: BodyToWrite, onDone: () => void) {
    this.#stream = stream;
    this.#chance = chance;
    this.#body = body;
    this.#onDone = onDone;
  }

  start(): void {
    this.#step();
  }

  drained(): void {
    if (!this.#waitsForDrain) return;
    this.#waitsForDrain = false;
    this.#step();
  }

  cancel(): void {
    this.isOver = true;
  }

  #step(): void {
    if (this.isOver || this.#stream.isClosed) return;
    const { bytes, upTo, isChunked, trailers, pieceBytes, gapMs } = this.#body;
    if (this.#stream.pendingBytes > 0) {
      this.#waitsForDrain = true;
      return;
    }
    const size = Math.min(upTo - this.sentBytes, this.#chance.whole(...pieceBytes), 0x10000);
    if (size > 0) this.#writePiece(size, isChunked);
    if (this.sentBytes < upTo) {
      this.#stream.network.clock.after(this.#chance.within(gapMs), () => this.#step());
      return;
    }
    this.isOver = true;
    if (upTo === bytes && isChunked) this.#stream.writeText(`0\r\n${trailers}\r\n`);
    this.#onDone();
  }

  #writePiece(size: number, isChunked: boolean): void {
    const piece = content(this.#body.key, this.sentBytes, size);
    this.sentBytes += size;
    if (!isChunked) this.#stream.writeBytes(piece, 0, size);
    else {
      const extension = this.#chance.happens(0.1) ? ';a=b' : '';
      this.#stream.writeText(`${size.toString(16)}${extension}\r\n${piece.toString('latin1')}\r\n`);
    }
  }
}
