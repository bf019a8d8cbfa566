/**
 * The contract between a strategy and the rest: it sees the usable servers with their counters
 * and gives back one. Availability, retries, persistence and bounds live outside, in choose.ts,
 * once for all strategies.
 */
import type { Random } from '../../base/random.ts';

/** A server as a strategy sees it. */
export interface Candidate {
  /** The server's row in the shared table: stable while the server is configured. */
  readonly row: number;
  /** What the server is hashed by: its address, the same in every worker and instance. */
  readonly name: string;
  /** A whole number from 1 to 256. When one changes, `usable` is another array. */
  readonly weight: number;
  /** Requests under way at the server, over all workers. */
  inFlight(): number;
  /** Average of the time to first byte as of now, in microseconds; 0 while unknown. */
  latencyUs(): number;
}

/** Turns the servers a request may go to into the one it goes to. */
export interface Strategy {
  /**
   * @param open the servers to pick from, at least one, in configuration order: `usable` itself
   *   unless some were tried for this request or are full. Another array than `usable` is valid
   *   during this call only, for the caller fills it anew each time.
   * @param key 32-bit hash of what the strategy says it hashes by (see `StrategyDefinition.key`),
   *   0 where it hashes by nothing
   * @param usable all servers that take requests, `open` and others; the same array object until
   *   the set changes, so a strategy may keep what it derived from it
   * @returns one of `open`
   */
  pick<S extends Candidate>(open: readonly S[], key: number, usable: readonly S[]): S;

  /** One that picks next as this one would, and whose picks leave this one as it is. */
  fork(random: Random): Strategy;
}

/** A line of the registry. */
export interface StrategyDefinition {
  readonly name: string;
  /** One sentence for the operator: what it does and when it fits. */
  readonly summary: string;
  /** What a request is hashed by. `configured`: by `strategy_key` of the configuration. */
  readonly key: 'none' | 'address' | 'configured';
  /** Why it takes a server, for `lb explain`. */
  readonly because: string;
  /** What it looks at beside weights and its own memory. */
  readonly reads: 'nothing' | 'inFlight' | 'latency';
  /** Whether the strategy looks at weights. */
  readonly weighted: boolean;
  /** One instance for a pool and worker. */
  create(random: Random): Strategy;
}

/** What a strategy whose `key` is `configured` hashes by. */
export type StrategyKey =
  | 'path'
  | 'address'
  | { readonly header: string }
  | { readonly cookie: string };
