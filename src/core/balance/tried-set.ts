/** Most attempts of one request that can be told apart; bounds `failover.retries`. */
export const TRIED_SERVERS_MAX = 16;

/** The servers that a request was already sent to, by row. One for each exchange, used again. */
export class TriedSet {
  readonly #rows = new Int32Array(TRIED_SERVERS_MAX);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(row: number): boolean {
    for (let at = 0; at < this.#size; at++) if (this.#rows[at] === row) return true;
    return false;
  }

  /** @throws RangeError beyond TRIED_SERVERS_MAX rows */
  add(row: number): void {
    if (this.has(row)) return;
    if (this.#size === TRIED_SERVERS_MAX) {
      throw new RangeError(`a request is tried at ${TRIED_SERVERS_MAX} servers at most`);
    }
    this.#rows[this.#size++] = row;
  }

  clear(): void {
    this.#size = 0;
  }
}
