import type { Clock } from '../../base/clock.ts';
import type { Poller } from './poller.ts';

/**
 * How long a turn waits in the kernel where nothing goes on. Libuv's descriptor wakes it; its timers
 * do not, and may be late by this much, but for those that are told to `beat`.
 */
const IDLE_WAIT_MS = 20;
/** How long it waits for more while there is traffic, which saves the way through libuv's loop. */
const BUSY_WAIT_MS = 1;
/** Polls after which libuv's loop has its turn, however much comes. */
const POLLS_MAX = 16;

/** What wants a turn of its own. */
export interface Posted {
  /** Called once for each `post`. */
  onTurn(): void;
}

/** A timer of Node's that is to be on time. */
export interface Beat {
  /** When it is due next. */
  dueMs: number;
}

/**
 * The turns of a thread's poller. It runs in Node's own loop, as an immediate, and waits in the kernel
 * in its place: libuv's descriptor is among those that are waited for. It stops by itself where no
 * socket is open, so that a process can end.
 */
export class Loop {
  readonly #poller: Poller;
  readonly #clock: Clock;
  readonly #beats = new Set<Beat>();
  #posted: Posted[] = [];
  #turnsOf: Posted[] = [];
  #isRunning = false;
  #nodeUses = 0;

  constructor(poller: Poller, clock: Clock) {
    this.#poller = poller;
    this.#clock = clock;
  }

  /** From now on it waits in the kernel no longer than until this is due. @returns ends that */
  beat(beat: Beat): () => void {
    this.#beats.add(beat);
    return () => void this.#beats.delete(beat);
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

  /**
   * Node's HTTP/2 library does its work in ticks and immediates, which are not to wait for us.
   *
   * @param by how many more, or fewer, connections it works on
   */
  nodeUses(by: number): void {
    this.#nodeUses += by;
  }

  readonly #turn = (): void => {
    const poller = this.#poller;
    let waitMs = this.#posted.length > 0 ? 0 : this.#idleWaitMs();
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      const happened = poller.poll(waitMs) + this.#runPosted();
      if (happened === 0 || poller.isLoopReady || this.#nodeUses > 0) break;
      waitMs = this.#posted.length > 0 ? 0 : BUSY_WAIT_MS;
    }
    if (poller.isIdle && this.#posted.length === 0) this.#isRunning = false;
    else setImmediate(this.#turn);
  };

  #idleWaitMs(): number {
    let waitMs = IDLE_WAIT_MS;
    if (this.#beats.size === 0) return waitMs;
    const nowMs = this.#clock.nowMs();
    for (const { dueMs } of this.#beats) waitMs = Math.min(waitMs, Math.ceil(dueMs - nowMs));
    return Math.max(0, waitMs);
  }

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
