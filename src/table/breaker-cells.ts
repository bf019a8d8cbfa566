import { type BreakerState, SERVER, serverCell } from './layout.ts';

/**
 * The cells of the servers' circuit breakers, by row. How they may change is told in
 * core/health/breaker.ts, which makes all changes.
 */
export class BreakerCells {
  readonly #cells: Int32Array;

  /** @param cells of head, pools and servers */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  state(row: number): BreakerState {
    return Atomics.load(this.#cells, serverCell(row, SERVER.breaker)) as BreakerState;
  }

  /** @returns false where another thread moved it before */
  move(row: number, from: BreakerState, to: BreakerState): boolean {
    return Atomics.compareExchange(this.#cells, serverCell(row, SERVER.breaker), from, to) === from;
  }

  /** Whatever it is. @returns the state before */
  replace(row: number, to: BreakerState): BreakerState {
    return Atomics.exchange(this.#cells, serverCell(row, SERVER.breaker), to) as BreakerState;
  }

  /** Failures in a row. */
  failures(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.breakerFailures));
  }

  /** @returns how many they are now */
  addFailure(row: number): number {
    return Atomics.add(this.#cells, serverCell(row, SERVER.breakerFailures), 1) + 1;
  }

  clearFailures(row: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.breakerFailures), 0);
  }

  /** Until when an open breaker stays open, in 32 bits of the table's time. */
  untilMs(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.breakerUntilMs));
  }

  setUntilMs(row: number, untilMs: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.breakerUntilMs), untilMs);
  }

  /** The token of the trial under way; 0: there is none. */
  trial(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.breakerTrial));
  }

  setTrial(row: number, token: number): void {
    Atomics.store(this.#cells, serverCell(row, SERVER.breakerTrial), token);
  }

  /** @returns false where `from` is not the trial any more */
  replaceTrial(row: number, from: number, to: number): boolean {
    const cell = serverCell(row, SERVER.breakerTrial);
    return Atomics.compareExchange(this.#cells, cell, from, to) === from;
  }

  /** How often the breaker opened. */
  openings(row: number): number {
    return Atomics.load(this.#cells, serverCell(row, SERVER.breakerOpenings));
  }

  addOpening(row: number): void {
    Atomics.add(this.#cells, serverCell(row, SERVER.breakerOpenings), 1);
  }
}
