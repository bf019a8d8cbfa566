import type { TracingSettings } from '../forward/trace-context.ts';
import type { HeadLimits } from '../http1/head.ts';

/**
 * Timeouts, rates and buffers for clients. Durations are in milliseconds; a client that exceeds one
 * gets 408 where that is still possible, and its connection ends.
 */
export interface ClientPolicy {
  /** Timeout for a request head, from its first byte. */
  readonly requestMs: number;
  /** Timeout for an idle connection between requests. */
  readonly idleMs: number;
  /** Timeout for silence within a request body. */
  readonly readMs: number;
  /** Timeout for a client that reads nothing of a pending response. */
  readonly writeMs: number;
  /** Minimum rate of a request body, with `readMs` of credit; 0: no minimum. */
  readonly uploadBytesPerSecond: number;
  /** Minimum rate at which a client reads a response, over `writeMs`; 0: no minimum. */
  readonly downloadBytesPerSecond: number;
  /** Bytes buffered for a slow reader before the other side is paused. */
  readonly highWaterBytes: number;
  /** Request bodies up to this size are kept for a retry. */
  readonly replayBytes: number;
  /** null: trace context goes through as it came. */
  readonly tracing: TracingSettings | null;
  /** Limits on request heads; beyond them, 414 or 431. */
  readonly headLimits: HeadLimits;
}
