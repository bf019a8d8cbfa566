/**
 * Sockets by edge-triggered epoll (`epoll(7)`): the kernel is told once of each socket, and tells when
 * something has come; until a receive finds nothing left, nothing needs to be asked.
 */
import type { Holder } from '../backend.ts';
import type { Arena } from './arena.ts';
import {
  calls,
  EAGAIN,
  ECONNABORTED,
  EINTR,
  errno,
  SHUT_WR,
  SOCK_NONBLOCK_CLOEXEC,
} from './calls.ts';
import { systemError } from './errors.ts';
import {
  HEADROOM_BYTES,
  type PolledListener,
  type PolledSocket,
  type Poller,
  RECEIVE_BYTES_MAX,
  STAGE_BYTES,
} from './poller.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x80000000 | 0;
const EPOLLEXCLUSIVE = 0x10000000;
const ENDED = EPOLLERR | EPOLLHUP | EPOLLRDHUP;

/** `struct epoll_event` is packed on x86 alone. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const DATA_AT = process.arch === 'x64' ? 4 : 8;
const EVENTS_MAX = 512;

/** Receives for one socket, and accepts from one listening socket, before the others' turn. */
const RECEIVES_A_TURN = 4;
const ACCEPTS_A_TURN = 64;
/** After an accept failed for want of descriptors, when it is tried again. */
const ACCEPT_AGAIN_MS = 50;

/** What is known of a descriptor. */
const OPEN = 1;
/** Something may have come. */
const READABLE = 2;
/** The peer may have ended: what is received last may be short though more comes. */
const ENDING = 4;
const WANTS_RECEIVE = 8;
const WANTS_WRITABLE = 16;
/** It takes its turn again soon, though the kernel tells nothing. */
const IS_READY = 32;
const LISTENS = 64;

/** The descriptor of libuv's loop, as data of an event. */
const LOOP = -1;

export class EpollPoller implements Poller {
  readonly arena: Arena;
  isLoopReady = false;
  readonly mappings: readonly [] = [];
  readonly #epollFd: number;
  readonly #holder: Holder;
  readonly #eventsAt: number;
  readonly #events: bigint;
  readonly #eventAt: number;
  readonly #event: bigint;
  readonly #receiveAt: number;
  readonly #receive: bigint;
  readonly #stageAt: number;
  /** By descriptor, as are the others; a descriptor that was given out again has a new generation. */
  readonly #sockets: (PolledSocket | PolledListener | null)[] = [];
  #states = new Uint8Array(1024);
  #generations = new Int32Array(1024);
  /** Descriptors that take their turn again, in the next poll. */
  #ready: number[] = [];
  /** Those of this poll. */
  #turns: number[] = [];
  #open = 0;

  /** @param loopFd the descriptor of libuv's loop; -1: none is watched */
  constructor(arena: Arena, loopFd: number, holder: Holder) {
    this.arena = arena;
    this.#holder = holder;
    this.#eventsAt = arena.reserve(EVENTS_MAX * EVENT_BYTES);
    this.#events = arena.address(this.#eventsAt, EVENTS_MAX * EVENT_BYTES);
    this.#eventAt = arena.reserve(EVENT_BYTES);
    this.#event = arena.address(this.#eventAt, EVENT_BYTES);
    this.#receiveAt = arena.reserve(HEADROOM_BYTES + RECEIVE_BYTES_MAX) + HEADROOM_BYTES;
    this.#receive = arena.address(this.#receiveAt, RECEIVE_BYTES_MAX);
    this.#stageAt = arena.reserve(STAGE_BYTES);
    this.#epollFd = calls.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epollFd < 0) throw systemError('epoll_create1', errno());
    if (loopFd >= 0) this.#watch(loopFd, EPOLLIN, LOOP, 0);
  }

  /** Its own descriptor. */
  get fd(): number {
    return this.#epollFd;
  }

  get isIdle(): boolean {
    return this.#open === 0;
  }

