import { HTAB, SP } from '../http1/chars.ts';

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/**
 * Finds the pairs of one name in Cookie fields (RFC 6265 §4.2), byte by byte and without copying.
 * One serves a whole thread: what it found is good until the next search.
 */
export class CookiePairs {
  /** The pair with what separates it from the next. */
  pairStart = 0;
  pairEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Finds the first pair from `start` on.
   *
   * @param start of a pair
   * @param end of the field's value
   */
  find(bytes: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      const pairStart = skipSpace(bytes, at, end);
      const nameEnd = this.#nameEnd(bytes, pairStart, end);
      at = pairStart;
      while (at < end && bytes[at] !== SEMICOLON) at++;
      const valueEnd = at;
      at = skipSpace(bytes, at + 1, end);
      if (nameEnd === -1) continue;
      this.pairStart = pairStart;
      this.pairEnd = Math.min(at, end);
      this.valueStart = skipSpace(bytes, nameEnd, valueEnd);
      this.valueEnd = valueEnd;
      while (this.valueEnd > this.valueStart && isSpace(bytes[this.valueEnd - 1]!)) this.valueEnd--;
      return true;
    }
    return false;
  }

  /** Whether a Set-Cookie field is of that name. */
  isSetBy(bytes: Buffer, start: number, end: number): boolean {
    return this.#nameEnd(bytes, start, end) !== -1;
  }

  /** Where the value begins after our name and its equals sign; -1: another name. */
  #nameEnd(bytes: Buffer, start: number, end: number): number {
    const name = this.#name;
    let at = start + name.length;
    if (at >= end) return -1;
    for (let index = 0; index < name.length; index++) {
      if (bytes[start + index] !== name.charCodeAt(index)) return -1;
    }
    at = skipSpace(bytes, at, end);
    return at < end && bytes[at] === EQUALS ? at + 1 : -1;
  }
}

function skipSpace(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(bytes[at]!)) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

/** What is left of a field's value when its last pair was cut off, without what separated it. */
export function withoutLastSeparator(text: string): string {
  let length = text.length;
  while (length > 0 && isSeparator(text.charCodeAt(length - 1))) length--;
  return text.slice(0, length);
}

function isSeparator(byte: number): boolean {
  return byte === SEMICOLON || isSpace(byte);
}
