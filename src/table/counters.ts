import { COUNTER, COUNTERS, type Counter } from './layout.ts';
import type { UsedLanes } from './used-lanes.ts';

/** Counters of the servers, in a lane for each worker: a count is a plain addition. */
export class Counters {
  readonly #cells: Float64Array;
  readonly #serverRows: number;
  readonly #workerLanes: number;
  readonly #lanes: UsedLanes;

  /** How many cells a table of that size takes. */
  static cells(serverRows: number, workerLanes: number): number {
    return serverRows * workerLanes * COUNTERS;
  }

  /** @param cells of the shared memory, as many as `Counters.cells` says */
  constructor(cells: Float64Array, serverRows: number, workerLanes: number, lanes: UsedLanes) {
    this.#cells = cells;
    this.#serverRows = serverRows;
    this.#workerLanes = workerLanes;
    this.#lanes = lanes;
  }

  /** Adds to one of this worker's counters for a server. */
  add(row: number, worker: number, counter: Counter, by = 1): void {
    this.#cells[this.#at(row, worker) + counter]! += by;
  }

  /** Brings one of this worker's counters for a server up to `to`, where it is less. */
  raiseTo(row: number, worker: number, counter: Counter, to: number): void {
    const at = this.#at(row, worker) + counter;
    if (this.#cells[at]! < to) this.#cells[at] = to;
  }

  /** One of a worker's counters for a server. */
  of(row: number, worker: number, counter: Counter): number {
    return this.#cells[this.#at(row, worker) + counter]!;
  }

  /** A counter of a server, over all workers. */
  total(row: number, counter: Counter): number {
    let sum = 0;
    const lanes = this.#lanes.count;
    for (let worker = 0; worker < lanes; worker++) sum += this.of(row, worker, counter);
    return sum;
  }

  /** Attempts at a server that failed, over all workers: without a whole answer, or by its status. */
  failedAttempts(row: number): number {
    return this.total(row, COUNTER.failures) + this.total(row, COUNTER.failedAnswers);
  }

  /** What a dead worker counted stays, but nothing of it is awaited any more. Control thread only. */
  forgetWorker(worker: number): void {
    for (let row = 0; row < this.#serverRows; row++) {
      const at = this.#at(row, worker);
      const awaited = this.#cells[at + COUNTER.awaited]!;
      this.#cells[at + COUNTER.awaitedOver] = awaited;
      this.#cells[at + COUNTER.awaitedUntilPrompt] = awaited;
    }
  }

  /** Control thread only; no request may be at the server. */
  clearRow(row: number): void {
    for (let worker = 0; worker < this.#workerLanes; worker++) {
      const at = this.#at(row, worker);
      this.#cells.fill(0, at, at + COUNTERS);
    }
  }

  #at(row: number, worker: number): number {
    return (worker * this.#serverRows + row) * COUNTERS;
  }
}
