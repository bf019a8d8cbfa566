import { BUCKETS, bucketOf } from './buckets.ts';

/**
 * What is measured and never decided by: requests by method and status, histograms, failures by
 * code, and how each worker does, in lanes of 64-bit floats: each worker writes its own, so that a
 * measurement is a plain addition; readers add the lanes.
 *
 * A lane is large (32 MB for 4,096 servers, of which only what is written takes memory) and most are
 * never used, so each has memory of its own, made with its first worker: the table's would be 2 GB,
 * and a system that counts what is reserved refuses to start programs beside it.
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
  /** Duration of event streams and tunnels, from the request to their end. */
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

const CELL_BYTES = Float64Array.BYTES_PER_ELEMENT;
const REQUEST_CELLS = METHODS.length * STATUS_CLASSES;
const ROW_CELLS = REQUEST_CELLS + TIMINGS * HISTOGRAM_CELLS;
const WORKER_OBSERVED = WORKER_NUMBERS + FAILURE_CODES_MAX;
const WORKER_VERDICTS = WORKER_OBSERVED + FAILURE_CODES_MAX;
/** Most verdicts of the firewall, and most classes of its rules, that can be told apart. */
const VERDICTS_MAX = 4;
const VERDICT_CLASSES_MAX = 28;
const WORKER_HISTOGRAMS = WORKER_VERDICTS + VERDICTS_MAX + VERDICT_CLASSES_MAX;
const WORKER_CELLS = WORKER_HISTOGRAMS + WORKER_TIMINGS * HISTOGRAM_CELLS;

/** A worker and the memory of its lane. */
export interface OwnLane {
  readonly lane: number;
  readonly memory: SharedArrayBuffer;
}

export class Measures {
  /** The row for requests that reached no server. */
  readonly noRow: number;
  /** By worker. */
  readonly #lanes: (Float64Array<SharedArrayBuffer> | undefined)[] = [];
  /** Whether it is the view of one worker, whose lane alone it has. */
  readonly #isOfWorker: boolean;
  /** Where in a lane the worker's own numbers begin. */
  readonly #workerAt: number;

  /** @param own the worker whose view it is, and the memory of its lane */
  constructor(serverRows: number, own?: OwnLane) {
    this.noRow = serverRows;
    this.#workerAt = (serverRows + 1) * ROW_CELLS;
    this.#isOfWorker = own !== undefined;
    if (own !== undefined) this.#lanes[own.lane] = new Float64Array(own.memory);
  }

  /** The memory of a worker's lane, for the view of that worker. */
  memoryOf(worker: number): SharedArrayBuffer {
    return this.#lane(worker).buffer;
  }

  /**
   * One request is over.
   *
   * @param status 0 where the client left or was cut off before one
   */
  countRequest(row: number, worker: number, method: string, status: number): void {
    const cell = methodIndex(method) * STATUS_CLASSES + statusClass(status);
    this.#lane(worker)[row * ROW_CELLS + cell]! += 1;
  }

  /** Requests of a row by index of METHODS and status class, over all workers. */
  requests(row: number, method: number, statusClass: number): number {
    return this.#sum(row * ROW_CELLS + method * STATUS_CLASSES + statusClass);
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
    enter(this.#lane(worker), row * ROW_CELLS + REQUEST_CELLS + timing * HISTOGRAM_CELLS, ms);
  }

  /** Adds a server's histogram, over all workers, to `into` (HISTOGRAM_CELLS long). */
  addTiming(row: number, timing: Timing, into: Float64Array): void {
    const histogram = row * ROW_CELLS + REQUEST_CELLS + timing * HISTOGRAM_CELLS;
    for (const lane of this.#lanes) if (lane !== undefined) add(lane, histogram, into);
  }

  timeOfWorker(worker: number, timing: WorkerTiming, ms: number): void {
    enter(this.#lane(worker), this.#histogramOfWorker(timing), ms);
  }

  addWorkerTiming(worker: number, timing: WorkerTiming, into: Float64Array): void {
    add(this.#lane(worker), this.#histogramOfWorker(timing), into);
  }

  /** Sets a number of this worker. */
  set(worker: number, which: WorkerNumber, value: number): void {
    this.#lane(worker)[this.#workerAt + which] = value;
  }

  /** Adds to a number of this worker. */
  add(worker: number, which: WorkerNumber, by: number): void {
    this.#lane(worker)[this.#workerAt + which]! += by;
  }

  get(worker: number, which: WorkerNumber): number {
    return this.#lanes[worker]?.[this.#workerAt + which] ?? 0;
  }

  /** A number over all workers. */
  total(which: WorkerNumber): number {
    return this.#sum(this.#workerAt + which);
  }

  /** @param code index in the list of codes, below FAILURE_CODES_MAX */
  countFailure(worker: number, code: number): void {
    this.#lane(worker)[this.#workerAt + WORKER_NUMBERS + code]! += 1;
  }

  failures(code: number): number {
    return this.#sum(this.#workerAt + WORKER_NUMBERS + code);
  }

  /** What would have failed by a code, were it not only observed. */
  countObserved(worker: number, code: number): void {
    this.#lane(worker)[this.#workerAt + WORKER_OBSERVED + code]! += 1;
  }

  observed(code: number): number {
    return this.#sum(this.#workerAt + WORKER_OBSERVED + code);
  }

  /** The firewall has spoken. @param verdict below VERDICTS_MAX */
  countVerdict(worker: number, verdict: number): void {
    this.#lane(worker)[this.#workerAt + WORKER_VERDICTS + verdict]! += 1;
  }

  verdicts(verdict: number): number {
    return this.#sum(this.#workerAt + WORKER_VERDICTS + verdict);
  }

  /** Rules of a class have spoken of a request. @param ruleClass below VERDICT_CLASSES_MAX */
  countVerdictClass(worker: number, ruleClass: number): void {
    this.#lane(worker)[this.#workerAt + WORKER_VERDICTS + VERDICTS_MAX + ruleClass]! += 1;
  }

  verdictClasses(ruleClass: number): number {
    return this.#sum(this.#workerAt + WORKER_VERDICTS + VERDICTS_MAX + ruleClass);
  }

  /** Makes a row fit for another server. Control thread only. */
  clearRow(row: number): void {
    const start = row * ROW_CELLS;
    for (const lane of this.#lanes) lane?.fill(0, start, start + ROW_CELLS);
  }

  /** What a dead worker held open is gone. Control thread only. */
  forgetWorker(worker: number): void {
    this.#lanes[worker]?.fill(0, this.#workerAt, this.#workerAt + GAUGES);
  }

  /** A cell of all lanes. */
  #sum(cell: number): number {
    let sum = 0;
    for (const lane of this.#lanes) if (lane !== undefined) sum += lane[cell]!;
    return sum;
  }

  #lane(worker: number): Float64Array<SharedArrayBuffer> {
    return this.#lanes[worker] ?? this.#newLane(worker);
  }

  #newLane(worker: number): Float64Array<SharedArrayBuffer> {
    if (this.#isOfWorker) throw new RangeError(`lane ${worker} is another worker's`);
    const bytes = (this.#workerAt + WORKER_CELLS) * CELL_BYTES;
    const lane = new Float64Array(new SharedArrayBuffer(bytes));
    this.#lanes[worker] = lane;
    return lane;
  }

  #histogramOfWorker(timing: WorkerTiming): number {
    return this.#workerAt + WORKER_HISTOGRAMS + timing * HISTOGRAM_CELLS;
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
