/** Puts heads together in one piece of memory that is used again and again. */
import { latin1 } from '../../base/latin1.ts';
import { CR, LF } from './chars.ts';

const HEX_DIGITS = 8;

export class HeadWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #size = 0;

  begin(): void {
    this.#size = 0;
  }

  /** Adds bytes as they are. */
  copy(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    bytes.copy(this.#bytes, this.#size, start, end);
    this.#size += end - start;
  }

  /** Adds text; each character is a byte. */
  text(text: string): void {
    this.#reserve(text.length);
    this.#size += this.#bytes.write(text, this.#size, 'latin1');
  }

  /** Adds a whole number below 2^32 as eight hexadecimal digits. */
  hex(value: number): void {
    this.#reserve(HEX_DIGITS);
    const bytes = this.#bytes;
    let at = this.#size;
    for (let shift = 28; shift >= 0; shift -= 4) {
      const digit = (value >>> shift) & 15;
      bytes[at++] = digit < 10 ? 48 + digit : 87 + digit;
    }
    this.#size = at;
  }

  lineEnd(): void {
    this.#reserve(2);
    this.#bytes[this.#size++] = CR;
    this.#bytes[this.#size++] = LF;
  }

  /** All that was added since `begin`. */
  result(): string {
    return latin1(this.#bytes, 0, this.#size);
  }

  #reserve(bytes: number): void {
    if (this.#size + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#size + bytes));
    this.#bytes.copy(larger, 0, 0, this.#size);
    this.#bytes = larger;
  }
}
