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
  /** A whole number from 1 to 256; equal for all where the strategy ignores weights. */
  readonly weight: number;
  /** Requests under way at the server, over all workers. */
  inFlight(): number;
  /** Decayed average of the time to first byte, in microseconds; 0 while unknown. */
  latencyUs(): number;
}

/** Turns the servers a request may go to into the one it goes to. */
export interface Strategy {
  /**
   * @param usable at least one server, in configuration order; the same array object until the
   *   set of usable servers changes, so a strategy may keep what it derived from it
   * @param key 32-bit hash of what the strategy says it hashes by (see `StrategyDefinition.key`),
   *   0 where it hashes by nothing
   */
  pick(usable: readonly Candidate[], key: number): Candidate;
}

/** A line of the registry. */
export interface StrategyDefinition {
  readonly name: string;
  /** One sentence for the operator: what it does and when it fits. */
  readonly summary: string;
  /** What a request is hashed by. `configured`: by `strategy_key` of the configuration. */
  readonly key: 'none' | 'address' | 'configured';
  /** Whether the strategy looks at weights. */
  readonly weighted: boolean;
  /** One instance for a pool and worker. */
  create(random: Random): Strategy;
}
