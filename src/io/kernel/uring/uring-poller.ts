/**
 * Sockets by io_uring (`io_uring(7)`): what is wanted is written into a ring, and one call a turn tells
 * the kernel all of it, waits, and brings what has come.
 *
 * An accept stays with the kernel until it is cancelled (multishot), and so does a receive of a socket
 * whose messages are small and answered. Such a receive takes as many buffers as there is data for, up
 * to 32, before its owner can hold it back; so they are small ones, and other sockets receive one
 * buffer each time. All take buffers from a ring of them. A send never waits in the kernel (`MSG_DONTWAIT`): it is done in the very call that
 * tells of it, taking what the socket has room for. So what a turn sends must stay in memory until the
 * call at the next turn's beginning has returned, and no longer; see `Turn`. A send that took everything
 * has no completion, so that the call which tells of it also waits for what comes next: one call for
 * each message instead of two. A send of which the call said nothing has sent everything.
 *
 * What a completion is of stands in its tag: the kind of the operation, and the generation of the
 * slot, so that a completion which is late is not taken for one of the slot's next socket.
 */
import type { Holder } from '../../backend.ts';
import type { Arena } from '../arena.ts';
import { EAGAIN, ECONNABORTED, EINTR } from '../calls.ts';
import {
  type Mapping,
  type PolledListener,
  type PolledSocket,
  type Poller,
  RECEIVE_BYTES_MAX,
  SMALL_RECEIVE_BYTES,
} from '../poller.ts';
import { BufferGroup } from './buffers.ts';
import { BUFFER_SHIFT, ECANCELED, ENOBUFS, HAS_BUFFER, HAS_MORE } from './numbers.ts';
import {
  KIND_ACCEPT,
  KIND_ACCEPT_AGAIN,
  KIND_LOOP,
  KIND_MASK,
  KIND_RECEIVE_BRIEF,
  KIND_RECEIVE_LARGE,
  KIND_RECEIVE_SMALL,
  KIND_SEND,
  KIND_SILENT,
  KIND_WRITABLE,
  Operations,
} from './operations.ts';
import { Ring } from './ring.ts';
import {
  ARMED,
  ARMED_BRIEF,
  ARMED_LARGE,
  AWAITS_WRITABLE,
  HAS_ENDED,
  HAS_SENT,
  IS_BRIEF,
  IS_CANCELLED,
  IS_CLOSED,
  LISTENS,
  OUTSTANDING,
  SENDS,
  SENT_LESS,
  SHUTS_DOWN,
  Slots,
  STARVES,
  WAITS,
  WANTS,
} from './slots.ts';
import { Turn } from './turn.ts';
import type { UringKernel } from './uring-kernel.ts';

/** After an accept failed for want of descriptors, when it is tried again. */
const ACCEPT_AGAIN_MS = 50;

/** Buffers of sockets that receive little, as a rule. */
const SMALL = 0;
const SMALL_COUNT = 256;
/** Of those that receive much. */
const LARGE = 1;
const LARGE_COUNT = 32;
/** Of those whose messages are small and answered: the receive takes one or more. */
const BRIEF = 2;
const BRIEF_COUNT = 512;
const BRIEF_BYTES = 4096;

export class UringPoller implements Poller {
  readonly arena: Arena;
  isLoopReady = false;
  readonly #kernel: UringKernel;
  readonly #ring: Ring;
  readonly #operations: Operations;
  readonly #slots = new Slots();
  readonly #groups: readonly BufferGroup[];
  readonly #turns: readonly [Turn, Turn];
  /** Which of the two is being put together; the other one's sends are with the kernel. */
  #current = 0;
  #isOtherFree = true;
  /** Somebody waits for what comes of a send. */
  #isAwaited = false;
  readonly #loopFd: number;
  readonly #holder: Holder;
  /** Descriptors that the kernel is told to close by what it has not been told yet. */
  readonly #closing: number[] = [];
  #watchesLoop = false;
  /** Slots whose receive found no buffer. */
  #starving: number[] = [];
  #hasEnded = false;

