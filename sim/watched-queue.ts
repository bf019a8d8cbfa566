import { Waiting } from '../src/core/exchange/waiting.ts';
import type { WorkerContext } from '../src/core/ports/worker-context.ts';
import type { Pool } from '../src/core/servers/pool.ts';
import { type Waiter, WaitQueue } from '../src/core/servers/wait-queue.ts';
import type { Invariants } from './invariants.ts';
import type { Sabotage } from './sabotage.ts';

/** The real queue; who waits in it, and in which order they came, is written down beside it. */
export class WatchedQueue extends WaitQueue<Pool> {
  readonly #invariants: Invariants;
  readonly #sabotage: Sabotage;
  readonly #inOrder: Waiter[] = [];

  constructor(context: WorkerContext, poolRow: number, invariants: Invariants, sabotage: Sabotage) {
    super(context, poolRow);
    this.#invariants = invariants;
    this.#sabotage = sabotage;
  }

  override add(waiter: Waiter, isNext: boolean, waitingMax: number, nowMs: number): boolean {
    const isBackwards = this.#sabotage.queuesBackwards === true;
    if (!super.add(waiter, isNext || isBackwards, waitingMax, nowMs)) return false;
    if (isNext) this.#inOrder.unshift(waiter);
    else this.#inOrder.push(waiter);
    return true;
  }

  override remove(waiter: Waiter): void {
    const place = this.#inOrder.indexOf(waiter);
    // Who was answered, or left, has a status; who has none goes to a server.
    if (place > 0 && waiter instanceof Waiting && waiter.owner.exchange.status === 0) {
      const { requestId } = waiter.owner.exchange;
      this.#invariants.fail('inTurn', `${place} requests waited longer than ${requestId}`);
    }
    this.#inOrder.splice(place, 1);
    super.remove(waiter);
  }

  override tick(nowMs: number): void {
    if (this.#sabotage.losesTicks !== true) super.tick(nowMs);
  }

  /** @param waitMs how long a request may wait, a tick of the timers included */
  checkWaits(waitMs: number, nowMs: number): void {
    for (const waiter of this.#inOrder) {
      const waitedMs = nowMs - waiter.waitingSinceMs;
      if (waitedMs <= waitMs) continue;
      this.#invariants.fail('waitsInTime', `a request has waited for ${waitedMs} ms`);
    }
  }
}
