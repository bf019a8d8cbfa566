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
  /** Requests under way over all workers, retries not counted twice. */
  liveRequests: 1,
  /** Retries under way over all workers; bounded by the retry budget. */
  liveRetries: 2,
} as const;
export const HEAD_CELLS = 16;

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
} as const;
export const SERVER_CELLS = 32;

export const HEALTH = { unknown: 0, up: 1, down: 2 } as const;
export type Health = (typeof HEALTH)[keyof typeof HEALTH];

/** active: takes traffic. draining: keeps what it has. maintenance: nothing, sticky or not. */
export const ADMIN = { active: 0, draining: 1, maintenance: 2 } as const;
export type Admin = (typeof ADMIN)[keyof typeof ADMIN];

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
} as const;
export type Counter = (typeof COUNTER)[keyof typeof COUNTER];
export const COUNTERS = 16;
