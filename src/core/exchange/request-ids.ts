import { hex8 } from '../../base/hex.ts';
import type { Random } from '../../base/random.ts';

/** Ids for requests without one: a random prefix and a number. */
export class RequestIds {
  /** The header line of an id, up to its number. */
  line = Buffer.alloc(0);
  readonly #random: Random;
  #prefix = '';
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#begin();
  }

  /** The number of a new request, from 1; `textOf` spells its id. */
  next(): number {
    this.#count = (this.#count + 1) >>> 0;
    if (this.#count === 0) this.#begin();
    return this.#count;
  }

  /** An id that no other request of any worker or instance has. */
  textOf(number: number): string {
    return this.#prefix + hex8(number);
  }

  /** The number in an id of this worker; 0: the id is another worker's, or the client's own. */
  numberOf(requestId: string): number {
    if (!requestId.startsWith(this.#prefix)) return 0;
    const digits = requestId.slice(this.#prefix.length);
    return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : 0;
  }

  /** After 2^32 requests the numbers begin anew, under another prefix. */
  #begin(): void {
    const part = () => hex8(Math.floor(this.#random() * 2 ** 32));
    this.#count = 1;
    this.#prefix = `${part()}${part()}-`;
    this.line = Buffer.from(`X-Request-Id: ${this.#prefix}`, 'latin1');
  }
}
