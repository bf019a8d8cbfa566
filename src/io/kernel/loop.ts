import type { Poller } from './poller.ts';

/**
 * How long a turn waits in the kernel where nothing goes on. Libuv's descriptor wakes it; its timers
 * do not, and may be late by this much.
 */
const IDLE_WAIT_MS = 10;
/** How long it waits for more while there is traffic, which saves the way through libuv's loop. */
const BUSY_WAIT_MS = 1;
/** Polls after which libuv's loop has its turn, however much comes. */
const POLLS_MAX = 16;

/** What wants a turn of its own. */
export interface Posted {
  /** Called once for each `post`. */
  onTurn(): void;
}

/**
 * The turns of a thread's poller. It runs in Node's own loop, as an immediate, and waits in the kernel
 * in its place: libuv's descriptor is among those that are waited for. It stops by itself where no
 * socket is open, so that a process can end.
 */
export class Loop {
  readonly #poller: Poller;
  #posted: Posted[] = [];
  #turnsOf: Posted[] = [];
  #isRunning = false;
  #givesWay = false;

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  /** To be called when a socket was adopted. */
  wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(this.#turn);
  }

  /** Calls it in this turn, after whoever calls now has returned, or in the next. */
  post(posted: Posted): void {
    this.#posted.push(posted);
    this.wake();
  }

  /** Something waits for Node's loop: a promise, a tick, an immediate. It is not waited in the kernel. */
  giveWay(): void {
    this.#givesWay = true;
  }

  readonly #turn = (): void => {
    const poller = this.#poller;
    let waitMs = this.#givesWay || this.#posted.length > 0 ? 0 : IDLE_WAIT_MS;
    this.#givesWay = false;
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      const happened = poller.poll(waitMs) + this.#runPosted();
      if (happened === 0 || poller.isLoopReady || this.#givesWay) break;
      waitMs = this.#posted.length > 0 ? 0 : BUSY_WAIT_MS;
    }
    if (poller.isIdle && this.#posted.length === 0) this.#isRunning = false;
    else setImmediate(this.#turn);
  };

  #runPosted(): number {
    const posted = this.#posted;
    if (posted.length === 0) return 0;
    this.#posted = this.#turnsOf;
    this.#turnsOf = posted;
    for (const one of posted) one.onTurn();
    const { length } = posted;
    posted.length = 0;
    return length;
  }
}
