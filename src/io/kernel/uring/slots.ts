import type { PolledListener, PolledSocket } from '../poller.ts';
import { GENERATION } from './operations.ts';

/** What is known of a slot. Its owner wants to receive, or to accept. */
export const WANTS = 1;
/** The kernel has a receive, or an accept. */
export const ARMED = 2;
export const ARMED_LARGE = 4;
export const IS_CANCELLED = 8;
export const AWAITS_WRITABLE = 16;
export const SENDS = 32;
export const SHUTS_DOWN = 64;
export const HAS_ENDED = 128;
/** Waits for buffers. */
export const STARVES = 256;
/** Waits to accept again. */
export const WAITS = 512;
export const IS_CLOSED = 1024;
export const LISTENS = 2048;
/** The kernel has told of its send. */
export const SENT_LESS = 4096;
/** Has sent something since it received last. */
export const HAS_SENT = 8192;
/** What it receives is little, and answered. */
export const IS_BRIEF = 16384;
/** The kernel has a receive that goes on until it is cancelled. */
export const ARMED_BRIEF = 32768;
/** While one of these is there, something will be told of the slot. */
export const OUTSTANDING: number = ARMED | AWAITS_WRITABLE | SENDS | STARVES | WAITS;

const SLOTS_AT_FIRST = 1024;

/** What is known of sockets and listeners, by slot: they are few, and dense. */
export class Slots {
  readonly sockets: (PolledSocket | PolledListener | null)[] = [];
  states: Int32Array<ArrayBuffer> = new Int32Array(SLOTS_AT_FIRST);
  /** In steps of GENERATION: another one for each socket that has the slot. */
  generations: Int32Array<ArrayBuffer> = new Int32Array(SLOTS_AT_FIRST);
  /** What came of the sends that took less than all. */
  results: Int32Array<ArrayBuffer> = new Int32Array(SLOTS_AT_FIRST);
  /** How many are taken. */
  used = 0;
  readonly #free: number[] = [];

  take(socket: PolledSocket | PolledListener, state: number): void {
    const slot = this.#free.pop() ?? this.used;
    if (slot === this.states.length) this.#grow();
    this.used += 1;
    this.sockets[slot] = socket;
    this.states[slot] = state;
    socket.slot = slot;
  }

  /** Gives the slot of a closed socket back once nothing more can be told of it. @returns whether it did */
  settle(slot: number): boolean {
    if ((this.states[slot]! & (IS_CLOSED | OUTSTANDING)) !== IS_CLOSED) return false;
    this.sockets[slot] = null;
    this.states[slot] = 0;
    this.generations[slot] = (this.generations[slot]! + GENERATION) | 0;
    this.#free.push(slot);
    this.used -= 1;
    return true;
  }

  #grow(): void {
    const size = this.states.length * 2;
    this.states = grown(this.states, size);
    this.generations = grown(this.generations, size);
    this.results = grown(this.results, size);
  }
}

function grown(values: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(values);
  return larger;
}
