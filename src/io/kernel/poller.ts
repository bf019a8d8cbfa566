/**
 * The port between sockets and the kernel. A call tells the kernel what is wanted; what comes of it
 * is told to the socket, never within the call but where it says so. `epoll.ts` and
 * `uring/` implement it.
 */
import type { Arena } from './arena.ts';

export interface Poller {
  /** The poller's own descriptor. */
  readonly fd: number;
  /** Memory beside the arena that it shares with the kernel. */
  readonly mappings: readonly Mapping[];
  /** What is received lies here, and what is sent too, until the end of the turn. */
  readonly arena: Arena;
  /** Whether the last `poll` found that libuv's loop has something to do. */
  readonly isLoopReady: boolean;
  /** Whether it has no sockets and no listeners. */
  readonly isIdle: boolean;
  /** Takes a connected, or connecting, non-blocking socket. Nothing is received until `receive`. */
  adopt(socket: PolledSocket): void;
  /** Has a socket object in the place of the one that had its descriptor and slot. */
  replace(socket: PolledSocket): void;
  /** Receives from now on: `onReceived`, `onReceivedEnd`. */
  receive(socket: PolledSocket): void;
  /** Receives no more; something may still come that was on its way. */
  holdBack(socket: PolledSocket): void;
  /**
   * Sends a part of the arena, of any length. Call it again only when `onSent` was called for the one before.
   * `onSent` may be called within the call.
   *
   * @param start from `stage`, or where `onReceived` said, in the same turn
   */
  send(socket: PolledSocket, start: number, lengthBytes: number): void;
  /**
   * Room in the arena for what is to be sent, good until the end of the turn.
   *
   * @param lengthBytes at most STAGE_BYTES
   * @returns where it begins; -1: there is none in this turn
   */
  stage(lengthBytes: number): number;
  /**
   * Has `onSent` called soon: the socket waits for it, having more to send. Otherwise it may come with
   * the next thing that happens.
   */
  awaitSent(socket: PolledSocket): void;
  /** Tells `onWritable` once when the socket takes bytes again, or is connected. */
  awaitWritable(socket: PolledSocket): void;
  /** Says that nothing more comes (`shutdown`), after what was given to `send`. */
  shutdown(socket: PolledSocket): void;
  /**
   * Gives the socket's descriptor back, after what was given to `send`; it hears nothing more. The
   * holder is told just before the kernel is: of a thread that dies in between, nobody else closes it.
   */
  close(socket: PolledSocket): void;
  /** Accepts all who wait in a listening socket, now and later: `onAccepted`. */
  accept(socket: PolledListener): void;
  /** Accepts no more. The descriptor stays its owner's. */
  leave(socket: PolledListener): void;
  /**
   * Gives the kernel what was asked for, and tells what has come.
   *
   * @param waitMs how long it may wait for something
   * @returns how many things happened
   */
  poll(waitMs: number): number;
  /** Gives back what belongs to the poller itself. Sockets are their owners'. */
  end(): void;
}

/** Room before what was received: a head that is put before it may be longer than the one it replaces. */
export const HEADROOM_BYTES: number = 1024;
/** One receive of a connection that is not known to be fast: a body, or a TLS record, of 16 KB and what stands before it. */
export const SMALL_RECEIVE_BYTES: number = 18 * 1024;
/** The most that one receive gives: an answer of 64 KB with its head. */
export const RECEIVE_BYTES_MAX: number = 68 * 1024;
/** The most that `stage` gives. */
export const STAGE_BYTES: number = RECEIVE_BYTES_MAX + HEADROOM_BYTES;

export interface Mapping {
  readonly address: bigint;
  readonly lengthBytes: number;
}

/** A connection, as a poller knows it. */
export interface PolledSocket {
  readonly fd: number;
  /** The poller's own. */
  slot: number;
  /** The most that one receive should give: above 0, at most RECEIVE_BYTES_MAX. */
  readonly receiveBytes: number;
  /** Bytes of the arena, valid during the call, and for `send` in the same turn. */
  onReceived(start: number, lengthBytes: number): void;
  /** The peer sends nothing more (`errno` 0), or it broke. */
  onReceivedEnd(errno: number): void;
  /** @param result bytes taken, or -errno; -EAGAIN where none can be taken now */
  onSent(result: number): void;
  onWritable(): void;
}

export interface PolledListener {
  readonly fd: number;
  /** The poller's own. */
  slot: number;
  /** @param fd non-blocking, and noted by the holder; the listener's from now on */
  onAccepted(fd: number): void;
  /** It could not be accepted: EMFILE and the like. The poller tries again after a while. */
  onAcceptFailed(errno: number): void;
}
