import { BUCKETS, bucketOf } from './buckets.ts';

/**
 * What is measured and never decided by: requests by method and status, histograms, failures by
 * code, and how each worker does. It lies in the shared table's memory, in lanes of 64-bit floats:
 * each worker writes its own, so that a measurement is a plain addition; readers add the lanes.
 */

/** Methods that are counted by name; the last stands for all others. */
export const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'other',
] as const;

/** Status classes 1xx to 5xx; 0 for a request that ended before any status. */
export const STATUS_CLASSES = 6;

/** Histograms of a server. */
export const TIMING = {
  /** From a request's head to the end of its response; neither streams nor tunnels. */
  total: 0,
  /** From the attempt to the open connection, TLS included. */
  connect: 1,
  /** From a request's head to the head of its response, failed attempts included. */
  firstByte: 2,
} as const;
export type Timing = (typeof TIMING)[keyof typeof TIMING];
const TIMINGS = 3;

/** Histograms of a worker. */
export const WORKER_TIMING = {
  /** How late the worker's regular timer was. */
  loopDelay: 0,
  /** Event streams and tunnels, from the request to their end. */
  streamDuration: 1,
  /** Between two pieces of an event stream. */
  streamGap: 2,
  /** Of requests that had to wait for room, those that waited in vain too. */
  queueWait: 3,
} as const;
export type WorkerTiming = (typeof WORKER_TIMING)[keyof typeof WORKER_TIMING];
const WORKER_TIMINGS = 4;

/** Numbers of a worker. A gauge falls to 0 when the worker dies; a counter stays. */
export const GAUGE = {
  clientConnections: 0,
  idleServerConnections: 1,
  streams: 2,
  tunnels: 3,
  heapUsedBytes: 4,
  heapTotalBytes: 5,
  /** The part of its new requests that the worker refuses for overload, 0 to 1. */
  shedShare: 6,
  /** Connections in front of the gate. */
  clientsWaiting: 7,
} as const;
const GAUGES = 8;
export const WORKER_COUNTER = {
  clientConnectionsAccepted: 8,
  /** Processor time of the thread, in seconds; begins anew with its replacement. */
  cpuSeconds: 9,
  /** Event streams and tunnels that ended as they should, that the client left, that broke. */
  streamsCompleted: 10,
  streamsLeft: 11,
  streamsTruncated: 12,
  /** Log records that could not be handed over in time. */
  recordsLost: 13,
  /** TLS handshakes with clients that succeeded: whole ones, and those that resumed a session. */
  tlsHandshakes: 14,
  tlsResumptions: 15,
  /** The first of as many as there are reasons for a failed handshake, TLS_REASONS_MAX at most. */
  tlsFailures: 16,
  /** Connections closed as soon as they came, for neither a place nor room to wait was left. */
  clientsTurnedAway: 32,
  /** Resting connections closed to make room for others. */
  clientsDismissed: 33,
  /** Errors of our own that ended a connection or a stream. */
  internalErrors: 34,
} as const;
export type WorkerNumber =
  | (typeof GAUGE)[keyof typeof GAUGE]
  | (typeof WORKER_COUNTER)[keyof typeof WORKER_COUNTER];
export const TLS_REASONS_MAX = 16;
const WORKER_NUMBERS = 40;

/** Most codes of failures and faults that can be told apart. */
export const FAILURE_CODES_MAX = 160;

/** A histogram in memory, and as `timing` fills it: its buckets, then the sum in milliseconds. */
export const HISTOGRAM_CELLS = BUCKETS + 1;

