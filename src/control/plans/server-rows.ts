import type { SharedTable } from '../../table/table.ts';

/**
 * Which row of the shared table each server has: one for each pool that it serves in. A row outlives
 * reloads: it is found by the pool's name and the server's address.
 */
export class ServerRows {
  readonly #table: SharedTable;
  readonly #rows = new Map<string, Map<string, number>>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /**
   * The row of a server in a pool; a new, cleared one if it has none.
   *
   * @throws RangeError when the table is full
   */
  rowOf(pool: string, address: string): number {
    const rows = this.#rows.get(pool) ?? new Map<string, number>();
    const known = rows.get(address);
    if (known !== undefined) return known;
    const freed = this.#free.pop();
    const row = freed ?? this.#next++;
    if (row >= this.#table.serverRows) {
      throw new RangeError(
        `more than ${this.#table.serverRows} servers at a time, draining ones included`,
      );
    }
    // One that no server had yet is clear; to clear it would touch memory that may never be needed.
    if (freed !== undefined) this.#table.clearServer(row);
    this.#rows.set(pool, rows.set(address, row));
    return row;
  }

  /**
   * Frees the rows of servers that are no longer configured and have nothing in flight.
   *
   * @param pools those that there are, with the rows that their servers have
   */
  keep(pools: readonly KeptPool[]): void {
    const kept = new Map(
      pools.map(({ settings, servers }) => [settings.name, new Set(servers.map(({ row }) => row))]),
    );
    for (const [pool, rows] of this.#rows) {
      for (const [address, row] of rows) {
        if (kept.get(pool)?.has(row) === true || this.#table.inFlight(row) !== 0) continue;
        rows.delete(address);
        this.#free.push(row);
      }
      if (rows.size === 0) this.#rows.delete(pool);
    }
  }
}

interface KeptPool {
  readonly settings: { readonly name: string };
  readonly servers: readonly { readonly row: number }[];
}
