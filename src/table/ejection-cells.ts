import { POOL, poolCell, SERVER, serverCell } from './layout.ts';

/**
 * The cells of the servers' ejections, by row. How they may change is told in
 * core/health/ejection.ts, which makes all changes.
 */
export class EjectionCells {
  readonly #cells: Int32Array;

  /** @param cells of head, pools and servers */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /**
   * Takes a pool's lock, under which servers are ejected.
   *
   * @param owner a worker's lane + 1, or -1 for the control thread
   * @returns false where another thread has it
   */
  lock(pool: number, owner: number): boolean {
    return Atomics.compareExchange(this.#cells, poolCell(pool, POOL.ejectionLock), 0, owner) === 0;
  }

  unlock(pool: number): void {
    Atomics.store(this.#cells, poolCell(pool, POOL.ejectionLock), 0);
  }

  /** Where `owner` holds the lock, for it died with it. */
  breakLock(pool: number, owner: number): void {
    Atomics.compareExchange(this.#cells, poolCell(pool, POOL.ejectionLock), owner, 0);
  }

  /** Until when a server is out, in 32 bits of the table's time; 0: it is not. */
  untilMs(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.ejectedUntilMs));
  }

  setUntilMs(row: number, untilMs: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.ejectedUntilMs), untilMs);
  }

  /** @returns whether the server was out */
  end(row: number): boolean {
    return Atomics.exchange(this.#cells, serverCell(row, SERVER.ejectedUntilMs), 0) !== 0;
  }

  /** Failures in a row that no breaker counts. */
  failuresInRow(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.failuresInRow));
  }

  /** @returns how many they are now */
  addFailureInRow(row: number): number {
    return Atomics.add(this.#cells, serverCell(row, SERVER.failuresInRow), 1) + 1;
  }

  setFailuresInRow(row: number, failures: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.failuresInRow), failures);
  }

  /** Counts an ejection. @returns by how many ejection times it is longer than the first */
  addEjection(row: number): number {
    Atomics.add(this.#cells, serverCell(row, SERVER.ejections), 1);
    return Atomics.add(this.#cells, serverCell(row, SERVER.ejectionLevel), 1);
  }

  /** By how many ejection times the next one is longer than the first. */
  level(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.ejectionLevel));
  }

  lowerLevel(row: number): void {
    Atomics.sub(this.#cells, serverCell(row, SERVER.ejectionLevel), 1);
  }
}
