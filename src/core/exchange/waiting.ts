import type { Contained } from '../../base/contain.ts';
import { Timer, type TimerOwner } from '../../base/wheel.ts';
import { WORKER_TIMING } from '../../table/measures.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import type { Pool } from '../servers/pool.ts';
import type { Waiter, WaitQueue } from '../servers/wait-queue.ts';

/** What waits on behalf of an exchange. */
export interface WaitingOwner extends Contained {
  readonly exchange: { readonly requestId: string; readonly status: number };
  /** The queue gives it its turn. @returns false: it has to wait on */
  takeTurn(nowMs: number): boolean;
  /** It has waited in the queue for as long as it may. */
  queueTimedOut(nowMs: number): void;
  /** The pause before another attempt is over. */
  pauseOver(nowMs: number): void;
}

/**
 * How an exchange waits: in the queue of its pool, where no server has seen it, or for a while by
 * itself before another attempt.
 */
export class Waiting implements TimerOwner, Waiter {
  readonly owner: WaitingOwner;
  isWaiting = false;
  waitingSinceMs = 0;
  ahead: Waiter | null = null;
  behind: Waiter | null = null;
  readonly #context: WorkerContext;
  /** null: the exchange never waited. */
  #timer: Timer | null = null;
  /** null: it waits by itself, or not at all. */
  #queue: WaitQueue<Pool> | null = null;

  constructor(owner: WaitingOwner, context: WorkerContext) {
    this.owner = owner;
    this.#context = context;
  }

  get isQueued(): boolean {
    return this.#queue !== null;
  }

  /**
   * Waits in the queue of a pool.
   *
   * @param isNext it had its turn before: it goes to the front
   * @returns false where too many wait
   */
  lineUp({ queue, settings }: Pool, isNext: boolean, nowMs: number): boolean {
    if (!queue.add(this, isNext, settings.waitingMax, nowMs)) return false;
    this.#queue = queue;
    this.pauseUntil(nowMs + settings.waitMs);
    return true;
  }

  pauseUntil(untilMs: number): void {
    this.#timer ??= new Timer(this.#context.wheel, this);
    this.#timer.set(untilMs);
    this.isWaiting = true;
  }

  /** It waits no longer, for whatever reason. */
  end(nowMs: number): void {
    if (!this.isWaiting) return;
    this.isWaiting = false;
    this.#timer!.dispose();
    if (this.#queue === null) return;
    this.#queue.remove(this);
    this.#queue = null;
    const { table, lane } = this.#context;
    table.measures.timeOfWorker(lane, WORKER_TIMING.queueWait, nowMs - this.waitingSinceMs);
  }

  takeTurn(nowMs: number): boolean {
    return this.owner.takeTurn(nowMs);
  }

  onTimer(nowMs: number): void {
    if (this.#queue !== null) return this.owner.queueTimedOut(nowMs);
    this.isWaiting = false;
    this.owner.pauseOver(nowMs);
  }

  crashed(nowMs: number): void {
    this.owner.crashed(nowMs);
  }
}
