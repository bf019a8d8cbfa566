import { BreakerCells } from './breaker-cells.ts';
import { EjectionCells } from './ejection-cells.ts';
import { FailureNotes } from './failure-notes.ts';
import {
  ADMIN,
  type Admin,
  COUNTER,
  COUNTERS,
  type Counter,
  HEAD,
  type Health,
  POOL,
  POOL_ROWS_MAX,
  poolCell,
  SERVER,
  SERVER_CELLS,
  SERVER_ROWS_MAX,
  SERVERS_START,
  SHARE,
  SHARE_CELLS,
  type Share,
  serverCell,
  WORKER,
  WORKER_CELLS,
  WORKER_LANES_MAX,
} from './layout.ts';
import { Measures, type OwnLane } from './measures.ts';
import { SlowStartCells } from './slow-start-cells.ts';
import { SourceCounts } from './source-counts.ts';

const CELL_BYTES = Int32Array.BYTES_PER_ELEMENT;
const COUNTER_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** How long a latency measured counts: after this time an old value weighs 1/e. */
const LATENCY_DECAY_MS = 10_000;

/**
 * An average falls in steps of at least this time: by the share that one millisecond is due, a
 * whole number of microseconds would not change at all.
 */
const LATENCY_STEP_MS = 250;

/** The longest latency that a cell can hold, 35 minutes; longer ones count as this. */
const LATENCY_US_MAX = 0x7fffffff;

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
 * Typed access to the shared table. Every thread opens its own view of the same memory.
 *
 * In-flight requests are held twice: as one sum for all workers, which the strategies read with
 * a single atomic load, and in a lane for each worker, from which the control thread takes the
 * requests of a worker that died off the sum.
 */
export class SharedTable {
  readonly memory: SharedArrayBuffer;
  readonly serverRows: number;
  readonly workerLanes: number;
  /** What is measured and never decided by. */
  readonly measures: Measures;
  /** Open connections by the address that they come from. */
  readonly sourceCounts: SourceCounts;
  readonly sources: number;
  readonly breakers: BreakerCells;
  readonly ejections: EjectionCells;
  readonly slowStarts: SlowStartCells;
  readonly failureNotes: FailureNotes;
  /** The cells of head, pools and servers, then the workers' shares of them. */
  readonly cells: Int32Array;
  readonly #inFlightLanes: Int32Array;
  readonly #tunnelLanes: Int32Array;
  readonly #counters: Float64Array;
  /** Lanes up to the highest that a worker was given; 0: none was, and all of them are read. */
  #lanesUsed = 0;

  private constructor(memory: SharedArrayBuffer, size: TableSize, own?: OwnLane) {
    this.memory = memory;
    this.serverRows = size.serverRows;
    this.workerLanes = size.workerLanes;
    const counterCells = size.serverRows * size.workerLanes * COUNTERS;
    const laneCells = size.serverRows * size.workerLanes;
    this.#counters = new Float64Array(memory, 0, counterCells);
    this.measures = new Measures(size.serverRows, own);
    const countersEnd = counterCells * COUNTER_BYTES;
    this.#inFlightLanes = new Int32Array(memory, countersEnd, laneCells);
    const tunnelsAt = countersEnd + laneCells * CELL_BYTES;
    this.#tunnelLanes = new Int32Array(memory, tunnelsAt, laneCells);
    const cellsAt = tunnelsAt + laneCells * CELL_BYTES;
    this.sources = size.sources ?? SOURCES;
    const sourceCells = SourceCounts.cells(this.sources, size.workerLanes);
    const sourcesAt = memory.byteLength - sourceCells * CELL_BYTES;
    this.cells = new Int32Array(memory, cellsAt, (sourcesAt - cellsAt) / CELL_BYTES);
    this.breakers = new BreakerCells(this.cells);
    this.ejections = new EjectionCells(this.cells);
    this.slowStarts = new SlowStartCells(this.cells);
    this.failureNotes = new FailureNotes(this.cells);
    const counts = new Int32Array(memory, sourcesAt, sourceCells);
    this.sourceCounts = new SourceCounts(counts, this.sources);
  }

