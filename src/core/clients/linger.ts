import type { Timer } from '../../base/wheel.ts';
import type { Stream } from '../ports/stream.ts';
import type { ClientPolicy } from '../routes/client-policy.ts';
import type { Pace } from './pace.ts';

/** How long it reads on after the last byte that still came, once all has been sent. */
const SILENCE_MS = 2_000;
/** How long in all, whatever still comes. */
const READING_MS_MAX = 30_000;

/**
 * The end of a connection whose last word has been written. The system answers bytes that nobody
 * reads with a reset, and a reset takes from the client what it has not read yet. So our side is
 * ended, and whatever the client still sends is thrown away until its own end comes: RFC 9112 §9.6.
 */
export class Linger {
  readonly #stream: Stream;
  readonly #timer: Timer;
  readonly #pace: Pace;
  #endMs = 0;
  #receivedBytes = 0;

  /** Ends our side. The timer is the connection's own, which calls `isOver` when it fires. */
  constructor(stream: Stream, timer: Timer, pace: Pace, policy: ClientPolicy, nowMs: number) {
    this.#stream = stream;
    this.#timer = timer;
    this.#pace = pace;
    stream.end();
    stream.resume();
    if (stream.pendingBytes === 0) this.sent(nowMs);
    else pace.expectRest(stream.unsentBytes(), policy, nowMs);
  }

  /** All has been sent: now the client's end is awaited. */
  sent(nowMs: number): void {
    this.#receivedBytes = 0;
    this.#endMs = nowMs + READING_MS_MAX;
    this.#timer.set(nowMs + SILENCE_MS);
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** The time is up. @returns whether the connection has to close; if not, the timer runs again */
  isOver(policy: ClientPolicy, nowMs: number): boolean {
    if (this.#stream.pendingBytes > 0) {
      return this.#pace.isStuck(this.#stream.unsentBytes(), policy, nowMs);
    }
    if (this.#receivedBytes === 0 || nowMs >= this.#endMs) return true;
    this.#receivedBytes = 0;
    this.#timer.set(nowMs + SILENCE_MS);
    return false;
  }
}
