import { addBelow } from './add-below.ts';
import { BreakerCells } from './breaker-cells.ts';
import { ClientCounts } from './client-counts.ts';
import { Counters } from './counters.ts';
import { EjectionCells } from './ejection-cells.ts';
import { FailureNotes } from './failure-notes.ts';
import { Latencies } from './latencies.ts';
import {
  ADMIN,
  type Admin,
  HEAD,
  type Health,
  POOL,
  POOL_ROWS_MAX,
  poolCell,
  SERVER,
  SERVER_CELLS,
  SERVER_ROWS_MAX,
  serverCell,
  WORKER_CELLS,
  WORKER_LANES_MAX,
} from './layout.ts';
import { Measures, type OwnLane } from './measures.ts';
import { PoolCounts } from './pool-counts.ts';
import { SlowStartCells } from './slow-start-cells.ts';
import { SourceCounts } from './source-counts.ts';
import { UsedLanes } from './used-lanes.ts';
import { WorkerCalls } from './worker-calls.ts';

const CELL_BYTES = Int32Array.BYTES_PER_ELEMENT;
const COUNTER_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** Where no number is asked for. */
const SOURCES = 64;

/** How large a table is asked for; both are bounded by layout.ts. */
export interface TableSize {
  serverRows: number;
  workerLanes: number;
  /** Clients' addresses whose connections are counted. */
  sources?: number;
}

/**
 * Typed access to the shared table. Every thread opens its own view of the same memory. Nobody
 * outside of this folder knows where a cell lies: each group of cells has an owner.
 *
 * In-flight requests are held twice: as one sum for all workers, which the strategies read with
 * a single atomic load, and in a lane for each worker, from which the control thread takes the
 * requests of a worker that died off the sum.
 */
export class SharedTable {
  readonly memory: SharedArrayBuffer;
  readonly serverRows: number;
  readonly workerLanes: number;
  readonly sources: number;
  /** What is measured and never decided by. */
  readonly measures: Measures;
  readonly counters: Counters;
  readonly latencies: Latencies;
  readonly breakers: BreakerCells;
  readonly ejections: EjectionCells;
  readonly slowStarts: SlowStartCells;
  readonly failureNotes: FailureNotes;
  readonly poolCounts: PoolCounts;
  readonly clientCounts: ClientCounts;
  /** Open connections by the address that they come from. */
  readonly sourceCounts: SourceCounts;
  readonly calls: WorkerCalls;
  /** Of head, pools and servers, then the workers' shares of pools, then the workers. */
  readonly #cells: Int32Array;
  readonly #inFlightLanes: Int32Array;
  readonly #tunnelLanes: Int32Array;
  readonly #lanes: UsedLanes;