  static create(size: TableSize): SharedTable {
    if (size.serverRows > SERVER_ROWS_MAX || size.workerLanes > WORKER_LANES_MAX) {
      throw new RangeError(
        `a table holds at most ${SERVER_ROWS_MAX} servers and ${WORKER_LANES_MAX} workers`,
      );
    }
    const lanes = size.serverRows * size.workerLanes;
    const shareCells = POOL_ROWS_MAX * size.workerLanes * SHARE_CELLS;
    const workerCells = size.workerLanes * WORKER_CELLS;
    const cells = SERVERS_START + size.serverRows * SERVER_CELLS + shareCells + workerCells;
    const sourceCells = SourceCounts.cells(size.sources ?? SOURCES, size.workerLanes);
    const bytes = lanes * COUNTERS * COUNTER_BYTES + (2 * lanes + cells + sourceCells) * CELL_BYTES;
    return new SharedTable(new SharedArrayBuffer(bytes), size);
  }

  /** 64 bits by which clients are hashed; of no use to whoever knows them but to aim at entries. */
  get seed(): { readonly low: number; readonly high: number } {
    return { low: this.cells[HEAD.seedLow]!, high: this.cells[HEAD.seedHigh]! };
  }

  /** Control thread only, before any other has a view. */
  setSeed(low: number, high: number): void {
    this.cells[HEAD.seedLow] = low;
    this.cells[HEAD.seedHigh] = high;
  }

  /**
   * A view, in another thread, of the memory that `create` made.
   *
   * @param own the worker whose view it is, with the memory that `useLane` gave
   */
  static open(memory: SharedArrayBuffer, size: TableSize, own?: OwnLane): SharedTable {
    return new SharedTable(memory, size, own);
  }

  /**
   * Gives a lane to a worker. From the first one on, only lanes up to the highest that was given are
   * read here: most of them are never used. Control thread only.
   *
   * @returns memory of what the worker measures
   */
  useLane(worker: number): SharedArrayBuffer {
    this.#lanesUsed = Math.max(this.#lanesUsed, worker + 1);
    return this.measures.memoryOf(worker);
  }

  /** To be called after a change that makes a server usable or unusable. */
  raiseGeneration(): void {
    Atomics.add(this.cells, HEAD.generation, 1);
  }

  /** Changes whenever a server may have become usable or unusable. */
  generation(): number {
    return Atomics.load(this.cells, HEAD.generation);
  }

  /** Data threads that share what is bounded over all of them. */
  workers(): number {
    return Atomics.load(this.cells, HEAD.workers);
  }

  /** Control thread only. */
  setWorkers(workers: number): void {
    Atomics.store(this.cells, HEAD.workers, workers);
  }