const REQUEST_CELLS = METHODS.length * STATUS_CLASSES;
const ROW_CELLS = REQUEST_CELLS + TIMINGS * HISTOGRAM_CELLS;
const WORKER_OBSERVED = WORKER_NUMBERS + FAILURE_CODES_MAX;
const WORKER_VERDICTS = WORKER_OBSERVED + FAILURE_CODES_MAX;
/** Most verdicts of the firewall, and most classes of its rules, that can be told apart. */
const VERDICTS_MAX = 4;
const VERDICT_CLASSES_MAX = 28;
const WORKER_HISTOGRAMS = WORKER_VERDICTS + VERDICTS_MAX + VERDICT_CLASSES_MAX;
const WORKER_CELLS = WORKER_HISTOGRAMS + WORKER_TIMINGS * HISTOGRAM_CELLS;

export class Measures {
  /** The row for requests that reached no server. */
  readonly noRow: number;
  readonly workerLanes: number;
  readonly #rows: number;
  readonly #cells: Float64Array;
  readonly #workersAt: number;
  /** Lanes that were ever written, as far as this reader was told; 0: it was not. */
  #lanesUsed = 0;

  /** Cells, of 8 bytes, that so many servers and workers need. */
  static cells(serverRows: number, workerLanes: number): number {
    return workerLanes * ((serverRows + 1) * ROW_CELLS + WORKER_CELLS);
  }

  /** @param cells of the shared memory, as many as `Measures.cells` says */
  constructor(cells: Float64Array, serverRows: number, workerLanes: number) {
    this.#cells = cells;
    this.#rows = serverRows + 1;
    this.noRow = serverRows;
    this.workerLanes = workerLanes;
    this.#workersAt = workerLanes * this.#rows * ROW_CELLS;
  }

  /**
   * From now on only lanes up to this one are read and cleared here, or the highest that was told before:
   * most of them are never used, and a scrape reads each for every server. Control thread only.
   */
  useLane(worker: number): void {
    this.#lanesUsed = Math.max(this.#lanesUsed, worker + 1);
  }

