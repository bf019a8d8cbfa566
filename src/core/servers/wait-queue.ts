/**
 * Waiting requests of one worker: every server is full, or the pool has no connection left. First
 * come, first served.
 *
 * Each worker has a queue of its own, and room that comes free is claimed in the shared table, so
 * that no worker needs another to hand it over. Where room comes free in one worker while others
 * wait too, these rules make it fair and lose no wake-up:
 *
 * - The worker where it comes free serves its own queue first: its connection is open there. But
 *   once another worker's first request waits longer than its own by more than YIELD_MS, it closes
 *   a connection where need be, and wakes that worker. So turns go over in batches: to hand over
 *   each one would open a connection for each request.
 * - Newcomers line up behind their own queue, and behind one elsewhere that has waited so long.
 * - A wake-up only saves time. Every worker looks at its queue with each tick, whatever it was or
 *   was not told; there it takes what room there is and yields to nobody. So no room stays unused
 *   for longer than a tick while somebody waits who could use it, even when the worker that was
 *   woken dies, or when room comes free in no worker at all: a server comes up, a bound is raised.
 */
import type { Contained } from '../../base/contain.ts';
import type { SharedTable } from '../../table/table.ts';
import { cellTime } from '../../table/table-time.ts';
import type { WorkerContext } from '../ports/worker-context.ts';

/** How much longer others may wait: a few turns of a connection, little for a person. */
const YIELD_MS = 20;

/** A request that can wait. */
export interface Waiter extends Contained {
  /** Since when it waits; set by the queue. */
  waitingSinceMs: number;
  /** Continues if it can. @returns false: it must keep waiting; true: it has left the queue */
  takeTurn(nowMs: number): boolean;
  /** @internal of the queue */
  ahead: Waiter | null;
  /** @internal of the queue */
  behind: Waiter | null;
}

/** What a queue needs from its pool. */
interface RoomPool {
  /** Makes room for another worker, if connections are what is short. */
  giveWay(): void;
}

export class WaitQueue<P extends RoomPool = RoomPool> {
  readonly #context: WorkerContext;
  readonly #table: SharedTable;
  /** The pool's row in the table. */
  readonly #row: number;
  /** The pool as the configuration has it now: a reload may bring another while requests wait. */
  pool: P | null = null;
  #first: Waiter | null = null;
  #last: Waiter | null = null;
  #length = 0;
  #isTurning = false;

  constructor(context: WorkerContext, poolRow: number) {
    this.#context = context;
    this.#table = context.table;
    this.#row = poolRow;
  }

  /** Requests that wait here. */
  get length(): number {
    return this.#length;
  }

  /** Whether a newcomer must wait behind others. One atomic load while none waits. */
  hasElders(nowMs: number): boolean {
    if (this.#table.poolCounts.waiting(this.#row) === 0) return false;
    return this.#length > 0 || this.#elderElsewhere(YIELD_MS, nowMs) !== -1;
  }

  /**
   * @param isNext whether it had its turn before: it goes to the front
   * @param waitingMax requests that may wait over all workers
   * @returns false if that many are waiting
   */
  add(waiter: Waiter, isNext: boolean, waitingMax: number, nowMs: number): boolean {
    const { lane } = this.#context;
    if (!this.#table.poolCounts.beginWaiting(this.#row, lane, waitingMax)) return false;
    waiter.waitingSinceMs = nowMs;
    const before = isNext ? null : this.#last;
    const after = isNext ? this.#first : null;
    waiter.ahead = before;
    waiter.behind = after;
    if (before === null) this.#first = waiter;
    else before.behind = waiter;
    if (after === null) this.#last = waiter;
    else after.ahead = waiter;
    this.#length += 1;
    this.#tellSince();
    return true;
  }

  remove(waiter: Waiter): void {
    if (waiter.ahead === null) this.#first = waiter.behind;
    else waiter.ahead.behind = waiter.behind;
    if (waiter.behind === null) this.#last = waiter.ahead;
    else waiter.behind.ahead = waiter.ahead;
    waiter.ahead = null;
    waiter.behind = null;
    this.#length -= 1;
    this.#table.poolCounts.endWaiting(this.#row, this.#context.lane);
    this.#tellSince();
  }

  /** A server or a connection can take another request. */
  roomFreed(): void {
    if (this.#table.poolCounts.waiting(this.#row) === 0 || this.#isTurning) return;
    this.#turn(this.#context.clock.nowMs(), true);
  }

  /** Another worker says that it is this one's turn. */
  called(nowMs: number): void {
    this.#turn(nowMs, true);
  }

  /** Call it on each tick. */
  tick(nowMs: number): void {
    if (this.#table.poolCounts.waiting(this.#row) > 0) this.#turn(nowMs, false);
  }

  /** Serves waiting requests here while there is room and none waits much longer elsewhere. */
  #turn(nowMs: number, yields: boolean): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    let isServed = true;
    // An answered client may ask again and line up again: so the number of turns is bounded.
    for (let left = this.#length; left > 0 && isServed; left--) {
      const first = this.#first;
      if (first === null) break;
      if (yields && this.#elderElsewhere(nowMs - first.waitingSinceMs + YIELD_MS, nowMs) !== -1)
        break;
      isServed = this.#giveTurn(first, nowMs);
    }
    if (isServed) this.#passOn(nowMs);
    this.#isTurning = false;
  }

  #giveTurn(waiter: Waiter, nowMs: number): boolean {
    try {
      return waiter.takeTurn(nowMs);
    } catch (error) {
      this.#context.contain(error, waiter, nowMs);
      return true;
    }
  }

  /** There may be room that this worker does not need. */
  #passOn(nowMs: number): void {
    const first = this.#first;
    const thanMs = first === null ? -1 : nowMs - first.waitingSinceMs + YIELD_MS;
    const elder = this.#elderElsewhere(thanMs, nowMs);
    if (elder === -1) return;
    this.pool!.giveWay();
    this.#context.wake(elder);
  }

  /** The worker whose first request has waited longest, and longer than `thanMs`; -1: none. */
  #elderElsewhere(thanMs: number, nowMs: number): number {
    const table = this.#table;
    if (table.poolCounts.waiting(this.#row) === this.#length) return -1;
    let longestMs = thanMs;
    let elder = -1;
    for (let lane = 0; lane < table.workerLanes; lane++) {
      if (lane === this.#context.lane) continue;
      const sinceMs = table.poolCounts.waitingSince(this.#row, lane);
      if (sinceMs === 0) continue;
      const waitedMs = ((nowMs | 0) - sinceMs) | 0;
      if (waitedMs <= longestMs) continue;
      longestMs = waitedMs;
      elder = lane;
    }
    return elder;
  }

  #tellSince(): void {
    const first = this.#first;
    const sinceMs = first === null ? 0 : cellTime(first.waitingSinceMs);
    this.#table.poolCounts.setWaitingSince(this.#row, this.#context.lane, sinceMs);
  }
}