  /**
   * A client of this worker is let in.
   *
   * @param most how many may be, over all workers
   * @returns false where that many are
   */
  claimClient(worker: number, most: number): boolean {
    if (!addBelow(this.cells, HEAD.clients, most)) return false;
    this.cells[this.#atWorker(worker, WORKER.clients)]! += 1;
    return true;
  }

  releaseClient(worker: number): void {
    Atomics.sub(this.cells, HEAD.clients, 1);
    this.cells[this.#atWorker(worker, WORKER.clients)]! -= 1;
  }

  /** Open connections of clients, over all workers. */
  clients(): number {
    return Atomics.load(this.cells, HEAD.clients);
  }

  /** Connections that wait to be taken up, over all workers. */
  clientsWaiting(): number {
    return Atomics.load(this.cells, HEAD.clientsWaiting);
  }

  /** @param by how many more, or fewer, wait at this worker */
  addClientsWaiting(worker: number, by: number): void {
    Atomics.add(this.cells, HEAD.clientsWaiting, by);
    this.cells[this.#atWorker(worker, WORKER.clientsWaiting)]! += by;
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
    return Atomics.load(this.cells, poolCell(pool, POOL.failedOver)) === 1;
  }

  /** Control thread only. */
  setFailedOver(pool: number, isFailedOver: boolean): void {
    Atomics.store(this.cells, poolCell(pool, POOL.failedOver), isFailedOver ? 1 : 0);
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
    if (most === 0) Atomics.add(this.cells, at, 1);
    else if (!addBelow(this.cells, at, most)) return false;
    this.#inFlightLanes[worker * this.serverRows + row]! += 1;
    return true;
  }

  /** A request of this worker left the server, whichever way it ended. */
  leave(row: number, worker: number): void {
    Atomics.sub(this.cells, serverCell(row, SERVER.inFlight), 1);
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
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) sum += this.tunnelsOf(row, worker);
    return sum;
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

  /** Requests that are being tried again, over all workers. */
  liveRetries(pool: number): number {
    return Atomics.load(this.cells, poolCell(pool, POOL.liveRetries));
  }

  /** A request that was tried again is over. */
  endRetry(pool: number, worker: number): void {
    this.#release(pool, POOL.liveRetries, worker, SHARE.retries);
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
    return Atomics.load(this.cells, poolCell(pool, POOL.connections));
  }

  /** Those of one worker. */
  connectionsOf(pool: number, worker: number): number {
    return this.cells[this.#atShare(pool, worker, SHARE.connections)]!;
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
    return Atomics.load(this.cells, poolCell(pool, POOL.waiting));
  }

  /** Those of one worker. */
  waitingOf(pool: number, worker: number): number {
    return Atomics.load(this.cells, this.#atShare(pool, worker, SHARE.waiting));
  }

  /** @param sinceMs since when this worker's longest waiting request waits; 0: none waits */
  setWaitingSince(pool: number, worker: number, sinceMs: number): void {
    Atomics.store(this.cells, this.#atShare(pool, worker, SHARE.waitingSinceMs), sinceMs | 0);
  }

  /** As that worker set it, in 32 bits of the table's time. */
  waitingSince(pool: number, worker: number): number {
    return Atomics.load(this.cells, this.#atShare(pool, worker, SHARE.waitingSinceMs));
  }

  /** Where in `cells` the calls on a worker are counted; see `wake`. */
  atCalls(worker: number): number {
    return this.#atWorker(worker, WORKER.calls);
  }

  /** Wakes a worker that waits at `atCalls`, or will not let it go to sleep. */
  wake(worker: number): void {
    const at = this.atCalls(worker);
    Atomics.add(this.cells, at, 1);
    Atomics.notify(this.cells, at);
  }

  /** Takes what a dead worker held off the sums. Control thread only. */
  forgetWorker(worker: number): void {
    for (let pool = 0; pool < POOL_ROWS_MAX; pool++) this.#forgetWorkerInPool(worker, pool);
    this.#forgetClients(worker, HEAD.clients, WORKER.clients);
    this.#forgetClients(worker, HEAD.clientsWaiting, WORKER.clientsWaiting);
    this.measures.forgetWorker(worker);
    this.sourceCounts.forgetWorker(worker);
    for (let row = 0; row < this.serverRows; row++) {
      const lane = worker * this.serverRows + row;
      this.#tunnelLanes[lane] = 0;
      const counters = lane * COUNTERS;
      const awaited = this.#counters[counters + COUNTER.awaited]!;
      this.#counters[counters + COUNTER.awaitedOver] = awaited;
      this.#counters[counters + COUNTER.awaitedUntilPrompt] = awaited;
      const held = this.#inFlightLanes[lane]!;
      if (held === 0) continue;
      this.#inFlightLanes[lane] = 0;
      Atomics.sub(this.cells, serverCell(row, SERVER.inFlight), held);
    }
  }

  /**
   * Average time to first byte in microseconds, less the longer ago it was measured; 0 while
   * nothing was measured. A server that was slow once and gets nothing since would else never
   * be tried again (Finagle's p2c-peak-ewma decays on reading for the same reason).
   *
   * @param nowMs milliseconds since the table was made
   */
  latencyUs(row: number, nowMs: number): number {
    const average = this.#server(row, SERVER.latencyUs);
    if (average === 0) return 0;
    const elapsedMs = this.#sinceLatencyMs(row, nowMs);
    if (elapsedMs === 0) return average;
    return Math.max(1, Math.round(average * Math.exp(-elapsedMs / LATENCY_DECAY_MS)));
  }

  /**
   * Enters one time to first byte. A slower one counts at once, a faster one by as much as time
   * has passed (the peak-sensitive average of Finagle's p2c-peak-ewma).
   *
   * Two workers that write at the same moment may lose one of the two measurements; the average
   * does not need both.
   *
   * @param nowMs milliseconds since the table was made
   */
  recordLatency(row: number, latencyUs: number, nowMs: number): void {
    const measured = Math.round(Math.max(1, Math.min(latencyUs, LATENCY_US_MAX)));
    const average = this.#server(row, SERVER.latencyUs);
    const elapsedMs = this.#sinceLatencyMs(row, nowMs);
    let next = measured;
    if (measured <= average) {
      if (elapsedMs < LATENCY_STEP_MS) return;
      const keep = Math.exp(-elapsedMs / LATENCY_DECAY_MS);
      next = Math.floor(average * keep + measured * (1 - keep));
    }
    Atomics.store(this.cells, serverCell(row, SERVER.latencyUs), next);
    Atomics.store(this.cells, serverCell(row, SERVER.latencyAtMs), nowMs | 0);
  }

  /** Adds to one of this worker's counters for a server. */
  count(row: number, worker: number, counter: Counter, by = 1): void {
    this.#counters[(worker * this.serverRows + row) * COUNTERS + counter]! += by;
  }

  /** One of this worker's counters for a server. */
  countOf(row: number, worker: number, counter: Counter): number {
    return this.#counters[(worker * this.serverRows + row) * COUNTERS + counter]!;
  }

  /** Brings one of this worker's counters for a server up to `to`, where it is less. */
  countUpTo(row: number, worker: number, counter: Counter, to: number): void {
    const at = (worker * this.serverRows + row) * COUNTERS + counter;
    if (this.#counters[at]! < to) this.#counters[at] = to;
  }

  /** A counter of a server, over all workers. */
  counted(row: number, counter: Counter): number {
    let sum = 0;
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) {
      sum += this.#counters[(worker * this.serverRows + row) * COUNTERS + counter]!;
    }
    return sum;
  }

  /** Attempts at a server that failed, over all workers: without a whole answer, or by its status. */
  failedAttempts(row: number): number {
    return this.counted(row, COUNTER.failures) + this.counted(row, COUNTER.failedAnswers);
  }

  /** Makes a row fit for a new server. Control thread only; no request may be in it. */
  clearServer(row: number): void {
    const start = serverCell(row, 0);
    for (let cell = 0; cell < SERVER_CELLS; cell++) Atomics.store(this.cells, start + cell, 0);
    for (let worker = 0; worker < this.workerLanes; worker++) {
      const lane = (worker * this.serverRows + row) * COUNTERS;
      this.#counters.fill(0, lane, lane + COUNTERS);
      this.#inFlightLanes[worker * this.serverRows + row] = 0;
      this.#tunnelLanes[worker * this.serverRows + row] = 0;
    }
    this.measures.clearRow(row);
    this.raiseGeneration();
  }

  get #lanesRead(): number {
    return this.#lanesUsed === 0 ? this.workerLanes : this.#lanesUsed;
  }

  /** Never negative; right across the wrap of a 32-bit cell, which comes every 49 days. */
  #sinceLatencyMs(row: number, nowMs: number): number {
    return Math.max(0, ((nowMs | 0) - this.#server(row, SERVER.latencyAtMs)) | 0);
  }

  #forgetWorkerInPool(worker: number, pool: number): void {
    this.#forgetShare(worker, pool, POOL.liveRetries, SHARE.retries);
    this.#forgetShare(worker, pool, POOL.connections, SHARE.connections);
    this.#forgetShare(worker, pool, POOL.waiting, SHARE.waiting);
    this.setWaitingSince(pool, worker, 0);
    this.ejections.breakLock(pool, worker + 1);
  }

  #forgetClients(worker: number, sum: number, part: number): void {
    const at = this.#atWorker(worker, part);
    Atomics.sub(this.cells, sum, this.cells[at]!);
    this.cells[at] = 0;
  }

  #forgetShare(worker: number, pool: number, sum: number, share: Share): void {
    const at = this.#atShare(pool, worker, share);
    Atomics.sub(this.cells, poolCell(pool, sum), this.cells[at]!);
    this.cells[at] = 0;
  }

  #claim(pool: number, sum: number, worker: number, share: Share, most: number): boolean {
    if (!addBelow(this.cells, poolCell(pool, sum), most)) return false;
    this.cells[this.#atShare(pool, worker, share)]! += 1;
    return true;
  }

  #release(pool: number, sum: number, worker: number, share: Share): void {
    Atomics.sub(this.cells, poolCell(pool, sum), 1);
    this.cells[this.#atShare(pool, worker, share)]! -= 1;
  }

  #atWorker(worker: number, cell: number): number {
    return this.#atShare(POOL_ROWS_MAX, 0, 0) + worker * WORKER_CELLS + cell;
  }

  #atShare(pool: number, worker: number, share: number): number {
    const lane = pool * this.workerLanes + worker;
    return serverCell(this.serverRows, 0) + lane * SHARE_CELLS + share;
  }

  #server(row: number, cell: number): number {
    return Atomics.load(this.cells, serverCell(row, cell));
  }

  #setServer(row: number, cell: number, value: number): void {
    Atomics.store(this.cells, serverCell(row, cell), value);
    this.raiseGeneration();
  }
}

/**
 * Adds one to a cell that is below `most`. Not by an addition that is taken back where it was too
 * much: for that moment it would refuse others wrongly.
 */
function addBelow(cells: Int32Array, at: number, most: number): boolean {
  let held = Atomics.load(cells, at);
  while (held < most) {
    const before = Atomics.compareExchange(cells, at, held, held + 1);
    if (before === held) return true;
    held = before;
  }
  return false;
}
