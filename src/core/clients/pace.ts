/**
 * What a client is held to while it sends a body or takes a response: beside silence a least rate,
 * so that one byte now and then does not renew its time. Over HTTP/1 a connection has one, over
 * HTTP/2 a stream.
 */
import type { PoolSettings } from '../servers/settings.ts';

type Rates = Pick<PoolSettings, 'timeouts' | 'uploadBytesPerSecond' | 'downloadBytesPerSecond'>;

export class Pace {
  /** When the body under way began, our own pauses left out. */
  #bodySinceMs = 0;
  #pausedMs = 0;
  /** When the body under way counts as silent. */
  #silentMs = 0;
  /** Of the response, at the last look; -1: it cannot be compared. */
  #unsentBytes = -1;
  #takenBytes = 0;

  bodyBegins(nowMs: number): void {
    this.#bodySinceMs = nowMs;
  }

  /** No more of the body is read for now: that is not the client's doing. */
  bodyPaused(nowMs: number): void {
    this.#pausedMs = nowMs;
  }

  bodyResumed(nowMs: number): void {
    this.#bodySinceMs += nowMs - this.#pausedMs;
  }

  /**
   * @param bodyBytes that have come so far
   * @returns by when the next piece has to be there
   */
  bodyDueMs(bodyBytes: number, { timeouts, uploadBytesPerSecond }: Rates, nowMs: number): number {
    this.#silentMs = nowMs + timeouts.readMs;
    if (uploadBytesPerSecond === 0) return this.#silentMs;
    const earnedMs = (bodyBytes * 1000) / uploadBytesPerSecond;
    return Math.min(this.#silentMs, this.#bodySinceMs + timeouts.readMs + earnedMs);
  }

  /** The next piece is not there when it was due. */
  bodyFailure(nowMs: number): 'body_too_slow' | 'body_timeout' {
    return nowMs < this.#silentMs ? 'body_too_slow' : 'body_timeout';
  }

  /**
   * Notes how much of the response the client has not taken.
   *
   * @param writtenBytes of it so far
   * @returns when to look again
   */
  lookAtTaking(
    unsentBytes: number,
    writtenBytes: number,
    { timeouts }: Rates,
    nowMs: number,
  ): number {
    this.#unsentBytes = unsentBytes;
    this.#takenBytes = writtenBytes - unsentBytes;
    return nowMs + timeouts.writeMs;
  }

  /** More was written: the same amount later would not mean that none was taken. */
  grew(): void {
    this.#unsentBytes = -1;
  }

  /** What the client has failed in since the last look; empty: nothing. */
  takingFailure(
    unsentBytes: number,
    writtenBytes: number,
    rates: Rates,
  ): 'client_write_timeout' | 'client_too_slow' | '' {
    if (unsentBytes === this.#unsentBytes) return 'client_write_timeout';
    const takenBytes = writtenBytes - unsentBytes - this.#takenBytes;
    return takenBytes < leastTaken(rates) ? 'client_too_slow' : '';
  }

  /** Of a response that is all written: nobody knows how much it was. */
  tookTooLittle(unsentBytes: number, rates: Rates): boolean {
    return this.#unsentBytes !== -1 && this.#unsentBytes - unsentBytes < leastTaken(rates);
  }

  /** As `lookAtTaking`, for such a response. */
  lookAtRest(unsentBytes: number, { timeouts }: Rates, nowMs: number): number {
    this.#unsentBytes = unsentBytes;
    return nowMs + timeouts.writeMs;
  }
}

/** What a client has to take within `timeout.write`, as long as there is so much. */
function leastTaken({ downloadBytesPerSecond, timeouts }: Rates): number {
  return Math.max(1, (downloadBytesPerSecond * timeouts.writeMs) / 1000);
}