  adopt(socket: PolledSocket): void {
    this.#add(socket, OPEN, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }

  replace(socket: PolledSocket): void {
    this.#sockets[socket.fd] = socket;
  }

  receive(socket: PolledSocket): void {
    const { fd } = socket;
    this.#states[fd]! |= WANTS_RECEIVE;
    if ((this.#states[fd]! & READABLE) !== 0) this.#again(fd);
  }

  holdBack({ fd }: PolledSocket): void {
    this.#states[fd]! &= ~WANTS_RECEIVE;
  }

  stage(lengthBytes: number): number {
    return lengthBytes <= STAGE_BYTES ? this.#stageAt : -1;
  }

  send(socket: PolledSocket, start: number, lengthBytes: number): void {
    const address = this.arena.address(start, lengthBytes);
    let sent = calls.write(socket.fd, address, lengthBytes);
    if (sent < 0) sent = -errno();
    socket.onSent(sent === -EINTR ? -EAGAIN : sent);
  }

  /** It was called within `send`. */
  awaitSent(): void {}

  awaitWritable({ fd }: PolledSocket): void {
    this.#states[fd]! |= WANTS_WRITABLE;
  }

  shutdown({ fd }: PolledSocket): void {
    calls.shutdown(fd, SHUT_WR);
  }

  close(socket: PolledSocket): void {
    this.#forget(socket.fd);
    this.#holder.remove(socket.fd);
    calls.close(socket.fd);
  }

  accept(listener: PolledListener): void {
    // Several threads may accept from one unix socket: one of them is woken for each who comes.
    this.#add(listener, OPEN | LISTENS, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
  }

  leave({ fd }: PolledListener): void {
    if ((this.#states[fd]! & OPEN) === 0) return;
    this.#forget(fd);
    calls.epoll_ctl(this.#epollFd, EPOLL_CTL_DEL, fd, this.#event);
  }

  poll(waitMs: number): number {
    this.isLoopReady = false;
    const turns = this.#ready;
    this.#ready = this.#turns;
    this.#turns = turns;
    const timeoutMs = turns.length > 0 ? 0 : waitMs;
    const count = calls.epoll_wait(this.#epollFd, this.#events, EVENTS_MAX, timeoutMs);
    for (let index = 0; index < count; index++) this.#deliver(index);
    for (const fd of turns) this.#turn(fd);
    const happened = Math.max(count, 0) + turns.length;
    turns.length = 0;
    return happened;
  }

  end(): void {
    calls.close(this.#epollFd);
  }

  #deliver(index: number): void {
    const { int32 } = this.arena;
    const at = (this.#eventsAt + index * EVENT_BYTES) >> 2;
    const events = int32[at]!;
    const fd = int32[at + (DATA_AT >> 2)]!;
    if (fd === LOOP) {
      this.isLoopReady = true;
      return;
    }
    if (this.#generations[fd] !== int32[at + (DATA_AT >> 2) + 1]!) return;
    const state = this.#states[fd]!;
    if ((events & (EPOLLIN | ENDED)) !== 0) {
      this.#states[fd]! |= (events & ENDED) === 0 ? READABLE : READABLE | ENDING;
    }
    if ((state & WANTS_WRITABLE) !== 0 && (events & (EPOLLOUT | ENDED)) !== 0) {
      this.#states[fd]! &= ~WANTS_WRITABLE;
      (this.#sockets[fd] as PolledSocket).onWritable();
    }
    if ((this.#states[fd]! & IS_READY) === 0) this.#take(fd);
  }

  /** The turn of a descriptor that asked for it. */
  #turn(fd: number): void {
    this.#states[fd]! &= ~IS_READY;
    this.#take(fd);
  }

  #take(fd: number): void {
    const state = this.#states[fd]!;
    if ((state & READABLE) === 0) return;
    if ((state & LISTENS) !== 0) this.#acceptFrom(this.#sockets[fd] as PolledListener);
    else if ((state & WANTS_RECEIVE) !== 0) this.#receiveFrom(this.#sockets[fd] as PolledSocket);
  }

  #receiveFrom(socket: PolledSocket): void {
    const { fd } = socket;
    const generation = this.#generations[fd];
    for (let receives = 0; receives < RECEIVES_A_TURN; receives++) {
      const { receiveBytes } = socket;
      const received = calls.read(fd, this.#receive, receiveBytes);
      if (received > 0) {
        // Less than was asked for is all there is, unless the end stands behind it.
        const isAll = received < receiveBytes && (this.#states[fd]! & ENDING) === 0;
        if (isAll) this.#states[fd]! &= ~READABLE;
        socket.onReceived(this.#receiveAt, received);
        if (isAll || this.#generations[fd] !== generation) return;
        if ((this.#states[fd]! & WANTS_RECEIVE) === 0) return;
        continue;
      }
      const failure = received === 0 ? 0 : errno();
      if (failure === EINTR) continue;
      this.#states[fd]! &= ~READABLE;
      if (failure === EAGAIN) return;
      this.#states[fd]! &= ~WANTS_RECEIVE;
      socket.onReceivedEnd(failure);
      return;
    }
    this.#again(fd);
  }

  #acceptFrom(listener: PolledListener): void {
    const { fd } = listener;
    const generation = this.#generations[fd];
    for (let accepts = 0; accepts < ACCEPTS_A_TURN; accepts++) {
      const accepted = calls.accept4(fd, 0n, 0n, SOCK_NONBLOCK_CLOEXEC);
      if (accepted >= 0) {
        this.#holder.add(accepted);
        listener.onAccepted(accepted);
        if (this.#generations[fd] !== generation) return;
        continue;
      }
      const failure = errno();
      if (failure === EINTR || failure === ECONNABORTED) continue;
      if (failure !== EAGAIN) {
        listener.onAcceptFailed(failure);
        setTimeout(() => this.#acceptAgain(fd, generation!), ACCEPT_AGAIN_MS).unref();
      }
      this.#states[fd]! &= ~READABLE;
      return;
    }
    this.#again(fd);
  }

  #acceptAgain(fd: number, generation: number): void {
    if (this.#generations[fd] !== generation) return;
    this.#states[fd]! |= READABLE;
    this.#again(fd);
  }

  #again(fd: number): void {
    if ((this.#states[fd]! & IS_READY) !== 0) return;
    this.#states[fd]! |= IS_READY;
    this.#ready.push(fd);
  }

  #add(socket: PolledSocket | PolledListener, state: number, events: number): void {
    const { fd } = socket;
    if (fd >= this.#states.length) this.#grow(fd);
    this.#sockets[fd] = socket;
    this.#states[fd] = state;
    this.#open += 1;
    this.#watch(fd, events, fd, this.#generations[fd]!);
  }

  #watch(fd: number, events: number, data: number, generation: number): void {
    const { int32 } = this.arena;
    const at = this.#eventAt >> 2;
    int32[at] = events;
    int32[at + (DATA_AT >> 2)] = data;
    int32[at + (DATA_AT >> 2) + 1] = generation;
    if (calls.epoll_ctl(this.#epollFd, EPOLL_CTL_ADD, fd, this.#event) === 0) return;
    throw systemError('epoll_ctl', errno());
  }

  /** What is told of the descriptor from now on is told of a former socket. */
  #forget(fd: number): void {
    this.#sockets[fd] = null;
    this.#states[fd]! &= IS_READY;
    this.#generations[fd]! += 1;
    this.#open -= 1;
  }

  #grow(fd: number): void {
    const size = 2 ** Math.ceil(Math.log2(fd + 1));
    const [states, generations] = [new Uint8Array(size), new Int32Array(size)];
    states.set(this.#states);
    generations.set(this.#generations);
    this.#states = states;
    this.#generations = generations;
  }
}
