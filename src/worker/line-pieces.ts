const PIECE_BYTES = 512 * 1024;
/** Pieces on their way to the disk at a time; beyond them lines are dropped. */
const PIECES = 4;

/** Some whole lines, as bytes in the memory that both threads share. */
export interface LinePiece {
  /** Number of the piece, to give it back by; its bytes are not touched before. */
  readonly index: number;
  /** Bytes that are filled. */
  readonly length: number;
  readonly lines: number;
}

/** Memory for one thread's pieces. What is never written takes none. */
export function pieceMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(PIECES * PIECE_BYTES);
}

/** @param memory that the piece lies in */
export function bytesOf(memory: SharedArrayBuffer, { index, length }: LinePiece): Buffer {
  return Buffer.from(memory, index * PIECE_BYTES, length);
}

/**
 * Lines of the log, handed over as bytes in large pieces: a line costs neither a message nor an
 * object. There is a fixed number of pieces: each comes back once it is written, and when none is
 * left, because the disk stalls, lines are refused and the writer continues.
 */
export class LinePieces {
  readonly #send: (piece: LinePiece) => void;
  readonly #pieces: readonly Buffer[];
  /** Numbers of those that are free, the last used last: its memory is still warm. */
  readonly #free: number[];
  /** The number of the one being filled; -1: none is. */
  #index = -1;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #lines = 0;

  /** @param memory of `pieceMemory` */
  constructor(memory: SharedArrayBuffer, send: (piece: LinePiece) => void) {
    this.#send = send;
    this.#free = Array.from({ length: PIECES }, (_, index) => PIECES - 1 - index);
    this.#pieces = this.#free
      .toReversed()
      .map((index) => bytesOf(memory, { index, length: PIECE_BYTES, lines: 0 }));
  }

  /**
   * @param line with its end, a character for each byte of its UTF-8: that is written fastest
   * @returns false where it is dropped
   */
  add(line: string): boolean {
    if (line.length > PIECE_BYTES) return false;
    if (this.#length + line.length > PIECE_BYTES) this.flush();
    if (this.#index === -1 && !this.#take()) return false;
    this.#length += this.#bytes.write(line, this.#length, 'latin1');
    this.#lines += 1;
    return true;
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#lines === 0) return;
    const index = this.#index;
    this.#index = -1;
    this.#send({ index, length: this.#length, lines: this.#lines });
    this.#length = 0;
    this.#lines = 0;
  }

  /** A piece was written and can be filled again. */
  giveBack(index: number): void {
    this.#free.push(index);
  }

  #take(): boolean {
    const index = this.#free.pop();
    if (index === undefined) return false;
    this.#index = index;
    this.#bytes = this.#pieces[index]!;
    return true;
  }
}
