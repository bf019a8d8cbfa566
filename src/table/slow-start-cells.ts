import { SERVER, serverCell } from './layout.ts';

/** What stands in the cell of a server that gets all of its share, as in that of a new row. */
const FULL = 0;

/** The cells of servers that start slowly, by row; core/health/slow-start.ts makes all changes. */
export class SlowStartCells {
  readonly #cells: Int32Array;

  /** @param cells of head, pools and servers */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /** How much of its share a server gets, in percent up to 100. */
  sharePercent(row: number): number {
    const percent = Atomics.load(this.#cells, serverCell(row, SERVER.slowPercent));
    return percent === FULL ? 100 : percent;
  }

  setSharePercent(row: number, percent: number): void {
    const share = percent === 100 ? FULL : percent;
    Atomics.store(this.#cells, serverCell(row, SERVER.slowPercent), share);
  }

  /** When it began to start slowly, in 32 bits of the table's time. */
  sinceMs(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.slowSinceMs));
  }

  setSinceMs(row: number, nowMs: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.slowSinceMs), nowMs | 0);
  }
}
