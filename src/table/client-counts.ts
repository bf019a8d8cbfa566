import { addBelow } from './add-below.ts';
import { HEAD, WORKER, WORKER_CELLS } from './layout.ts';

/** Connections of clients, open and waiting: one sum of all workers, and what each worker holds. */
export class ClientCounts {
  readonly #cells: Int32Array;
  /** Where the workers' cells begin. */
  readonly #workersStart: number;

  /** @param cells of the head, and somewhere behind it of the workers */
  constructor(cells: Int32Array, workersStart: number) {
    this.#cells = cells;
    this.#workersStart = workersStart;
  }

  /**
   * A client of this worker is let in.
   *
   * @param most how many may be, over all workers
   * @returns false where that many are
   */
  claim(worker: number, most: number): boolean {
    if (!addBelow(this.#cells, HEAD.clients, most)) return false;
    this.#cells[this.#at(worker, WORKER.clients)]! += 1;
    return true;
  }

  release(worker: number): void {
    Atomics.sub(this.#cells, HEAD.clients, 1);
    this.#cells[this.#at(worker, WORKER.clients)]! -= 1;
  }

  /** Open connections of clients, over all workers. */
  open(): number {
    return Atomics.load(this.#cells, HEAD.clients);
  }

  /** Connections that wait to be taken up, over all workers. */
  waiting(): number {
    return Atomics.load(this.#cells, HEAD.clientsWaiting);
  }

  /** @param by how many more, or fewer, wait at this worker */
  addWaiting(worker: number, by: number): void {
    Atomics.add(this.#cells, HEAD.clientsWaiting, by);
    this.#cells[this.#at(worker, WORKER.clientsWaiting)]! += by;
  }

  /** Takes what a dead worker held off the sums. Control thread only. */
  forgetWorker(worker: number): void {
    this.#forget(worker, HEAD.clients, WORKER.clients);
    this.#forget(worker, HEAD.clientsWaiting, WORKER.clientsWaiting);
  }

  #forget(worker: number, sum: number, part: number): void {
    const at = this.#at(worker, part);
    Atomics.sub(this.#cells, sum, this.#cells[at]!);
    this.#cells[at] = 0;
  }

  #at(worker: number, cell: number): number {
    return this.#workersStart + worker * WORKER_CELLS + cell;
  }
}
