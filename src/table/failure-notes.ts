import { SERVER, serverCell } from './layout.ts';

/** What live traffic notes about servers that failed, for the control thread to act on, by row. */
export class FailureNotes {
  readonly #cells: Int32Array;

  /** @param cells of head, pools and servers */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /** What the last failed attempt failed by, as core/servers/outcome.ts numbers it. */
  last(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.lastFailure));
  }

  setLast(row: number, failure: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.lastFailure), failure);
  }

  /** Asks for a probe at once. */
  suspect(row: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.suspect), 1);
  }

  /** @returns whether the server has been suspected since the last call */
  takeSuspicion(row: number): boolean {
    const cell = serverCell(row, SERVER.suspect);
    return Atomics.load(this.#cells, cell) !== 0 && Atomics.exchange(this.#cells, cell, 0) !== 0;
  }
}
