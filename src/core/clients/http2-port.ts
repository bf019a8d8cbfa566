/**
 * One stream of an HTTP/2 connection, as the core uses it: frames, header compression and flow
 * control are below it. `io/http2` implements it with Node's library.
 */
import type { Contained } from '../../base/contain.ts';
import type { Fields } from '../http2/request.ts';

/** Codes of RFC 9113 §7 that streams are reset with. */
export const RESET = {
  none: 0,
  protocol: 1,
  internal: 2,
  cancel: 8,
} as const;

export interface Http2Port {
  /** Sends an interim response. */
  inform(fields: Fields): void;
  /**
   * Sends the head of the response.
   *
   * @param isEnd nothing follows
   * @param mayHaveTrailers `end` may bring trailers
   */
  respond(fields: Fields, isEnd: boolean, mayHaveTrailers: boolean): void;
  /** Sends a piece of the body, in memory that stays as it is. */
  write(bytes: Buffer): void;
  /** Ends the body, with its last piece and trailers if there are any. */
  end(bytes: Buffer | null, trailers: Fields | null): void;
  /** Ends both directions at once. */
  reset(code: number): void;
  /** No more `received` until `resume`; the client's window closes. */
  pause(): void;
  resume(): void;
  /** Bytes written that the client's window, or the connection, has not let out yet. */
  readonly pendingBytes: number;
}

/**
 * Callbacks for a stream's owner. None comes after `closed`, or after `crashed`, which is called
 * where one of them threw.
 */
export interface Http2PortOwner extends Contained {
  received(bytes: Buffer, nowMs: number): void;
  /** Trailers come before `ended`. */
  receivedTrailers(fields: Fields): void;
  ended(nowMs: number): void;
  /** All that was written is out. */
  drained(nowMs: number): void;
  /**
   * The stream is gone, whether or not it was complete.
   *
   * @param isBroken because the client broke a rule of the protocol
   */
  closed(isBroken: boolean, nowMs: number): void;
}
