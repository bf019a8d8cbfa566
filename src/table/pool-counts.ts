import { addBelow } from './add-below.ts';
import { POOL, POOL_ROWS_MAX, poolCell, SHARE, SHARE_CELLS, type Share } from './layout.ts';

/**
 * What is bounded over all workers, by pool: retries, connections and waiting requests. Each is
 * held twice: as one sum, against which a worker claims, and in that worker's share, from which the
 * control thread takes what a dead worker held off the sum.
 */
export class PoolCounts {
  readonly #cells: Int32Array;
  /** Where the workers' shares begin. */
  readonly #sharesStart: number;
  readonly #workerLanes: number;

  /** How many cells the shares of so many workers take. */
  static shareCells(workerLanes: number): number {
    return POOL_ROWS_MAX * workerLanes * SHARE_CELLS;
  }

  /** @param cells of head, pools and servers, then the shares */
  constructor(cells: Int32Array, sharesStart: number, workerLanes: number) {
    this.#cells = cells;
    this.#sharesStart = sharesStart;
    this.#workerLanes = workerLanes;
  }

  /**
   * A request of this worker is to be tried again.
   *
   * @param most how many may be under way over all workers
   * @returns false where that many are
   */
  beginRetry(pool: number, worker: number, most: number): boolean {
    return this.#claim(pool, POOL.liveRetries, worker, SHARE.retries, most);
  }

  /** A request that was tried again is over. */
  endRetry(pool: number, worker: number): void {
    this.#release(pool, POOL.liveRetries, worker, SHARE.retries);
  }

  /** Requests that are being tried again, over all workers. */
  retries(pool: number): number {
    return Atomics.load(this.#cells, poolCell(pool, POOL.liveRetries));
  }

  /**
   * This worker is to open a connection to a server of the pool.
   *
   * @param most how many may be open over all workers
   * @returns false where that many are
   */
  claimConnection(pool: number, worker: number, most: number): boolean {
    return this.#claim(pool, POOL.connections, worker, SHARE.connections, most);
  }

  /** A connection that was claimed is closed. */
  releaseConnection(pool: number, worker: number): void {
    this.#release(pool, POOL.connections, worker, SHARE.connections);
  }

  /** Connections to the pool's servers, over all workers. */
  connections(pool: number): number {
    return Atomics.load(this.#cells, poolCell(pool, POOL.connections));
  }

  /** Those of one worker. */
  connectionsOf(pool: number, worker: number): number {
    return this.#cells[this.#atShare(pool, worker, SHARE.connections)]!;
  }

  /**
   * A request of this worker is to wait in its queue.
   *
   * @param most how many may wait over all workers
   * @returns false where that many do
   */
  beginWaiting(pool: number, worker: number, most: number): boolean {
    return this.#claim(pool, POOL.waiting, worker, SHARE.waiting, most);
  }

  endWaiting(pool: number, worker: number): void {
    this.#release(pool, POOL.waiting, worker, SHARE.waiting);
  }

  /** Requests that wait, over all workers. */
  waiting(pool: number): number {
    return Atomics.load(this.#cells, poolCell(pool, POOL.waiting));
  }

  /** Those of one worker. */
  waitingOf(pool: number, worker: number): number {
    return Atomics.load(this.#cells, this.#atShare(pool, worker, SHARE.waiting));
  }

  /** @param sinceMs since when this worker's longest waiting request waits; 0: none waits */
  setWaitingSince(pool: number, worker: number, sinceMs: number): void {
    Atomics.store(this.#cells, this.#atShare(pool, worker, SHARE.waitingSinceMs), sinceMs | 0);
  }

  /** As that worker set it, in 32 bits of the table's time. */
  waitingSince(pool: number, worker: number): number {
    return Atomics.load(this.#cells, this.#atShare(pool, worker, SHARE.waitingSinceMs));
  }

  /** Takes what a dead worker held off the sums. Control thread only. */
  forgetWorker(worker: number): void {
    for (let pool = 0; pool < POOL_ROWS_MAX; pool++) {
      this.#forget(pool, POOL.liveRetries, worker, SHARE.retries);
      this.#forget(pool, POOL.connections, worker, SHARE.connections);
      this.#forget(pool, POOL.waiting, worker, SHARE.waiting);
      this.setWaitingSince(pool, worker, 0);
    }
  }

  #claim(pool: number, sum: number, worker: number, share: Share, most: number): boolean {
    if (!addBelow(this.#cells, poolCell(pool, sum), most)) return false;
    this.#cells[this.#atShare(pool, worker, share)]! += 1;
    return true;
  }

  #release(pool: number, sum: number, worker: number, share: Share): void {
    Atomics.sub(this.#cells, poolCell(pool, sum), 1);
    this.#cells[this.#atShare(pool, worker, share)]! -= 1;
  }

  #forget(pool: number, sum: number, worker: number, share: Share): void {
    const at = this.#atShare(pool, worker, share);
    Atomics.sub(this.#cells, poolCell(pool, sum), this.#cells[at]!);
    this.#cells[at] = 0;
  }

  #atShare(pool: number, worker: number, share: Share): number {
    return this.#sharesStart + (pool * this.#workerLanes + worker) * SHARE_CELLS + share;
  }
}
