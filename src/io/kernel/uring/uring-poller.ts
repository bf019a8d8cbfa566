/**
 * Sockets by io_uring (`io_uring(7)`): what is wanted is written into a ring, and one call a turn tells
 * the kernel all of it, waits, and brings what has come.
 *
 * A receive, and an accept, stays with the kernel until it is cancelled (multishot); it takes buffers
 * from a ring of them. A send never waits in the kernel (`MSG_DONTWAIT`): it is done in the very call that
 * tells of it, taking what the socket has room for. So what a turn sends must stay in memory until the
 * call at the next turn's beginning has returned, and no longer; see `Turn`. A send that took everything
 * has no completion, so that the call which tells of it also waits for what comes next: one call for
 * each message instead of two. A send of which the call said nothing has sent everything.
 *
 * What a completion is of stands in its tag: the kind of the operation, and the generation of the
 * slot, so that a completion which is late is not taken for one of the slot's next socket.
 */
import type { Arena } from '../arena.ts';
import {
  EAGAIN,
  ECONNABORTED,
  EINTR,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_NONBLOCK_CLOEXEC,
} from '../calls.ts';
import {
  type PolledListener,
  type PolledSocket,
  type Poller,
  RECEIVE_BYTES_MAX,
} from '../poller.ts';
import { BufferGroup } from './buffers.ts';
import {
  ACCEPT_MULTISHOT,
  BUFFER_SELECT,
  BUFFER_SHIFT,
  ECANCELED,
  ENOBUFS,
  HAS_BUFFER,
  HAS_MORE,
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
import { Ring } from './ring.ts';
import { Turn } from './turn.ts';
import type { UringKernel } from './uring-kernel.ts';

/** Buffers of sockets that receive all the time, as a rule little; a receive takes one or more. */
const SMALL = 0;
const SMALL_BYTES = 16 * 1024;
const SMALL_COUNT = 256;
/** Of those that receive much: one buffer a turn. */
const LARGE = 1;
const LARGE_COUNT = 32;

/** After an accept failed for want of descriptors, when it is tried again. */
const ACCEPT_AGAIN_MS = 50;
const TIME_BYTES = 16;

/** What a tag says of the operation. */
const KIND_MASK = 15;
/** Tells nothing where it succeeds, and nothing that matters where it does not. */
const KIND_SILENT = 0;
const KIND_RECEIVE_SMALL = 1;
const KIND_RECEIVE_LARGE = 2;
/** Comes only where it failed, or took less. */
const KIND_SEND = 3;
const KIND_WRITABLE = 5;
const KIND_ACCEPT = 6;
const KIND_ACCEPT_AGAIN = 7;
const KIND_LOOP = 8;
/** Above the kind. */
const GENERATION = 16;

/** What is known of a slot. Its owner wants to receive, or to accept. */
const WANTS = 1;
/** The kernel has a receive, or an accept. */
const ARMED = 2;
const ARMED_LARGE = 4;
const IS_CANCELLED = 8;
const AWAITS_WRITABLE = 16;
const SENDS = 32;
const SHUTS_DOWN = 64;
const HAS_ENDED = 128;
/** Waits for buffers. */
const STARVES = 256;
/** Waits to accept again. */
const WAITS = 512;
const IS_CLOSED = 1024;
const LISTENS = 2048;
/** The kernel has told of its send. */
const SENT_LESS = 4096;
/** While one of these is there, something will be told of the slot. */
const OUTSTANDING = ARMED | AWAITS_WRITABLE | SENDS | STARVES | WAITS;

export class UringPoller implements Poller {
  readonly arena: Arena;
  isLoopReady = false;
  readonly #kernel: UringKernel;
  readonly #ring: Ring;
  readonly #groups: readonly BufferGroup[];
  readonly #turns: readonly [Turn, Turn];
  /** Which of the two is being put together; the other one's sends are with the kernel. */
  #current = 0;
  #isOtherFree = true;
  /** Somebody waits for what comes of a send. */
  #isAwaited = false;
  /** The address of the arena, in halves. */
  readonly #low: number;
  readonly #high: number;
  readonly #againLow: number;
  readonly #againHigh: number;
  readonly #loopFd: number;
  #watchesLoop = false;

  readonly #sockets: (PolledSocket | PolledListener | null)[] = [];
  #states = new Int32Array(1024);
  /** In steps of GENERATION. */
  #generations = new Int32Array(1024);
  /** What came of the sends that took less than all. */
  #results = new Int32Array(1024);
  readonly #free: number[] = [];
  #used = 0;
  /** Slots whose receive found no buffer. */
  #starving: number[] = [];
  #hasEnded = false;

  /** @param loopFd the descriptor of libuv's loop; -1: none is watched */
  constructor(arena: Arena, kernel: UringKernel, loopFd: number) {
    this.arena = arena;
    this.#kernel = kernel;
    this.#ring = new Ring(kernel.memory, kernel.enter);
    this.#groups = [
      new BufferGroup(arena, SMALL, SMALL_COUNT, SMALL_BYTES),
      new BufferGroup(arena, LARGE, LARGE_COUNT, RECEIVE_BYTES_MAX),
    ];
    for (const { group, ringAddress, count } of this.#groups) {
      kernel.provide(group, ringAddress, count);
    }
    this.#turns = [new Turn(arena, this.#groups), new Turn(arena, this.#groups)];
    const start = arena.address(0, arena.sizeBytes);
    this.#low = Number(start & 0xffffffffn);
    this.#high = Number(start >> 32n);
    const againAt = arena.reserve(TIME_BYTES);
    arena.bytes.fill(0, againAt, againAt + TIME_BYTES);
    arena.int32[(againAt >> 2) + 2] = ACCEPT_AGAIN_MS * 1e6;
    this.#againLow = this.#lowOf(againAt);
    this.#againHigh = this.#highOf(againAt);
    this.#loopFd = loopFd;
  }

  /** Its own descriptor. */
  get fd(): number {
    return this.#kernel.fd;
  }

  get isIdle(): boolean {
    return this.#used === 0 && this.#ring.pending === 0;
  }

  adopt(socket: PolledSocket): void {
    this.#take(socket, 0);
  }

  replace(socket: PolledSocket): void {
    this.#sockets[socket.slot] = socket;
  }

  receive(socket: PolledSocket): void {
    const { slot } = socket;
    this.#states[slot]! |= WANTS;
    this.#arm(slot);
  }

  /** The receive stays until something comes: most are let go on before that. */
  holdBack({ slot }: PolledSocket): void {
    this.#states[slot]! &= ~WANTS;
  }

  stage(lengthBytes: number): number {
    return this.#turns[this.#current]!.stage(lengthBytes);
  }

  send({ fd, slot }: PolledSocket, start: number, lengthBytes: number): void {
    this.arena.check(start, lengthBytes);
    // Its descriptor may be another's by now.
    if (slot < 0) return;
    this.#states[slot]! |= SENDS;
    this.#turns[this.#current]!.addSend(slot, lengthBytes);
    this.#ring.put(
      OP_SEND | SKIP_SUCCESS,
      fd,
      this.#lowOf(start),
      this.#highOf(start),
      lengthBytes,
      MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL,
      slot,
      this.#generations[slot]! | KIND_SEND,
      0,
    );
  }

  awaitSent(): void {
    this.#isAwaited = true;
  }

  awaitWritable({ fd, slot }: PolledSocket): void {
    if (slot < 0 || (this.#states[slot]! & AWAITS_WRITABLE) !== 0) return;
    this.#states[slot]! |= AWAITS_WRITABLE;
    const tag = this.#generations[slot]! | KIND_WRITABLE;
    this.#ring.put(OP_POLL_ADD, fd, 0, 0, 0, POLLOUT, slot, tag, 0);
  }

  shutdown({ fd, slot }: PolledSocket): void {
    if (slot < 0) return;
    if ((this.#states[slot]! & SENDS) === 0) {
      this.#kernel.shutdown(fd);
      return;
    }
    this.#states[slot]! |= SHUTS_DOWN;
    this.#isAwaited = true;
  }

  /**
   * A receive holds the socket open: the peer sees the end when that was cancelled. All of it is done
   * by the next call, in the order in which it stands in the ring.
   */
  close(socket: PolledSocket): void {
    const { fd, slot } = socket;
    if (slot < 0 || this.#sockets[slot] !== socket) return;
    socket.slot = -1;
    this.#cancel(slot);
    const state = this.#states[slot]!;
    if ((state & AWAITS_WRITABLE) !== 0) this.#putCancel(slot, KIND_WRITABLE);
    this.#ring.put(OP_CLOSE | SKIP_SUCCESS, fd, 0, 0, 0, 0, slot, KIND_SILENT, 0);
    this.#states[slot] = (state & OUTSTANDING) | IS_CLOSED | IS_CANCELLED;
    this.#sockets[slot] = null;
    this.#settle(slot);
  }

  accept(listener: PolledListener): void {
    this.#take(listener, LISTENS | WANTS);
    this.#armAccept(listener.slot);
  }

  /** The kernel lets go of it within the call. Who was accepted before is still told. */
  leave(listener: PolledListener): void {
    const { slot } = listener;
    if (slot < 0 || this.#sockets[slot] !== listener) return;
    listener.slot = -1;
    this.#cancel(slot);
    this.#states[slot] = (this.#states[slot]! & OUTSTANDING) | IS_CLOSED | IS_CANCELLED;
    this.#settle(slot);
    this.#ring.submit(0);
  }

  poll(waitMs: number): number {
    if (this.#hasEnded) return 0;
    this.isLoopReady = false;
    this.#watchLoop();
    const isLeft = !this.#beginTurn();
    const starving = this.#starving.length;
    const ring = this.#ring;
    const mayWait = !this.#isAwaited && !isLeft && starving === 0;
    this.#isAwaited = false;
    ring.submit(mayWait ? waitMs : 0);
    // What comes meanwhile is of the next poll.
    const count = ring.completed();
    const { sends } = this.#turns[this.#current ^ 1]!;
    try {
      if (sends > 0 && ring.isUpToDate()) this.#tellSends(count);
      for (let index = 0; index < count; index++) this.#deliver(ring.take());
    } finally {
      ring.release();
      this.#endTurn(starving);
    }
    return count + sends;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#kernel.end();
  }

  /** What was put together is about to be with the kernel. @returns false: what was before still is */
  #beginTurn(): boolean {
    if (!this.#isOtherFree) return false;
    this.#current ^= 1;
    this.#isOtherFree = false;
    return true;
  }

  /** @param starving how many waited for buffers when it began */
  #endTurn(starving: number): void {
    const other = this.#turns[this.#current ^ 1]!;
    if (!this.#isOtherFree && other.sends === 0) {
      other.release();
      this.#isOtherFree = true;
    }
    if (starving > 0) this.#feed(starving);
  }

  /** There are buffers again, those that were received into when these found none. */
  #feed(count: number): void {
    const starving = this.#starving;
    this.#starving = starving.slice(count);
    for (let index = 0; index < count; index++) {
      const slot = starving[index]!;
      this.#states[slot]! &= ~STARVES;
      if (!this.#settle(slot)) this.#arm(slot);
    }
  }

  #deliver(at: number): void {
    const { words } = this.#ring;
    const slot = words[at]!;
    const tag = words[at + 1]!;
    const result = words[at + 2]!;
    const flags = words[at + 3]!;
    const isLate = (tag & ~KIND_MASK) !== this.#generations[slot];
    switch (tag & KIND_MASK) {
      case KIND_RECEIVE_SMALL:
        this.#received(slot, isLate, SMALL, result, flags);
        break;
      case KIND_RECEIVE_LARGE:
        this.#received(slot, isLate, LARGE, result, flags);
        break;
      case KIND_SEND:
        if (!isLate) this.#sentLess(slot, result);
        break;
      case KIND_WRITABLE:
        if (!isLate) this.#writable(slot);
        break;
      case KIND_ACCEPT:
        this.#accepted(slot, isLate, result, flags);
        break;
      case KIND_ACCEPT_AGAIN:
        if (!isLate) this.#acceptAgain(slot);
        break;
      case KIND_LOOP:
        this.isLoopReady = true;
        this.#watchesLoop = false;
        break;
    }
  }

  #received(slot: number, isLate: boolean, group: number, result: number, flags: number): void {
    const number = flags >>> BUFFER_SHIFT;
    if ((flags & HAS_BUFFER) !== 0) this.#turns[this.#current]!.hold(group, number);
    if (isLate) return;
    if ((flags & HAS_MORE) === 0) this.#states[slot]! &= ~(ARMED | ARMED_LARGE | IS_CANCELLED);
    const state = this.#states[slot]!;
    if ((state & IS_CLOSED) !== 0) {
      this.#settle(slot);
      return;
    }
    const socket = this.#sockets[slot] as PolledSocket;
    const generation = this.#generations[slot];
    if (result > 0) socket.onReceived(this.#groups[group]!.startOf(number), result);
    else if (result === -ENOBUFS) this.#starve(slot);
    else if (result === 0 || !isPassing(-result)) {
      this.#states[slot] = (state | HAS_ENDED) & ~WANTS;
      socket.onReceivedEnd(Math.abs(result));
    }
    if (this.#generations[slot] === generation) this.#goOn(slot, state);
  }

  /** @param before the state in which something came */
  #goOn(slot: number, before: number): void {
    const state = this.#states[slot]!;
    if ((state & IS_CLOSED) !== 0) return;
    const socket = this.#sockets[slot] as PolledSocket;
    if ((state & ARMED) === 0) this.#arm(slot);
    // It came though the owner wanted nothing, or receives too little at once.
    else if (((before | state) & WANTS) === 0) this.#cancel(slot);
    else if ((state & ARMED_LARGE) === 0 && socket.receiveBytes > SMALL_BYTES) this.#cancel(slot);
  }

  /** Told in `#tellSends`, when that is due. */
  #sentLess(slot: number, result: number): void {
    this.#states[slot]! |= SENT_LESS;
    this.#results[slot] = result === -EINTR ? -EAGAIN : result;
  }

  /**
   * Tells what came of the sends of the turn that the kernel was told. Those of which it says nothing
   * have sent everything. They hear it before anything else that has come, which may make them send.
   *
   * @param count of completions
   */
  #tellSends(count: number): void {
    const { words } = this.#ring;
    for (let index = 0; index < count; index++) {
      const at = this.#ring.peek(index);
      const tag = words[at + 1]!;
      if ((tag & KIND_MASK) !== KIND_SEND) continue;
      const slot = words[at]!;
      if ((tag & ~KIND_MASK) === this.#generations[slot]) this.#sentLess(slot, words[at + 2]!);
      words[at + 1] = KIND_SILENT;
    }
    const turn = this.#turns[this.#current ^ 1]!;
    while (turn.sends > 0) {
      const slot = turn.tellNext();
      this.#sent(slot, turn.toldBytes);
    }
  }

  #sent(slot: number, lengthBytes: number): void {
    const state = this.#states[slot]!;
    this.#states[slot] = state & ~(SENDS | SENT_LESS | SHUTS_DOWN);
    if ((state & IS_CLOSED) !== 0) {
      this.#settle(slot);
      return;
    }
    const socket = this.#sockets[slot] as PolledSocket;
    if ((state & SHUTS_DOWN) !== 0) this.#kernel.shutdown(socket.fd);
    socket.onSent((state & SENT_LESS) === 0 ? lengthBytes : this.#results[slot]!);
  }

  #writable(slot: number): void {
    this.#states[slot]! &= ~AWAITS_WRITABLE;
    if (this.#settle(slot) || (this.#states[slot]! & IS_CLOSED) !== 0) return;
    (this.#sockets[slot] as PolledSocket).onWritable();
  }

  #accepted(slot: number, isLate: boolean, result: number, flags: number): void {
    if (isLate) {
      if (result >= 0) this.#kernel.close(result);
      return;
    }
    if ((flags & HAS_MORE) === 0) this.#states[slot]! &= ~(ARMED | IS_CANCELLED);
    const listener = this.#sockets[slot] as PolledListener;
    const generation = this.#generations[slot];
    this.#settle(slot);
    if (result >= 0) listener.onAccepted(result);
    else if (!isPassing(-result)) this.#acceptFailed(slot, generation!, listener, -result);
    if (this.#generations[slot] === generation) this.#armAccept(slot);
  }

  #acceptFailed(slot: number, generation: number, listener: PolledListener, errno: number): void {
    if (this.#generations[slot] !== generation || (this.#states[slot]! & ARMED) !== 0) return;
    this.#states[slot]! |= WAITS;
    const tag = this.#generations[slot]! | KIND_ACCEPT_AGAIN;
    this.#ring.put(OP_TIMEOUT, -1, this.#againLow, this.#againHigh, 1, 0, slot, tag, 0);
    listener.onAcceptFailed(errno);
  }

  #acceptAgain(slot: number): void {
    this.#states[slot]! &= ~WAITS;
    if (!this.#settle(slot)) this.#armAccept(slot);
  }

  /** Receives, where that is wanted and not yet so. */
  #arm(slot: number): void {
    const state = this.#states[slot]!;
    if ((state & (WANTS | ARMED | STARVES | HAS_ENDED | IS_CLOSED)) !== WANTS) return;
    const { fd, receiveBytes } = this.#sockets[slot] as PolledSocket;
    const generation = this.#generations[slot]!;
    if (receiveBytes > SMALL_BYTES) {
      this.#states[slot] = state | ARMED | ARMED_LARGE;
      const tag = generation | KIND_RECEIVE_LARGE;
      this.#ring.put(OP_RECV | BUFFER_SELECT, fd, 0, 0, 0, 0, slot, tag, LARGE);
    } else {
      this.#states[slot] = state | ARMED;
      const tag = generation | KIND_RECEIVE_SMALL;
      this.#ring.put(OP_RECV | BUFFER_SELECT | RECV_MULTISHOT, fd, 0, 0, 0, 0, slot, tag, SMALL);
    }
  }

  #starve(slot: number): void {
    this.#states[slot]! |= STARVES;
    this.#starving.push(slot);
  }

  #armAccept(slot: number): void {
    const state = this.#states[slot]!;
    if ((state & (WANTS | ARMED | WAITS | IS_CLOSED)) !== WANTS) return;
    const { fd } = this.#sockets[slot]!;
    this.#states[slot] = state | ARMED;
    const tag = this.#generations[slot]! | KIND_ACCEPT;
    this.#ring.put(OP_ACCEPT | ACCEPT_MULTISHOT, fd, 0, 0, 0, SOCK_NONBLOCK_CLOEXEC, slot, tag, 0);
  }

  /** Ends the receive, or the accept, that the kernel has; its last completion is still to come. */
  #cancel(slot: number): void {
    const state = this.#states[slot]!;
    if ((state & (ARMED | IS_CANCELLED)) !== ARMED) return;
    this.#states[slot] = state | IS_CANCELLED;
    if ((state & LISTENS) !== 0) this.#putCancel(slot, KIND_ACCEPT);
    else if ((state & ARMED_LARGE) !== 0) this.#putCancel(slot, KIND_RECEIVE_LARGE);
    else this.#putCancel(slot, KIND_RECEIVE_SMALL);
  }

  #putCancel(slot: number, kind: number): void {
    const tag = this.#generations[slot]! | kind;
    this.#ring.put(OP_ASYNC_CANCEL | SKIP_SUCCESS, -1, slot, tag, 0, 0, slot, KIND_SILENT, 0);
  }

  #watchLoop(): void {
    if (this.#watchesLoop || this.#loopFd < 0) return;
    this.#watchesLoop = true;
    this.#ring.put(OP_POLL_ADD, this.#loopFd, 0, 0, 0, POLLIN, 0, KIND_LOOP, 0);
  }

  #take(socket: PolledSocket | PolledListener, state: number): void {
    const slot = this.#free.pop() ?? this.#used;
    if (slot === this.#states.length) this.#grow();
    this.#used += 1;
    this.#sockets[slot] = socket;
    this.#states[slot] = state;
    socket.slot = slot;
  }

  /** Gives the slot of a closed socket back once nothing more can be told of it. @returns whether it did */
  #settle(slot: number): boolean {
    if ((this.#states[slot]! & (IS_CLOSED | OUTSTANDING)) !== IS_CLOSED) return false;
    this.#sockets[slot] = null;
    this.#states[slot] = 0;
    this.#generations[slot] = (this.#generations[slot]! + GENERATION) | 0;
    this.#free.push(slot);
    this.#used -= 1;
    return true;
  }

  #grow(): void {
    const size = this.#states.length * 2;
    this.#states = grown(this.#states, size);
    this.#generations = grown(this.#generations, size);
    this.#results = grown(this.#results, size);
  }

  #lowOf(start: number): number {
    return (this.#low + start) | 0;
  }

  #highOf(start: number): number {
    return this.#low + start > 0xffffffff ? this.#high + 1 : this.#high;
  }
}

/** Whether it says nothing of the socket: it is asked again. */
function isPassing(errno: number): boolean {
  return errno === ECANCELED || errno === EAGAIN || errno === EINTR || errno === ECONNABORTED;
}

function grown(values: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(values);
  return larger;
}