  get #lanesRead(): number {
    return this.#lanesUsed === 0 ? this.workerLanes : this.#lanesUsed;
  }

  /**
   * One request is over.
   *
   * @param status 0 where the client left or was cut off before one
   */
  countRequest(row: number, worker: number, method: string, status: number): void {
    const cell = methodIndex(method) * STATUS_CLASSES + statusClass(status);
    this.#cells[this.#row(row, worker) + cell]! += 1;
  }

  /** Requests of a row by index of METHODS and status class, over all workers. */
  requests(row: number, method: number, statusClass: number): number {
    return this.#sum(row, method * STATUS_CLASSES + statusClass);
  }

  /** Requests of a row with this status class, over all methods and workers. */
  requestsOfClass(row: number, statusClass: number): number {
    let sum = 0;
    for (let method = 0; method < METHODS.length; method++) {
      sum += this.requests(row, method, statusClass);
    }
    return sum;
  }

  /** Enters one time, in milliseconds, for a server. */
  time(row: number, worker: number, timing: Timing, ms: number): void {
    enter(this.#cells, this.#row(row, worker) + REQUEST_CELLS + timing * HISTOGRAM_CELLS, ms);
  }

  /** Adds a server's histogram, over all workers, to `into` (HISTOGRAM_CELLS long). */
  addTiming(row: number, timing: Timing, into: Float64Array): void {
    const offset = REQUEST_CELLS + timing * HISTOGRAM_CELLS;
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) {
      add(this.#cells, this.#row(row, worker) + offset, into);
    }
  }

  timeOfWorker(worker: number, timing: WorkerTiming, ms: number): void {
    enter(this.#cells, this.#histogramOfWorker(worker, timing), ms);
  }

  addWorkerTiming(worker: number, timing: WorkerTiming, into: Float64Array): void {
    add(this.#cells, this.#histogramOfWorker(worker, timing), into);
  }

  /** Sets a number of this worker. */
  set(worker: number, which: WorkerNumber, value: number): void {
    this.#cells[this.#worker(worker) + which] = value;
  }

  /** Adds to a number of this worker. */
  add(worker: number, which: WorkerNumber, by: number): void {
    this.#cells[this.#worker(worker) + which]! += by;
  }

  get(worker: number, which: WorkerNumber): number {
    return this.#cells[this.#worker(worker) + which]!;
  }

  /** A number over all workers. */
  total(which: WorkerNumber): number {
    let sum = 0;
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) sum += this.get(worker, which);
    return sum;
  }

  /** @param code index in the list of codes, below FAILURE_CODES_MAX */
  countFailure(worker: number, code: number): void {
    this.#cells[this.#worker(worker) + WORKER_NUMBERS + code]! += 1;
  }

  failures(code: number): number {
    return this.#sumOfWorkers(WORKER_NUMBERS + code);
  }

  /** What would have failed by a code, were it not only observed. */
  countObserved(worker: number, code: number): void {
    this.#cells[this.#worker(worker) + WORKER_OBSERVED + code]! += 1;
  }

  observed(code: number): number {
    return this.#sumOfWorkers(WORKER_OBSERVED + code);
  }

  /** The firewall has spoken. @param verdict below VERDICTS_MAX */
  countVerdict(worker: number, verdict: number): void {
    this.#cells[this.#worker(worker) + WORKER_VERDICTS + verdict]! += 1;
  }

  verdicts(verdict: number): number {
    return this.#sumOfWorkers(WORKER_VERDICTS + verdict);
  }

  /** Rules of a class have spoken of a request. @param ruleClass below VERDICT_CLASSES_MAX */
  countVerdictClass(worker: number, ruleClass: number): void {
    this.#cells[this.#worker(worker) + WORKER_VERDICTS + VERDICTS_MAX + ruleClass]! += 1;
  }

  verdictClasses(ruleClass: number): number {
    return this.#sumOfWorkers(WORKER_VERDICTS + VERDICTS_MAX + ruleClass);
  }

  /** Makes a row fit for another server. Control thread only. */
  clearRow(row: number): void {
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) {
      const start = this.#row(row, worker);
      this.#cells.fill(0, start, start + ROW_CELLS);
    }
  }

  /** What a dead worker held open is gone. Control thread only. */
  forgetWorker(worker: number): void {
    const start = this.#worker(worker);
    this.#cells.fill(0, start, start + GAUGES);
  }

  #sum(row: number, cell: number): number {
    let sum = 0;
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) {
      sum += this.#cells[this.#row(row, worker) + cell]!;
    }
    return sum;
  }

  #sumOfWorkers(cell: number): number {
    let sum = 0;
    const lanes = this.#lanesRead;
    for (let worker = 0; worker < lanes; worker++) {
      sum += this.#cells[this.#worker(worker) + cell]!;
    }
    return sum;
  }

  #row(row: number, worker: number): number {
    return (worker * this.#rows + row) * ROW_CELLS;
  }

  #worker(worker: number): number {
    return this.#workersAt + worker * WORKER_CELLS;
  }

  #histogramOfWorker(worker: number, timing: WorkerTiming): number {
    return this.#worker(worker) + WORKER_HISTOGRAMS + timing * HISTOGRAM_CELLS;
  }
}

function enter(cells: Float64Array, histogram: number, ms: number): void {
  cells[histogram + bucketOf(ms)]! += 1;
  cells[histogram + BUCKETS]! += ms;
}

function add(cells: Float64Array, histogram: number, into: Float64Array): void {
  for (let at = 0; at < HISTOGRAM_CELLS; at++) into[at]! += cells[histogram + at]!;
}

function statusClass(status: number): number {
  return status >= 100 && status < 600 ? (status / 100) | 0 : 0;
}

function methodIndex(method: string): number {
  switch (method) {
    case 'GET':
      return 0;
    case 'HEAD':
      return 1;
    case 'POST':
      return 2;
    case 'PUT':
      return 3;
    case 'DELETE':
      return 4;
    case 'PATCH':
      return 5;
    case 'OPTIONS':
      return 6;
    default:
      return 7;
  }
}