  /** @param loopFd the descriptor of libuv's loop; -1: none is watched */
  constructor(arena: Arena, kernel: UringKernel, loopFd: number, holder: Holder) {
    this.arena = arena;
    this.#kernel = kernel;
    this.#holder = holder;
    this.#ring = new Ring(kernel.memory, (submissions, waitMs) => {
      if (this.#closing.length > 0) this.#letClosingGo();
      return kernel.enter(submissions, waitMs);
    });
    this.#operations = new Operations(this.#ring, arena, ACCEPT_AGAIN_MS);
    this.#groups = [
      new BufferGroup(arena, SMALL, SMALL_COUNT, SMALL_RECEIVE_BYTES),
      new BufferGroup(arena, LARGE, LARGE_COUNT, RECEIVE_BYTES_MAX),
      new BufferGroup(arena, BRIEF, BRIEF_COUNT, BRIEF_BYTES),
    ];
    for (const { group, ringAddress, count } of this.#groups) {
      kernel.provide(group, ringAddress, count);
    }
    this.#turns = [new Turn(arena, this.#groups), new Turn(arena, this.#groups)];
    this.#loopFd = loopFd;
  }

  /** Its own descriptor. */
  get fd(): number {
    return this.#kernel.fd;
  }

  get mappings(): readonly Mapping[] {
    return this.#kernel.mappings;
  }

  get isIdle(): boolean {
    return this.#slots.used === 0 && this.#ring.pending === 0;
  }

  adopt(socket: PolledSocket): void {
    this.#slots.take(socket, 0);
  }

  replace(socket: PolledSocket): void {
    this.#slots.sockets[socket.slot] = socket;
  }

  receive(socket: PolledSocket): void {
    const { slot } = socket;
    this.#slots.states[slot]! |= WANTS;
    this.#arm(slot);
  }

  /** The receive stays until something comes: most are let go on before that. */
  holdBack({ slot }: PolledSocket): void {
    this.#slots.states[slot]! &= ~WANTS;
  }

  stage(lengthBytes: number): number {
    return this.#turns[this.#current]!.stage(lengthBytes);
  }

  send({ fd, slot }: PolledSocket, start: number, lengthBytes: number): void {
    // Its descriptor may be another's by now.
    if (slot < 0) return;
    this.#operations.send(fd, start, lengthBytes, slot, this.#slots.generations[slot]!);
    this.#slots.states[slot]! |= SENDS | HAS_SENT;
    this.#turns[this.#current]!.addSend(slot, lengthBytes);
  }

  awaitSent(): void {
    this.#isAwaited = true;
  }

  awaitWritable({ fd, slot }: PolledSocket): void {
    if (slot < 0 || (this.#slots.states[slot]! & AWAITS_WRITABLE) !== 0) return;
    this.#slots.states[slot]! |= AWAITS_WRITABLE;
    this.#operations.awaitWritable(fd, slot, this.#slots.generations[slot]!);
  }

  shutdown({ fd, slot }: PolledSocket): void {
    if (slot < 0) return;
    if ((this.#slots.states[slot]! & SENDS) === 0) {
      this.#kernel.shutdown(fd);
      return;
    }
    this.#slots.states[slot]! |= SHUTS_DOWN;
    this.#isAwaited = true;
  }

  /**
   * A receive holds the socket open: the peer sees the end when that was cancelled. All of it is done
   * by the next call, in the order in which it stands in the ring.
   */
  close(socket: PolledSocket): void {
    const { fd, slot } = socket;
    if (slot < 0 || this.#slots.sockets[slot] !== socket) return;
    socket.slot = -1;
    this.#cancel(slot);
    const state = this.#slots.states[slot]!;
    if ((state & AWAITS_WRITABLE) !== 0)
      this.#operations.cancel(KIND_WRITABLE, slot, this.#slots.generations[slot]!);
    this.#operations.close(fd);
    this.#closing.push(fd);
    this.#slots.states[slot] = (state & OUTSTANDING) | IS_CLOSED | IS_CANCELLED;
    this.#slots.sockets[slot] = null;
    this.#slots.settle(slot);
  }

  accept(listener: PolledListener): void {
    this.#slots.take(listener, LISTENS | WANTS);
    this.#armAccept(listener.slot);
  }

  /** The kernel lets go of it within the call. Who was accepted before is still told. */
  leave(listener: PolledListener): void {
    const { slot } = listener;
    if (slot < 0 || this.#slots.sockets[slot] !== listener) return;
    listener.slot = -1;
    this.#cancel(slot);
    this.#slots.states[slot] = (this.#slots.states[slot]! & OUTSTANDING) | IS_CLOSED | IS_CANCELLED;
    this.#slots.settle(slot);
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
    this.#noteAccepted(count);
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

  /** The kernel is about to close them, and their numbers may be another thread's at once. */
  #letClosingGo(): void {
    for (const fd of this.#closing) this.#holder.remove(fd);
    this.#closing.length = 0;
  }

  /**
   * Whom the kernel has accepted is open, whatever becomes of this thread before it comes to them.
   *
   * @param count of completions
   */
  #noteAccepted(count: number): void {
    const { words } = this.#ring;
    for (let index = 0; index < count; index++) {
      const at = this.#ring.peek(index);
      if ((words[at + 1]! & KIND_MASK) === KIND_ACCEPT && words[at + 2]! >= 0)
        this.#holder.add(words[at + 2]!);
    }
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
      this.#slots.states[slot]! &= ~STARVES;
      if (!this.#slots.settle(slot)) this.#arm(slot);
    }
  }

  #deliver(at: number): void {
    const { words } = this.#ring;
    const slot = words[at]!;
    const tag = words[at + 1]!;
    const result = words[at + 2]!;
    const flags = words[at + 3]!;
    const isLate = (tag & ~KIND_MASK) !== this.#slots.generations[slot];
    switch (tag & KIND_MASK) {
      case KIND_RECEIVE_SMALL:
        this.#received(slot, isLate, SMALL, result, flags);
        break;
      case KIND_RECEIVE_LARGE:
        this.#received(slot, isLate, LARGE, result, flags);
        break;
      case KIND_RECEIVE_BRIEF:
        this.#received(slot, isLate, BRIEF, result, flags);
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
    if ((flags & HAS_MORE) === 0)
      this.#slots.states[slot]! &= ~(ARMED | ARMED_LARGE | ARMED_BRIEF | IS_CANCELLED);
    const state = this.#slots.states[slot]!;
    if ((state & IS_CLOSED) !== 0) {
      this.#slots.settle(slot);
      return;
    }
    const socket = this.#slots.sockets[slot] as PolledSocket;
    const generation = this.#slots.generations[slot];
    if (result > 0) {
      this.#slots.states[slot] = afterReceive(state, result);
      socket.onReceived(this.#groups[group]!.startOf(number), result);
    } else if (result === -ENOBUFS) this.#starve(slot);
    else if (result === 0 || !isPassing(-result)) {
      this.#slots.states[slot] = (state | HAS_ENDED) & ~WANTS;
      socket.onReceivedEnd(Math.abs(result));
    }
    if (this.#slots.generations[slot] === generation) this.#goOn(slot, state);
  }

  /** @param before the state in which something came */
  #goOn(slot: number, before: number): void {
    const state = this.#slots.states[slot]!;
    if ((state & IS_CLOSED) !== 0) return;
    const socket = this.#slots.sockets[slot] as PolledSocket;
    if ((state & ARMED) === 0) this.#arm(slot);
    // It came though the owner wanted nothing; or too much comes for a receive that goes on.
    else if (((before | state) & WANTS) === 0) this.#cancel(slot);
    else if ((state & (ARMED_BRIEF | IS_BRIEF)) === ARMED_BRIEF) this.#cancel(slot);
    else if ((state & ARMED_LARGE) === 0 && socket.receiveBytes > SMALL_RECEIVE_BYTES)
      this.#cancel(slot);
  }

  /** Told in `#tellSends`, when that is due. */
  #sentLess(slot: number, result: number): void {
    this.#slots.states[slot]! |= SENT_LESS;
    this.#slots.results[slot] = result === -EINTR ? -EAGAIN : result;
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
      if ((tag & ~KIND_MASK) === this.#slots.generations[slot])
        this.#sentLess(slot, words[at + 2]!);
      words[at + 1] = KIND_SILENT;
    }
    const turn = this.#turns[this.#current ^ 1]!;
    while (turn.sends > 0) {
      const slot = turn.tellNext();
      this.#sent(slot, turn.toldBytes);
    }
  }

  #sent(slot: number, lengthBytes: number): void {
    const state = this.#slots.states[slot]!;
    this.#slots.states[slot] = state & ~(SENDS | SENT_LESS | SHUTS_DOWN);
    if ((state & IS_CLOSED) !== 0) {
      this.#slots.settle(slot);
      return;
    }
    const socket = this.#slots.sockets[slot] as PolledSocket;
    if ((state & SHUTS_DOWN) !== 0) this.#kernel.shutdown(socket.fd);
    socket.onSent((state & SENT_LESS) === 0 ? lengthBytes : this.#slots.results[slot]!);
  }

  #writable(slot: number): void {
    this.#slots.states[slot]! &= ~AWAITS_WRITABLE;
    if (this.#slots.settle(slot) || (this.#slots.states[slot]! & IS_CLOSED) !== 0) return;
    (this.#slots.sockets[slot] as PolledSocket).onWritable();
  }

  #accepted(slot: number, isLate: boolean, result: number, flags: number): void {
    if (isLate) {
      if (result >= 0) {
        this.#holder.remove(result);
        this.#kernel.close(result);
      }
      return;
    }
    if ((flags & HAS_MORE) === 0) this.#slots.states[slot]! &= ~(ARMED | IS_CANCELLED);
    const listener = this.#slots.sockets[slot] as PolledListener;
    const generation = this.#slots.generations[slot];
    this.#slots.settle(slot);
    if (result >= 0) listener.onAccepted(result);
    else if (!isPassing(-result)) this.#acceptFailed(slot, generation!, listener, -result);
    if (this.#slots.generations[slot] === generation) this.#armAccept(slot);
  }

  #acceptFailed(slot: number, generation: number, listener: PolledListener, errno: number): void {
    if (this.#slots.generations[slot] !== generation || (this.#slots.states[slot]! & ARMED) !== 0)
      return;
    this.#slots.states[slot]! |= WAITS;
    this.#operations.acceptAgain(slot, generation);
    listener.onAcceptFailed(errno);
  }

  #acceptAgain(slot: number): void {
    this.#slots.states[slot]! &= ~WAITS;
    if (!this.#slots.settle(slot)) this.#armAccept(slot);
  }

  /** Receives, where that is wanted and not yet so. */
  #arm(slot: number): void {
    const state = this.#slots.states[slot]!;
    if ((state & (WANTS | ARMED | STARVES | HAS_ENDED | IS_CLOSED)) !== WANTS) return;
    const { fd, receiveBytes } = this.#slots.sockets[slot] as PolledSocket;
    const generation = this.#slots.generations[slot]!;
    if (receiveBytes > SMALL_RECEIVE_BYTES) {
      this.#slots.states[slot] = state | ARMED | ARMED_LARGE;
      this.#operations.receiveOnce(fd, slot, generation | KIND_RECEIVE_LARGE, LARGE);
    } else if ((state & IS_BRIEF) !== 0) {
      this.#slots.states[slot] = state | ARMED | ARMED_BRIEF;
      this.#operations.receiveOften(fd, slot, generation, BRIEF);
    } else {
      this.#slots.states[slot] = state | ARMED;
      this.#operations.receiveOnce(fd, slot, generation | KIND_RECEIVE_SMALL, SMALL);
    }
  }

  #starve(slot: number): void {
    this.#slots.states[slot]! |= STARVES;
    this.#starving.push(slot);
  }

  #armAccept(slot: number): void {
    const state = this.#slots.states[slot]!;
    if ((state & (WANTS | ARMED | WAITS | IS_CLOSED)) !== WANTS) return;
    const { fd } = this.#slots.sockets[slot]!;
    this.#slots.states[slot] = state | ARMED;
    this.#operations.accept(fd, slot, this.#slots.generations[slot]!);
  }

  /** Ends the receive, or the accept, that the kernel has; its last completion is still to come. */
  #cancel(slot: number): void {
    const state = this.#slots.states[slot]!;
    if ((state & (ARMED | IS_CANCELLED)) !== ARMED) return;
    this.#slots.states[slot] = state | IS_CANCELLED;
    this.#operations.cancel(armedKind(state), slot, this.#slots.generations[slot]!);
  }

  #watchLoop(): void {
    if (this.#watchesLoop || this.#loopFd < 0) return;
    this.#watchesLoop = true;
    this.#operations.watchLoop(this.#loopFd);
  }
}

/** The operation that the kernel has of a slot that is armed. */
function armedKind(state: number): number {
  if ((state & LISTENS) !== 0) return KIND_ACCEPT;
  if ((state & ARMED_LARGE) !== 0) return KIND_RECEIVE_LARGE;
  return (state & ARMED_BRIEF) !== 0 ? KIND_RECEIVE_BRIEF : KIND_RECEIVE_SMALL;
}

/** The state of a socket that received something. */
function afterReceive(state: number, lengthBytes: number): number {
  if (lengthBytes >= BRIEF_BYTES) return state & ~(HAS_SENT | IS_BRIEF);
  return (state & HAS_SENT) === 0 ? state : (state & ~HAS_SENT) | IS_BRIEF;
}

/** Whether it says nothing of the socket: it is asked again. */
function isPassing(errno: number): boolean {
  return errno === ECANCELED || errno === EAGAIN || errno === EINTR || errno === ECONNABORTED;
}
