/**
 * Which part of its new requests an overloaded worker refuses, so that it answers the others in
 * time: late answers to all help nobody.
 *
 * - Event-loop delay: one late turn is a garbage collection. Overload is a delay that does not go
 *   away, as CoDel has it (RFC 8289 §3): above the watermark at every look, some of
 *   them, for STANDING_MS. Then the part grows with each look, and falls again with each that is below.
 * - Memory: above the watermark nearly all is refused, until it is a little below.
 *
 * Some requests are always let through, or nobody would notice that all is well again.
 */

const STANDING_MS = 1_000;
const STANDING_LOOKS = 3;
const GROWS_BY = 0.1;
const FALLS_BY = 0.02;
const SHARE_MAX = 0.9;
/** Memory has to fall to this part of its watermark. */
const MEMORY_CALM = 0.95;

export interface SheddingSettings {
  /** Event-loop delay, in milliseconds; 0: it is not looked at. */
  delayMs: number;
  /** Resident memory of the process, in bytes; 0: it is not looked at. */
  memoryBytes: number;
}

export class Shedder {
  settings: SheddingSettings = { delayMs: 0, memoryBytes: 0 };
  /** The part of new requests that is refused, 0 to SHARE_MAX. */
  share = 0;
  #delayShare = 0;
  #isMemoryHigh = false;
  /** Since when every delay was above the watermark; -1: the last was not. */
  #lateSinceMs = -1;
  #lateLooks = 0;

  /** @param draw a random number from 0 to 1 */
  sheds(draw: number): boolean {
    return draw < this.share;
  }

  /** @param lateMs how late a timer of the event loop was; to be told several times a second */
  sawDelay(lateMs: number, nowMs: number): void {
    const { delayMs } = this.settings;
    if (delayMs === 0 || lateMs < delayMs) {
      this.#lateSinceMs = -1;
      this.#delayShare = delayMs === 0 ? 0 : Math.max(0, this.#delayShare - FALLS_BY);
    } else {
      if (this.#lateSinceMs === -1) {
        this.#lateSinceMs = nowMs - lateMs;
        this.#lateLooks = 0;
      }
      this.#lateLooks += 1;
      const isStanding =
        this.#lateLooks >= STANDING_LOOKS && nowMs - this.#lateSinceMs >= STANDING_MS;
      if (isStanding) this.#delayShare = Math.min(SHARE_MAX, this.#delayShare + GROWS_BY);
    }
    this.#decide();
  }

  /** @param bytes resident memory; to be told about once a second */
  sawMemory(bytes: number): void {
    const { memoryBytes } = this.settings;
    if (memoryBytes === 0) this.#isMemoryHigh = false;
    else this.#isMemoryHigh = bytes >= memoryBytes * (this.#isMemoryHigh ? MEMORY_CALM : 1);
    this.#decide();
  }

  #decide(): void {
    this.share = this.#isMemoryHigh ? SHARE_MAX : this.#delayShare;
  }
}