  private constructor(memory: SharedArrayBuffer, size: TableSize, own?: OwnLane) {
    const { serverRows, workerLanes, sources = SOURCES } = size;
    this.memory = memory;
    this.serverRows = serverRows;
    this.workerLanes = workerLanes;
    this.sources = sources;
    this.#lanes = new UsedLanes(workerLanes);
    const counters = new Float64Array(memory, 0, Counters.cells(serverRows, workerLanes));
    this.counters = new Counters(counters, serverRows, workerLanes, this.#lanes);
    this.measures = new Measures(serverRows, own);
    const laneCells = serverRows * workerLanes;
    this.#inFlightLanes = new Int32Array(memory, counters.byteLength, laneCells);
    const tunnelsAt = counters.byteLength + laneCells * CELL_BYTES;
    this.#tunnelLanes = new Int32Array(memory, tunnelsAt, laneCells);
    const cellsAt = tunnelsAt + laneCells * CELL_BYTES;
    const sourceCells = SourceCounts.cells(sources, workerLanes);
    const sourcesAt = memory.byteLength - sourceCells * CELL_BYTES;
    const cells = new Int32Array(memory, cellsAt, (sourcesAt - cellsAt) / CELL_BYTES);
    this.#cells = cells;
    this.latencies = new Latencies(cells);
    this.breakers = new BreakerCells(cells);
    this.ejections = new EjectionCells(cells);
    this.slowStarts = new SlowStartCells(cells);
    this.failureNotes = new FailureNotes(cells);
    const sharesStart = serverCell(serverRows, 0);
    this.poolCounts = new PoolCounts(cells, sharesStart, workerLanes);
    const workersStart = sharesStart + PoolCounts.shareCells(workerLanes);
    this.clientCounts = new ClientCounts(cells, workersStart);
    this.calls = new WorkerCalls(cells, workersStart);
    this.sourceCounts = new SourceCounts(new Int32Array(memory, sourcesAt, sourceCells), sources);
  }

  static create(size: TableSize): SharedTable {
    const { serverRows, workerLanes, sources = SOURCES } = size;
    if (serverRows > SERVER_ROWS_MAX || workerLanes > WORKER_LANES_MAX) {
      throw new RangeError(
        `a table holds at most ${SERVER_ROWS_MAX} servers and ${WORKER_LANES_MAX} workers`,
      );
    }
    const laneCells = 2 * serverRows * workerLanes;
    const cells =
      serverCell(serverRows, 0) +
      PoolCounts.shareCells(workerLanes) +
      workerLanes * WORKER_CELLS +
      SourceCounts.cells(sources, workerLanes);
    const counterBytes = Counters.cells(serverRows, workerLanes) * COUNTER_BYTES;
    const bytes = counterBytes + (laneCells + cells) * CELL_BYTES;
    return new SharedTable(new SharedArrayBuffer(bytes), size);
  }

  /**
   * A view, in another thread, of the memory that `create` made.
   *
   * @param own the worker whose view it is, with the memory that `useLane` gave
   */
  static open(memory: SharedArrayBuffer, size: TableSize, own?: OwnLane): SharedTable {
    return new SharedTable(memory, size, own);
  }

  /** 64 bits by which clients are hashed; of no use to whoever knows them but to aim at entries. */
  get seed(): { readonly low: number; readonly high: number } {
    return { low: this.#cells[HEAD.seedLow]!, high: this.#cells[HEAD.seedHigh]! };
  }

  /** Control thread only, before any other has a view. */
  setSeed(low: number, high: number): void {
    this.#cells[HEAD.seedLow] = low;
    this.#cells[HEAD.seedHigh] = high;
  }

  /**
   * Gives a lane to a worker. From the first one on, only lanes up to the highest that was given are
   * read here: most of them are never used. Control thread only.
   *
   * @returns memory of what the worker measures
   */
  useLane(worker: number): SharedArrayBuffer {
    this.#lanes.use(worker);
    return this.measures.memoryOf(worker);
  }

  /** To be called after a change that makes a server usable or unusable. */
  raiseGeneration(): void {
    Atomics.add(this.#cells, HEAD.generation, 1);
  }

  /** Changes whenever a server may have become usable or unusable. */
  generation(): number {
    return Atomics.load(this.#cells, HEAD.generation);
  }

  /** Data threads that share what is bounded over all of them. */
  workers(): number {
    return Atomics.load(this.#cells, HEAD.workers);
  }

  /** Control thread only. */
  setWorkers(workers: number): void {
    Atomics.store(this.#cells, HEAD.workers, workers);
  }

  health(row: number): Health {
    return this.#server(row, SERVER.health) as Health;
  }

  /** Control thread only. */
  setHealth(row: number, health: Health): void {
    this.#setServer(row, SERVER.health, health);
  }

  admin(row: number): Admin {
    return this.#server(row, SERVER.admin) as Admin;
  }

  /** Control thread only. */
  setAdmin(row: number, admin: Admin): void {
    this.#setServer(row, SERVER.admin, admin);
  }

  /** The weight that an operator gave a server: 0 to 256, or -1 where the configured one holds. */
  operatorWeight(row: number): number {
    return this.#server(row, SERVER.operatorWeight) - 1;
  }

  /** Control thread only. @param weight -1: the configured one */
  setOperatorWeight(row: number, weight: number): void {
    this.#setServer(row, SERVER.operatorWeight, weight + 1);
  }

  /** Whether the operator lets a server have new clients. */
  takesNew(row: number): boolean {
    return this.admin(row) === ADMIN.active && this.operatorWeight(row) !== 0;
  }

  /** Whether the backups of a pool serve, and go on until failback. */
  isFailedOver(pool: number): boolean {
    return Atomics.load(this.#cells, poolCell(pool, POOL.failedOver)) === 1;
  }

  /** Control thread only. */
  setFailedOver(pool: number, isFailedOver: boolean): void {
    Atomics.store(this.#cells, poolCell(pool, POOL.failedOver), isFailedOver ? 1 : 0);
    this.raiseGeneration();
  }

  /** Requests under way at a server, over all workers. */
  inFlight(row: number): number {
    return this.#server(row, SERVER.inFlight);
  }

  /**
   * A request of this worker begins at the server.
   *
   * @param most how many may be under way over all workers; 0: no bound
   * @returns false where that many are
   */
  enter(row: number, worker: number, most = 0): boolean {
    const at = serverCell(row, SERVER.inFlight);
    if (most === 0) Atomics.add(this.#cells, at, 1);
    else if (!addBelow(this.#cells, at, most)) return false;
    this.#inFlightLanes[worker * this.serverRows + row]! += 1;
    return true;
  }

  /** A request of this worker left the server, whichever way it ended. */
  leave(row: number, worker: number): void {
    Atomics.sub(this.#cells, serverCell(row, SERVER.inFlight), 1);
    this.#inFlightLanes[worker * this.serverRows + row]! -= 1;
  }

  /** A tunnel of this worker to a server was opened (1) or closed (-1). */
  countTunnel(row: number, worker: number, by: 1 | -1): void {
    this.#tunnelLanes[worker * this.serverRows + row]! += by;
  }

  /** Open tunnels of one worker to a server. */
  tunnelsOf(row: number, worker: number): number {
    return this.#tunnelLanes[worker * this.serverRows + row]!;
  }

  /** Open tunnels to a server, over all workers. */
  tunnels(row: number): number {
    let sum = 0;
    const lanes = this.#lanes.count;
    for (let worker = 0; worker < lanes; worker++) sum += this.tunnelsOf(row, worker);
    return sum;
  }

  /** Takes what a dead worker held off the sums. Control thread only. */
  forgetWorker(worker: number): void {
    this.poolCounts.forgetWorker(worker);
    for (let pool = 0; pool < POOL_ROWS_MAX; pool++) this.ejections.breakLock(pool, worker + 1);
    this.clientCounts.forgetWorker(worker);
    this.measures.forgetWorker(worker);
    this.sourceCounts.forgetWorker(worker);
    this.counters.forgetWorker(worker);
    for (let row = 0; row < this.serverRows; row++) {
      const lane = worker * this.serverRows + row;
      this.#tunnelLanes[lane] = 0;
      const held = this.#inFlightLanes[lane]!;
      if (held === 0) continue;
      this.#inFlightLanes[lane] = 0;
      Atomics.sub(this.#cells, serverCell(row, SERVER.inFlight), held);
    }
  }

  /** Makes a row fit for a new server. Control thread only; no request may be in it. */
  clearServer(row: number): void {
    const start = serverCell(row, 0);
    for (let cell = 0; cell < SERVER_CELLS; cell++) Atomics.store(this.#cells, start + cell, 0);
    for (let worker = 0; worker < this.workerLanes; worker++) {
      this.#inFlightLanes[worker * this.serverRows + row] = 0;
      this.#tunnelLanes[worker * this.serverRows + row] = 0;
    }
    this.counters.clearRow(row);
    this.measures.clearRow(row);
    this.raiseGeneration();
  }

  #server(row: number, cell: number): number {
    return Atomics.load(this.#cells, serverCell(row, cell));
  }

  #setServer(row: number, cell: number, value: number): void {
    Atomics.store(this.#cells, serverCell(row, cell), value);
    this.raiseGeneration();
  }
}
