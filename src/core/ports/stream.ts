/**
 * What the core needs of the outside: byte streams and a way to open one. `io/` implements it on
 * real sockets, `sim/` on a simulated network; the core cannot tell which.
 */
import type { Contained } from '../../base/contain.ts';
import type { ServerAddress } from './address.ts';

/** One connection, as the core writes to it. */
export interface Stream {
  /** Sends text as latin1. */
  writeText(text: string): void;
  /** Sends bytes; they may be used again by their owner as soon as `StreamOwner.onBytes` returned. */
  writeBytes(bytes: Buffer, start: number, end: number): void;
  /** Sends text and bytes that belong together, with one system call where possible. */
  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void;
  /**
   * Bytes written that the system has not taken yet. Whenever it was above 0 and is 0 again, `onDrain`
   * follows, after the call that wrote has returned; where it was 0 all along, it may come too.
   */
  readonly pendingBytes: number;
  /** Bytes the peer has not taken, as exactly as is known: a stalled peer leaves it unchanged. */
  unsentBytes(): number;
  /** No more `onBytes` until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is pending, then says that nothing more comes. Reading goes on. */
  end(): void;
  /** Closes at once; what is pending is lost. No callback follows. */
  destroy(): void;
  /** Like `destroy`, and tells the peer that the end was not a proper one (TCP reset). */
  reset(): void;
}

/**
 * Whoever owns a stream hears of it by these calls; none comes after `onClose`, or after `crashed`,
 * which is called where one of them threw.
 */
export interface StreamOwner extends Contained {
  /** The stream is open; only for streams that the core opened. */
  onOpen(nowMs: number): void;
  /** Bytes came: valid during the call only. */
  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void;
  /** All that was written has been taken by the system. */
  onDrain(nowMs: number): void;
  /** The peer sends nothing more. */
  onEnd(nowMs: number): void;
  /** The stream is gone. */
  onClose(cause: CloseCause, nowMs: number): void;
}

/** Owns what nobody owns yet, or any more. */
export const NOBODY: StreamOwner = {
  onOpen() {},
  onBytes() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
  crashed() {},
};

/** Why a stream is gone; `closed` is a proper end. The names go into logs. */
export type CloseCause =
  | 'closed'
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'name_not_found'
  | 'tls_failed'
  /** This machine lacked a descriptor, a port or memory for it. */
  | 'shortage'
  | 'failed';

/** Opens streams to servers. */
export interface Connector {
  /** @param preface goes before everything, a TLS handshake too; empty for most */
  connect(address: ServerAddress, owner: StreamOwner, preface: string): Stream;
  /**
   * A number that is another one when a server's name has other addresses than before. The name
   * is looked up anew, in the background, where it is time.
   */
  addressesVersion(address: ServerAddress): number;
  /** Whether a stream leads to an address that the server's name has at present. */
  leadsTo(address: ServerAddress, stream: Stream): boolean;
}
