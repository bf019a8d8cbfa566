import type { TracingSettings } from '../forward/trace-context.ts';
import type { HeadLimits } from '../http1/head.ts';

/**
 * What is granted to clients, and asked of them, before and while their requests are served.
 * Durations are in milliseconds; a client that exceeds one is answered with 408 where it can still
 * be told, and its connection ends.
 */
export interface ClientPolicy {
  /** How long the head of a request may take from its first byte. */
  readonly requestMs: number;
  /** How long a connection may be idle between two requests. */
  readonly idleMs: number;
  /** How long a client may be silent in the middle of a request body. */
  readonly readMs: number;
  /** How long a client may take nothing of a response that waits for it. */
  readonly writeMs: number;
  /** The least rate of a request body, `readMs` in advance; 0: any that is not silent. */
  readonly uploadBytesPerSecond: number;
  /** The least rate at which a response is taken, over `writeMs`; 0: any. */
  readonly downloadBytesPerSecond: number;
  /** How much is held for a slow reader before the other side is asked to pause. */
  readonly highWaterBytes: number;
  /** A request body of up to this size is held so that it can be sent again. */
  readonly replayBytes: number;
  /** null: trace context goes through as it came. */
  readonly tracing: TracingSettings | null;
  /** Bounds of request heads: beyond them they are answered with 414 or 431. */
  readonly headLimits: HeadLimits;
}
