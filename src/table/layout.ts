/**
 * Where everything lies in the shared table: one SharedArrayBuffer that all threads see.
 *
 * Rules:
 * - A cell has one documented writer, or is changed with Atomics only.
 * - Decisions that must agree over the workers read the table; no thread keeps its own copy.
 * - A lane is a column that one worker alone writes; readers add the lanes.
 * - Cells are 32-bit integers: latencies are in microseconds, times in milliseconds since the
 *   table was made. Lanes of counters are 64-bit floats, exact up to 2^53.
 */

/** Most servers that one instance can hold, those that still drain included. */
export const SERVER_ROWS_MAX = 4096;

/** Most workers that can ever have run at one time, one that is being replaced included. */
export const WORKER_LANES_MAX = 64;

/** Cells of the table's head. */
export const HEAD = {
  /** Raised by whoever changes what `usable` would answer, so that workers can keep a list. */
  generation: 0,
  /** 64 bits that nobody outside can guess. Written once, when the table is made. */
  seedLow: 1,
  seedHigh: 2,
  /** Data threads that the configuration asks for. Written by the control thread. */
  workers: 3,
  /** Maximum open client connections, across all workers and listeners. Atomic. */
  clients: 4,
  /** Connections that wait to be taken up, for there are as many clients as may be. Atomic. */
  clientsWaiting: 5,
} as const;
export const HEAD_CELLS = 16;

/** What one worker holds of the sums in the head, and how it is called. */
export const WORKER = {
  /** Raised by whoever calls the worker; see WorkerCalls. Atomic. */
  calls: 0,
  /** Of HEAD.clients. Written by the worker. */
  clients: 1,
  /** Of HEAD.clientsWaiting. Written by the worker. */
  clientsWaiting: 2,
} as const;
export const WORKER_CELLS = 4;

/** Most pools that one instance can hold. */
export const POOL_ROWS_MAX = 64;

/** Cells of a pool's row. */
export const POOL = {
  /** 1 while the backups serve and go on serving until failback. Written by the control thread. */
  failedOver: 0,
  /** Who changes ejections at this moment: lane + 1 of a worker, -1 the control thread, 0 nobody. */
  ejectionLock: 1,
  /** Requests that are being tried again, over all workers; bounded by the retry budget. Atomic. */
  liveRetries: 2,
  /** Connections to the pool's servers over all workers, those being opened too. Atomic. */
  connections: 3,
  /** Requests that wait in queues, over all workers. Atomic. */
  waiting: 4,
} as const;
const POOL_CELLS = 8;

/** What one worker holds of a pool's sums; written by that worker, read by all. */
export const SHARE = {
  /** Of POOL.liveRetries. */
  retries: 0,
  /** Of POOL.connections. */
  connections: 1,
  /** Of POOL.waiting. */
  waiting: 2,
  /** Since when its longest waiting request waits, in ms of the table's time; 0: none waits. */
  waitingSinceMs: 3,
} as const;
export type Share = (typeof SHARE)[keyof typeof SHARE];
export const SHARE_CELLS = 4;

/** Cells of a server's row. */
export const SERVER = {
  /** One of HEALTH. Written by the control thread. */
  health: 0,
  /** One of ADMIN. Written by the control thread. */
  admin: 1,
  /** Requests under way over all workers. Atomic. */
  inFlight: 2,
  /** Decayed, peak-sensitive average of the time to first byte. Atomic. 0: not yet known. */
  latencyUs: 3,
  /** When latencyUs was last written, in ms of the table's time. Atomic. */
  latencyAtMs: 4,
  /** Open connections to the server over all workers. Atomic. */
  connections: 5,
  /** 1 once live traffic failed, until the control thread takes note of it. Atomic. */
  suspect: 6,
  /** What the last failed attempt failed by: core/servers/outcome.ts numbers it. Atomic. */
  lastFailure: 7,
  /** One of BREAKER. Atomic; all changes are in core/health/breaker.ts. */
  breaker: 8,
  /** Failures in a row while the breaker is closed. Atomic. */
  breakerFailures: 9,
  /** Until when an open breaker lets nothing through, in ms of the table's time. Atomic. */
  breakerUntilMs: 10,
  /** The half-open breaker's trial: its token, 0 while none is under way. Atomic. */
  breakerTrial: 11,
  /** How often the breaker opened. Atomic. */
  breakerOpenings: 12,
  /** Failures in a row that no breaker counts. Atomic. */
  failuresInRow: 13,
  /** Until when the server is ejected as an outlier; 0: it is not. Under the pool's ejectionLock. */
  ejectedUntilMs: 14,
  /** Ejections so far. Under the pool's ejectionLock. */
  ejections: 15,
  /** By how many ejection times the next one is longer. Under the pool's ejectionLock. */
  ejectionLevel: 16,
  /** Percent of its share that a server gets while it starts slowly; 0: all of it. Atomic. */
  slowPercent: 17,
  /** When it began to start slowly, in ms of the table's time. Atomic. */
  slowSinceMs: 18,
  /** The weight an operator gave it, plus 1; 0: the configured one. Written by the control thread. */
  operatorWeight: 19,
} as const;
export const SERVER_CELLS = 32;

/** Where the servers begin among the cells of head, pools and servers. */
export const SERVERS_START = HEAD_CELLS + POOL_ROWS_MAX * POOL_CELLS;

/** Where one of SERVER lies among them. */
export function serverCell(row: number, cell: number): number {
  return SERVERS_START + row * SERVER_CELLS + cell;
}

/** Where one of POOL lies among them. */
export function poolCell(pool: number, cell: number): number {
  return HEAD_CELLS + pool * POOL_CELLS + cell;
}

export const HEALTH = { unknown: 0, up: 1, down: 2 } as const;
export type Health = (typeof HEALTH)[keyof typeof HEALTH];

/** active: takes traffic. draining: keeps what it has. maintenance: nothing, sticky or not. */
export const ADMIN = { active: 0, draining: 1, maintenance: 2 } as const;
export type Admin = (typeof ADMIN)[keyof typeof ADMIN];

/** open: nothing goes there. halfOpen: one trial at a time over all workers. */
export const BREAKER = { closed: 0, open: 1, halfOpen: 2 } as const;
export type BreakerState = (typeof BREAKER)[keyof typeof BREAKER];

/** A worker's counters for one server; each has one lane a worker. */
export const COUNTER = {
  requests: 0,
  /** Attempts that ended without a usable response. */
  failures: 6,
  retries: 7,
  bytesFromClients: 8,
  bytesToClients: 9,
  connectionsOpened: 10,
  connectionsReused: 11,
  /** Requests that became a tunnel. */
  tunnels: 12,
  /** Requests sent to the server, each further attempt counted too. */
  attempts: 13,
  /** Sum of the times to first byte, in microseconds, and how many there are. */
  firstByteUs: 14,
  firstBytes: 16,
  /** Answers that say the server failed (500, 502, 503, 504), passed on or not. */
  failedAnswers: 15,
  /** Requests sent whole, whose answer was awaited from then on. */
  awaited: 17,
  /** Those of them that are awaited no more, however it ended. */
  awaitedOver: 18,
  /** Those of the latter that had been awaited for the pool's `longAwaitMs` or longer. */
  awaitedLong: 19,
  /** `awaited` as it was with the last of them that was over sooner. */
  awaitedUntilPrompt: 20,
} as const;
export type Counter = (typeof COUNTER)[keyof typeof COUNTER];
export const COUNTERS = 21;
