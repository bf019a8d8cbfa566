/**
 * What the core needs from outside: byte streams and a way to open one. `io/` implements it on real
 * sockets, `sim/` on a simulated network; the core cannot tell which.
 */
import type { Contained } from '../../base/contain.ts';
import type { ServerAddress } from './server-address.ts';

/** One connection, as the core writes to it. */
export interface Stream {
  /** Sends text as latin1. */
  writeText(text: string): void;
  /** Sends bytes; the caller may reuse them as soon as `StreamOwner.onBytes` has returned. */
  writeBytes(bytes: Buffer, start: number, end: number): void;
  /** Sends text and bytes that belong together, with one system call where possible. */
  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void;
  /**
   * Bytes written that the system has not taken yet. When it returns to 0, `onDrain` follows, after
   * the writing call has returned; `onDrain` may also come when it was 0 all along.
   */
  readonly pendingBytes: number;
  /** Bytes the peer has not acknowledged, as far as known: unchanged while the peer stalls. */
  unsentBytes(): number;
  /** No more `onBytes` until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is pending, then says that nothing more comes. Reading goes on. */
  end(): void;
  /** Closes at once; what is pending is lost. No callback follows. */
  destroy(): void;
  /** Like `destroy`, but tells the peer that the end was not clean (TCP reset). */
  reset(): void;
}

/**
 * Callbacks for a stream's owner. None follows `onClose`, or `crashed`, which is called when one of
 * them throws.
 */
export interface StreamOwner extends Contained {
  /** The stream is open; only for streams that the core opened. */
  onOpen(nowMs: number): void;
  /** Bytes came: valid during the call only. */
  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void;
  /** The system has taken all that was written. */
  onDrain(nowMs: number): void;
  /** The peer sends nothing more. */
  onEnd(nowMs: number): void;
  /** The stream is gone. */
  onClose(cause: CloseCause, nowMs: number): void;
}

/** The owner of streams without one. */
export const NOBODY: StreamOwner = {
  onOpen() {},
  onBytes() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
  crashed() {},
};

/** Why a stream closed; `closed` is a clean end. The names appear in logs. */
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
   * A number that changes when the addresses of a server's name change. Looks the name up again, in
   * the background, when due.
   */
  addressesVersion(address: ServerAddress): number;
  /** Whether a stream leads to a current address of the server's name. */
  leadsTo(address: ServerAddress, stream: Stream): boolean;
}
