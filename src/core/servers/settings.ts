import type { StrategyName } from '../balance/registry.ts';
import type { BreakerSettings } from '../health/breaker.ts';
import type { EjectionSettings } from '../health/ejection.ts';
import type { HeadLimits } from '../http1/head.ts';
import type { ServerAddress } from '../ports/address.ts';

/** Timeouts towards servers, in milliseconds. */
export interface Timeouts {
  connectMs: number;
  readMs: number;
  writeMs: number;
  streamMs: number;
}

export interface PoolSettings {
  name: string;
  /** The pool's row in the shared table. */
  row: number;
  strategy: StrategyName;
  timeouts: Timeouts;
  /** Bounds of heads of responses. */
  responseLimits: HeadLimits;
  /** Connections to all servers, over all workers. */
  connectionsMax: number;
  /** Kept-alive connections without a request, over all workers. */
  idleMax: number;
  /** Connections to each server that a worker opens ahead of need. */
  idleMin: number;
  idleMs: number;
  /** How old a connection gets at the most before another one takes its place; 0: as it will. */
  ageMsMax: number;
  /** Requests that wait for room, over all workers; 0: none does. */
  waitingMax: number;
  /** How long one may wait. */
  waitMs: number;
  /** Attempts after the first. */
  retries: number;
  /** Retries under way may be this share of the live requests. */
  retryBudgetPercent: number;
  /** No further attempt begins this long after the request came; 0: whenever. */
  retryWithinMs: number;
  /** Whether a server that fails live traffic is reported as suspect, to be probed. */
  detects: boolean;
  /** null: no breakers. */
  breaker: BreakerSettings | null;
  /** null: no server is ejected. */
  ejection: EjectionSettings | null;
  /** An answer that is awaited for this long is a slow one: see core/health/lateness.ts. */
  longAwaitMs: number;
  /** How long the share of a server that came back grows; 0: it has all of it at once. */
  slowStartMs: number;
}

/** What a worker is told of a server. */
export interface ServerPlan {
  readonly row: number;
  /** What status, logs and metrics call it. */
  readonly label: string;
  /** What it is hashed by: its address. */
  readonly name: string;
  readonly address: ServerAddress;
  readonly weight: number;
  readonly backup: boolean;
  /** Most requests in flight over all workers; 0: no bound. */
  readonly maxInFlight: number;
}
