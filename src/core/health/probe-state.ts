import { HEALTH, type Health } from '../../table/layout.ts';

export interface ProbeThresholds {
  /** Failures in a row that take a server out. */
  readonly failureThreshold: number;
  /** Successes in a row that bring it back. */
  readonly successThreshold: number;
}

/**
 * What a server's probes say of it, one after the other.
 *
 * Two failures count for more than one: the first probe of a server, for nothing speaks for it
 * yet, and a probe of a server that live traffic has found fault with, for there two witnesses
 * agree. Either takes the server out at once.
 */
export class ProbeState {
  health: Health = HEALTH.unknown;
  /** Why the last failed probe failed. */
  reason = '';
  /** Probes in a row that ended as the last one did. */
  inRow = 0;
  #lastSucceeded = true;

  /** @returns whether the server came up by it */
  succeeded(thresholds: ProbeThresholds): boolean {
    this.#count(true);
    if (this.health === HEALTH.up) return false;
    if (this.health === HEALTH.down && this.inRow < thresholds.successThreshold) return false;
    this.health = HEALTH.up;
    return true;
  }

  /**
   * @param isSuspect whether live traffic failed as well
   * @returns whether the server went down by it
   */
  failed(reason: string, isSuspect: boolean, thresholds: ProbeThresholds): boolean {
    this.#count(false);
    this.reason = reason;
    if (this.health === HEALTH.down) return false;
    const isEnough = this.inRow >= thresholds.failureThreshold;
    if (this.health === HEALTH.up && !isSuspect && !isEnough) return false;
    this.health = HEALTH.down;
    return true;
  }

  #count(succeeded: boolean): void {
    this.inRow = succeeded === this.#lastSucceeded ? this.inRow + 1 : 1;
    this.#lastSucceeded = succeeded;
  }
}
