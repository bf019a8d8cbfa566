/**
 * Lets in as many clients as may be, over all listeners and workers.
 *
 * Those beyond it wait in front of the gate, bounded, as they would in the kernel's backlog: they
 * are accepted, but nothing is made of them and nothing read. Beyond that room they are closed at
 * once. A place is a descriptor: it is free when that is closed, whoever closes it.
 */

import type { Doorkeeper } from './backend.ts';

/** A connection in front of the gate; one of the two is called. */
export interface Entrant {
  letIn(): void;
  turnAway(): void;
}

export class Gate {
  readonly #keeper: Doorkeeper;
  readonly #waiting: Entrant[] = [];
  /** How many may wait: a descriptor each, and little else. */
  waitingMax: number;
  #isOpening = false;

  constructor(keeper: Doorkeeper, waitingMax: number) {
    this.waitingMax = waitingMax;
    this.#keeper = keeper;
  }

  /** Lets in at once, or when there is a place; turns away where there will be none. */
  enter(entrant: Entrant): void {
    if (this.#waiting.length === 0 && this.#claim()) {
      entrant.letIn();
    } else if (this.#waiting.length < this.waitingMax) {
      this.#waiting.push(entrant);
      this.#keeper.waiting(1);
    } else {
      this.#keeper.turnedAway();
      entrant.turnAway();
    }
  }

  /** One that was let in is gone. To be called once for each. */
  leave(): void {
    this.#keeper.release();
    if (this.#waiting.length > 0) setImmediate(() => this.open());
  }

  /** Lets in who waits, as far as there are places. To be called with each tick too. */
  open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#claim()) break;
      this.#waiting.shift();
      this.#keeper.waiting(-1);
      first.letIn();
    }
    this.#isOpening = false;
  }

  /** Nobody is let in any more. */
  close(): void {
    this.#keeper.waiting(-this.#waiting.length);
    for (const entrant of this.#waiting.splice(0)) entrant.turnAway();
  }

  #claim(): boolean {
    return this.#keeper.claim() || (this.#keeper.makeRoom() && this.#keeper.claim());
  }
}
