import type { Timer } from '../../base/wheel.ts';
import type { ClientPolicy } from '../routes/client-policy.ts';

/**
 * What a client is held to while it sends a body or takes a response: not to be silent, and a least
 * rate, so that one byte now and then does not renew its time. An HTTP/1 connection has one, and so
 * has an HTTP/2 stream. It sets its owner's timer; when that fires the owner asks what is wrong.
 */
export class Pace {
  readonly #timer: Timer;
  /** When the body under way began, our own pauses left out. */
  #bodySinceMs = 0;
  #pausedMs = 0;
  /** When the body under way counts as silent. */
  #silentMs = 0;
  /** Of the response, at the last look; -1: it cannot be compared. */
  #unsentBytes = -1;
  #takenBytes = 0;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

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

  /** Sets the time for the next piece of the body, of which `bodyBytes` have come. */
  expectBody(
    bodyBytes: number,
    { readMs, uploadBytesPerSecond }: ClientPolicy,
    nowMs: number,
  ): void {
    this.#silentMs = nowMs + readMs;
    let dueMs = this.#silentMs;
    if (uploadBytesPerSecond !== 0) {
      const earnedMs = (bodyBytes * 1000) / uploadBytesPerSecond;
      dueMs = Math.min(dueMs, this.#bodySinceMs + readMs + earnedMs);
    }
    this.#timer.set(dueMs);
  }

  /** The next piece was not there in time. */
  bodyFailure(nowMs: number): 'body_too_slow' | 'body_timeout' {
    return nowMs < this.#silentMs ? 'body_too_slow' : 'body_timeout';
  }

  /**
   * Sets the time in which the client has to take some of the response.
   *
   * @param unsentBytes that it has not taken yet
   * @param writtenBytes of the response so far
   */
  expectTaking(
    unsentBytes: number,
    writtenBytes: number,
    policy: ClientPolicy,
    nowMs: number,
  ): void {
    this.#takenBytes = writtenBytes - unsentBytes;
    this.expectRest(unsentBytes, policy, nowMs);
  }

  /** More was written: the same amount later would not mean that none was taken. */
  grew(): void {
    this.#unsentBytes = -1;
  }

  /** The time of `expectTaking` is up. @returns what is wrong; empty: nothing, and it runs again */
  takingFailure(
    unsentBytes: number,
    writtenBytes: number,
    policy: ClientPolicy,
    nowMs: number,
  ): 'client_write_timeout' | 'client_too_slow' | '' {
    const takenBytes = writtenBytes - unsentBytes - this.#takenBytes;
    if (unsentBytes === this.#unsentBytes || takenBytes <= 0) return 'client_write_timeout';
    if (takenBytes < leastTaken(policy)) return 'client_too_slow';
    this.expectTaking(unsentBytes, writtenBytes, policy, nowMs);
    return '';
  }

  /** As `expectTaking`, for a response that is all written: nobody knows how much it was. */
  expectRest(unsentBytes: number, { writeMs }: ClientPolicy, nowMs: number): void {
    this.#unsentBytes = unsentBytes;
    this.#timer.set(nowMs + writeMs);
  }

  /** The time of `expectRest` is up. @returns whether too little was taken; if not, it runs again */
  isStuck(unsentBytes: number, policy: ClientPolicy, nowMs: number): boolean {
    const isComparable = this.#unsentBytes !== -1;
    if (isComparable && this.#unsentBytes - unsentBytes < leastTaken(policy)) return true;
    this.expectRest(unsentBytes, policy, nowMs);
    return false;
  }
}

/** What a client has to take within `writeMs`, as long as there is so much. */
function leastTaken({ downloadBytesPerSecond, writeMs }: ClientPolicy): number {
  return Math.max(1, (downloadBytesPerSecond * writeMs) / 1000);
}
