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
  /** An interim response. */
  inform(fields: Fields): void;
  /**
   * The head of the response.
   *
   * @param isEnd nothing follows
   * @param mayHaveTrailers `end` may bring trailers
   */
  respond(fields: Fields, isEnd: boolean, mayHaveTrailers: boolean): void;
  /** A piece of the body, in memory that stays as it is. */
  write(bytes: Buffer): void;
  /** The end of the body, with its last piece and trailers where there are. */
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
 * Whoever owns a stream hears of it by these calls; none comes after `closed`, or after `crashed`,
 * which is called where one of them threw.
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
