import type { SharedTable } from '../../table/table.ts';

/** Which row of the shared table each server has. A row outlives reloads: it is found by address. */
export class ServerRows {
  readonly #table: SharedTable;
  readonly #rows = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /**
   * The row of a server, a clear one where it has none yet.
   *
   * @throws RangeError when the table is full
   */
  rowOf(address: string): number {
    const known = this.#rows.get(address);
    if (known !== undefined) return known;
    const freed = this.#free.pop();
    const row = freed ?? this.#next++;
    if (row >= this.#table.serverRows) {
      throw new RangeError(
        `more than ${this.#table.serverRows} servers at one time, those that still drain included`,
      );
    }
    // One that no server had yet is clear; to clear it would touch memory that may never be needed.
    if (freed !== undefined) this.#table.clearServer(row);
    this.#rows.set(address, row);
    return row;
  }

  /** Frees the rows of servers that are configured no more and have nothing in flight. */
  keep(addresses: ReadonlySet<string>): void {
    for (const [address, row] of this.#rows) {
      if (addresses.has(address) || this.#table.inFlight(row) !== 0) continue;
      this.#rows.delete(address);
      this.#free.push(row);
    }
  }
}
