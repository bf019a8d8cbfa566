/**
 * A timer wheel: thousands of timers that are moved on with every request and hardly ever fire.
 *
 * Moving a deadline later, the usual case, writes one number: the timer stays in its slot, and
 * when the slot comes round it is put where it then belongs. Moving it earlier relinks it. The
 * wheel is coarse on purpose: a timer fires up to one tick late, never early.
 * (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6.)
 */
import { type Contain, type Contained, rethrow } from './contain.ts';

const SLOTS = 1024;
const NEVER = Number.POSITIVE_INFINITY;

/** The owner of a timer, called when it fires. */
export interface TimerOwner extends Contained {
  onTimer(nowMs: number): void;
}

export class Timer {
  /** When it is due, in milliseconds of the clock that turns the wheel; NEVER: off. */
  deadlineMs = NEVER;
  /** @internal of the wheel */
  readonly owner: TimerOwner;
  readonly #wheel: TimerWheel;
  /** @internal of the wheel */
  previous: Timer | null = null;
  /** @internal of the wheel */
  next: Timer | null = null;
  /** @internal the tick at which the wheel looks at this timer; -1: it is in no slot */
  tick = -1;

  constructor(wheel: TimerWheel, owner: TimerOwner) {
    this.#wheel = wheel;
    this.owner = owner;
  }

  /** Makes it due at `deadlineMs`, and no more at the time set before. */
  set(deadlineMs: number): void {
    this.deadlineMs = deadlineMs;
    const isTooLate = deadlineMs <= (this.tick - 1) * this.#wheel.tickMs;
    if (this.tick === -1 || isTooLate) this.#wheel.place(this);
  }

  clear(): void {
    this.deadlineMs = NEVER;
  }

  /** @internal of the wheel */
  fire(nowMs: number): void {
    this.deadlineMs = NEVER;
    this.owner.onTimer(nowMs);
  }

  /** Takes it off the wheel, so that nothing holds on to its owner. */
  dispose(): void {
    this.deadlineMs = NEVER;
    this.#wheel.remove(this);
  }
}

export class TimerWheel {
  readonly tickMs: number;
  readonly #slots: (Timer | null)[] = new Array(SLOTS).fill(null);
  readonly #contain: Contain;
  #tick: number;

  /**
   * @param tickMs how coarse it is; call `advance` about as often
   * @param contain takes what a timer's owner throws; the other timers fire all the same
   */
  constructor(nowMs: number, tickMs = 50, contain: Contain = rethrow) {
    this.tickMs = tickMs;
    this.#contain = contain;
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** Fires what is due. A callback may set and dispose any timer, its own included. */
  advance(nowMs: number): void {
    const last = Math.floor(nowMs / this.tickMs);
    // After a long sleep every slot is looked at once, not once for each tick slept.
    if (last - this.#tick > SLOTS) this.#tick = last - SLOTS;
    while (this.#tick < last) {
      this.#tick += 1;
      this.#turn(this.#tick, nowMs);
    }
  }

  /** When the earliest timer could be due, for a simulated clock that jumps; NEVER if none. */
  earliestMs(): number {
    let earliest = NEVER;
    for (const first of this.#slots) {
      for (let timer = first; timer !== null; timer = timer.next) {
        earliest = Math.min(earliest, Math.max(timer.deadlineMs, 0));
      }
    }
    return earliest;
  }

  /** @internal */
  place(timer: Timer): void {
    this.remove(timer);
    if (timer.deadlineMs === NEVER) return;
    const due = Math.ceil(timer.deadlineMs / this.tickMs);
    timer.tick = Math.min(Math.max(due, this.#tick + 1), this.#tick + SLOTS - 1);
    const slot = timer.tick % SLOTS;
    const first = this.#slots[slot]!;
    timer.next = first;
    if (first !== null) first.previous = timer;
    this.#slots[slot] = timer;
  }

  /** @internal */
  remove(timer: Timer): void {
    if (timer.tick === -1) return;
    if (timer.previous !== null) timer.previous.next = timer.next;
    else this.#slots[timer.tick % SLOTS] = timer.next;
    if (timer.next !== null) timer.next.previous = timer.previous;
    timer.previous = null;
    timer.next = null;
    timer.tick = -1;
  }

  #turn(tick: number, nowMs: number): void {
    const slot = tick % SLOTS;
    // A callback may change the list: each round takes its first timer off, so the list shrinks,
    // and nothing is put into the slot that is being turned, for `place` starts one tick later.
    for (let timer = this.#slots[slot]!; timer !== null; timer = this.#slots[slot]!) {
      this.remove(timer);
      if (timer.deadlineMs > nowMs) this.place(timer);
      else {
        try {
          timer.fire(nowMs);
        } catch (error) {
          this.#contain(error, timer.owner, nowMs);
        }
      }
    }
  }
}
