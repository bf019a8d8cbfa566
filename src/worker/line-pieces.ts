const PIECE_BYTES = 256 * 1024;
/** So many may be on their way to the disk; beyond them lines are dropped. */
const PIECES = 8;

/** Bytes that one unit of a string's length takes at the most: \u0000. */
export const BYTES_PER_UNIT_MAX = 6;

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
export function bytesOf(memory: SharedArrayBuffer, { index, length }: LinePiece): Uint8Array {
  return new Uint8Array(memory, index * PIECE_BYTES, length);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const ZERO = 0x30;

/**
 * Lines of JSON, written as bytes with nothing allocated for them, and handed over in large
 * pieces: a line costs neither a message nor an object. There is a fixed number of pieces: each
 * comes back once it is written, and when none is left, because the disk stalls, lines are refused
 * and whoever writes goes on.
 */
export class LinePieces {
  readonly #send: (piece: LinePiece) => void;
  readonly #pieces: readonly Uint8Array[];
  /** Numbers of those that are free, the last used last: its memory is still warm. */
  readonly #free: number[];
  /** The number of the one being filled; -1: none is. */
  #index = -1;
  #bytes: Uint8Array = new Uint8Array();
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
   * Begins a line.
   *
   * @param bytesMax that it will take at the most
   * @returns false where it is dropped
   */
  begin(bytesMax: number): boolean {
    if (bytesMax > PIECE_BYTES) return false;
    if (this.#length + bytesMax > PIECE_BYTES) this.flush();
    return this.#index !== -1 || this.#take();
  }

  /** Adds bytes as they are. */
  copy(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Adds the inside of a JSON string: a text, or its first `length` characters. */
  string(text: string, length = text.length): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x20 && unit < 0x7f && unit !== QUOTE && unit !== BACKSLASH) bytes[at++] = unit;
      else at = writeUnit(bytes, at, unit);
    }
    this.#length = at;
  }

  /** Adds a whole number from 0 on. */
  whole(value: number): void {
    if (value > 0x7fffffff) return this.string(String(value));
    this.#length = writeWhole(this.#bytes, this.#length, value);
  }

  /** Adds milliseconds from 0 on, to three digits. */
  milliseconds(value: number): void {
    const us = Math.round(value * 1000);
    if (us > 0x7fffffff) return this.string(String(us / 1000));
    const whole = (us / 1000) | 0;
    const rest = us - whole * 1000;
    const at = writeWhole(this.#bytes, this.#length, whole);
    const bytes = this.#bytes;
    bytes[at] = DOT;
    bytes[at + 1] = ZERO + ((rest / 100) | 0);
    bytes[at + 2] = ZERO + (((rest / 10) | 0) % 10);
    bytes[at + 3] = ZERO + (rest % 10);
    this.#length = at + 4;
  }

  /** The line, with its end, is written. */
  end(): void {
    this.#lines += 1;
  }

  /** Hands over what there is; not within a line. */
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

/** What is not plain: escaped, or in UTF-8. */
function writeUnit(bytes: Uint8Array, at: number, unit: number): number {
  if (unit === QUOTE || unit === BACKSLASH) {
    bytes[at] = BACKSLASH;
    bytes[at + 1] = unit;
    return at + 2;
  }
  const isSurrogate = unit >= 0xd800 && unit < 0xe000;
  if (unit < 0x80 || isSurrogate) return writeAscii(bytes, at, `\\u${hex4(unit)}`);
  if (unit < 0x800) {
    bytes[at] = 0xc0 | (unit >> 6);
    bytes[at + 1] = 0x80 | (unit & 0x3f);
    return at + 2;
  }
  bytes[at] = 0xe0 | (unit >> 12);
  bytes[at + 1] = 0x80 | ((unit >> 6) & 0x3f);
  bytes[at + 2] = 0x80 | (unit & 0x3f);
  return at + 3;
}

function hex4(unit: number): string {
  return unit.toString(16).padStart(4, '0');
}

function writeAscii(bytes: Uint8Array, start: number, text: string): number {
  let at = start;
  for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
  return at;
}

/** @param value below 2^31 */
function writeWhole(bytes: Uint8Array, start: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits += 1;
  const end = start + digits;
  let rest = value;
  for (let at = end - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
  return end;
}
