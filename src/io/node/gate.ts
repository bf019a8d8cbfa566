/**
 * Lets in as many clients as may be, over all listeners and workers.
 *
 * Those beyond it wait in front of the gate, bounded, as they would in the kernel's backlog: they
 * are accepted, for Node has no way to leave that, but nothing is made of them and nothing read.
 * Beyond that room they are closed at once. A place is a descriptor: it is free when the handle is
 * closed, whoever closes it.
 */

import type { Doorkeeper } from '../backend.ts';

/** The part of Node's handle of a connection that is used here; it is not documented. */
export interface GateHandle {
  close(done?: () => void): void;
  /** TCP only: closes with a reset. */
  reset?(done?: () => void): unknown;
}

interface Waiting {
  readonly handle: GateHandle;
  readonly letIn: () => void;
}

export class Gate {
  readonly #keeper: Doorkeeper;
  readonly #waiting: Waiting[] = [];
  /** How many may wait: a descriptor each, and little else. */
  waitingMax: number;
  #isOpening = false;

  constructor(keeper: Doorkeeper, waitingMax: number) {
    this.waitingMax = waitingMax;
    this.#keeper = keeper;
  }

  /** @param letIn called at once, or when there is a place; never where there will be none */
  enter(handle: GateHandle, letIn: () => void): void {
    if (this.#waiting.length === 0 && this.#claim()) {
      this.#watch(handle);
      letIn();
    } else if (this.#waiting.length < this.waitingMax) {
      this.#waiting.push({ handle, letIn });
      this.#keeper.waiting(1);
    } else {
      this.#keeper.turnedAway();
      handle.close();
    }
  }

  /** Lets in who waits, as far as there are places. To be called with each tick too. */
  open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#claim()) break;
      this.#waiting.shift();
      this.#keeper.waiting(-1);
      this.#watch(first.handle);
      first.letIn();
    }
    this.#isOpening = false;
  }

  /** Nobody is let in any more. */
  close(): void {
    this.#keeper.waiting(-this.#waiting.length);
    for (const { handle } of this.#waiting.splice(0)) handle.close();
  }

  #claim(): boolean {
    return this.#keeper.claim() || (this.#keeper.makeRoom() && this.#keeper.claim());
  }

  /** Hears when the handle is closed: every way of closing a socket ends there. */
  #watch(handle: GateHandle): void {
    let isOpen = true;
    const leave = () => {
      if (!isOpen) return;
      isOpen = false;
      this.#keeper.release();
      if (this.#waiting.length > 0) setImmediate(() => this.open());
    };
    const { close, reset } = handle;
    handle.close = function (done) {
      leave();
      return close.call(this, done);
    };
    if (reset === undefined) return;
    handle.reset = function (done) {
      leave();
      return reset.call(this, done);
    };
  }
}
