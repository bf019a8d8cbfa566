import type { StrategyName } from '../balance/registry.ts';
import type { BreakerSettings } from '../health/breaker.ts';
import type { EjectionSettings } from '../health/ejection.ts';
import type { HeadLimits } from '../http1/head.ts';
import type { ServerAddress } from '../ports/server-address.ts';

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
  /** Maximum connections to all servers, across all workers. */
  connectionsMax: number;
  /** Maximum idle connections, across all workers. */
  idleMax: number;
  /** Connections that a worker opens to each server in advance. */
  idleMin: number;
  idleMs: number;
  /** Maximum age of a connection before it is replaced; 0: no limit. */
  ageMsMax: number;
  /** Maximum waiting requests, across all workers; 0: none. */
  waitingMax: number;
  /** Maximum wait of one of them. */
  waitMs: number;
  /** Attempts after the first. */
  retries: number;
  /** Maximum concurrent retries, as a percentage of the requests in flight. */
  retryBudgetPercent: number;
  /** No retry starts later than this after the request arrived; 0: no limit. */
  retryWithinMs: number;
  /** Whether a server that fails live traffic is reported as suspect, to be probed. */
  detects: boolean;
  /** null: no breakers. */
  breaker: BreakerSettings | null;
  /** null: no server is ejected. */
  ejection: EjectionSettings | null;
  /** A response awaited this long is slow: see core/health/lateness.ts. */
  longAwaitMs: number;
  /** Time over which a recovered server ramps up to its full share; 0: at once. */
  slowStartMs: number;
}

/** A server, as a worker's plan has it. */
export interface ServerPlan {
  readonly row: number;
  /** Its name in status, logs and metrics. */
  readonly label: string;
  /** The name it is hashed by: its address. */
  readonly name: string;
  readonly address: ServerAddress;
  readonly weight: number;
  readonly backup: boolean;
  /** Maximum requests in flight, across all workers; 0: no limit. */
  readonly maxInFlight: number;
}
