/** When a data thread that died is replaced: at once, but one that keeps dying ever more slowly. */
const DELAY_MS_MIN = 50;
const DELAY_MS_MAX = 5_000;
/** After this long without a death, the next one counts as the first. */
const FORGIVEN_MS = 60_000;

interface Death {
  readonly atMs: number;
  readonly delayMs: number;
}

export class Restarts {
  readonly #deaths = new Map<number, Death>();

  /**
   * @param isAlone no other thread accepts: then nobody would while this lane waits
   * @returns milliseconds to wait before the lane gets another thread
   */
  delayMs(lane: number, nowMs: number, isAlone: boolean): number {
    const before = this.#deaths.get(lane);
    const isForgiven = before === undefined || nowMs - before.atMs > FORGIVEN_MS;
    const delayMs = isForgiven ? DELAY_MS_MIN : Math.min(before.delayMs * 2, DELAY_MS_MAX);
    this.#deaths.set(lane, { atMs: nowMs, delayMs });
    return isAlone ? DELAY_MS_MIN : delayMs;
  }
}
