import type { Arena } from '../arena.ts';
import { MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_NONBLOCK_CLOEXEC } from '../calls.ts';
import {
  ACCEPT_MULTISHOT,
  BUFFER_SELECT,
  MSG_WAITALL,
  OP_ACCEPT,
  OP_ASYNC_CANCEL,
  OP_CLOSE,
  OP_POLL_ADD,
  OP_RECV,
  OP_SEND,
  OP_TIMEOUT,
  POLLIN,
  POLLOUT,
  RECV_MULTISHOT,
  SKIP_SUCCESS,
} from './numbers.ts';
import type { Ring } from './ring.ts';

/** What a tag says of the operation. */
export const KIND_MASK = 15;
/** Tells nothing where it succeeds, and nothing that matters where it does not. */
export const KIND_SILENT = 0;
export const KIND_RECEIVE_SMALL = 1;
export const KIND_RECEIVE_LARGE = 2;
/** Comes only where it failed, or took less. */
export const KIND_SEND = 3;
export const KIND_WRITABLE = 4;
export const KIND_ACCEPT = 5;
export const KIND_ACCEPT_AGAIN = 6;
export const KIND_LOOP = 7;
export const KIND_RECEIVE_BRIEF = 8;
/** Above the kind. */
export const GENERATION = 16;

const TIME_BYTES = 16;
/** It takes what there is room for now; less than all counts as failed, which has a completion. */
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL;

/**
 * What a poller asks of the kernel, as entries of its ring. Completions carry the slot and, in their
 * tag, the kind of the operation and the generation of the slot.
 */
export class Operations {
  readonly #ring: Ring;
  readonly #arena: Arena;
  /** The address of the arena, in halves. */
  readonly #low: number;
  readonly #high: number;
  readonly #againAt: number;

  /** @param againMs how long `acceptAgain` takes, below 1000 */
  constructor(ring: Ring, arena: Arena, againMs: number) {
    this.#ring = ring;
    this.#arena = arena;
    const start = arena.address(0, arena.sizeBytes);
    this.#low = Number(start & 0xffffffffn);
    this.#high = Number(start >> 32n);
    this.#againAt = arena.reserve(TIME_BYTES);
    arena.bytes.fill(0, this.#againAt, this.#againAt + TIME_BYTES);
    arena.int32[(this.#againAt >> 2) + 2] = againMs * 1e6;
  }

  /** Receives until it is cancelled, or has a completion without more. */
  receiveOften(fd: number, slot: number, generation: number, group: number): void {
    const operation = OP_RECV | BUFFER_SELECT | RECV_MULTISHOT;
    this.#ring.put(operation, fd, 0, 0, 0, 0, slot, generation | KIND_RECEIVE_BRIEF, group);
  }

  /** @param tag KIND_RECEIVE_SMALL or KIND_RECEIVE_LARGE with the generation */
  receiveOnce(fd: number, slot: number, tag: number, group: number): void {
    this.#ring.put(OP_RECV | BUFFER_SELECT, fd, 0, 0, 0, 0, slot, tag, group);
  }

  /** Done within the next `submit`; completes only where it failed, or took less. */
  send(fd: number, start: number, lengthBytes: number, slot: number, generation: number): void {
    this.#arena.check(start, lengthBytes);
    const low = this.#lowOf(start);
    const high = this.#highOf(start);
    const tag = generation | KIND_SEND;
    this.#ring.put(OP_SEND | SKIP_SUCCESS, fd, low, high, lengthBytes, SEND_FLAGS, slot, tag, 0);
  }

  awaitWritable(fd: number, slot: number, generation: number): void {
    this.#ring.put(OP_POLL_ADD, fd, 0, 0, 0, POLLOUT, slot, generation | KIND_WRITABLE, 0);
  }

  accept(fd: number, slot: number, generation: number): void {
    const operation = OP_ACCEPT | ACCEPT_MULTISHOT;
    const tag = generation | KIND_ACCEPT;
    this.#ring.put(operation, fd, 0, 0, 0, SOCK_NONBLOCK_CLOEXEC, slot, tag, 0);
  }

  /** Completes after a while. */
  acceptAgain(slot: number, generation: number): void {
    const low = this.#lowOf(this.#againAt);
    const high = this.#highOf(this.#againAt);
    this.#ring.put(OP_TIMEOUT, -1, low, high, 1, 0, slot, generation | KIND_ACCEPT_AGAIN, 0);
  }

  /** Ends what the kernel has of a kind; its last completion is still to come. */
  cancel(kind: number, slot: number, generation: number): void {
    const operation = OP_ASYNC_CANCEL | SKIP_SUCCESS;
    this.#ring.put(operation, -1, slot, generation | kind, 0, 0, slot, KIND_SILENT, 0);
  }

  close(fd: number): void {
    this.#ring.put(OP_CLOSE | SKIP_SUCCESS, fd, 0, 0, 0, 0, 0, KIND_SILENT, 0);
  }

  /** Completes when a descriptor is readable, or at once where it is. */
  watchLoop(fd: number): void {
    this.#ring.put(OP_POLL_ADD, fd, 0, 0, 0, POLLIN, 0, KIND_LOOP, 0);
  }

  #lowOf(start: number): number {
    return (this.#low + start) | 0;
  }

  #highOf(start: number): number {
    return this.#low + start > 0xffffffff ? this.#high + 1 : this.#high;
  }
}
