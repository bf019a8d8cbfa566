import type { Contained } from '../../base/contain.ts';
import type { Failure } from '../answers/failures.ts';
import type { BodyReader } from '../http1/body.ts';
import type { Fault } from '../http1/faults.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import type { CloseCause } from '../ports/stream.ts';
import type { HeldBody } from './held-body.ts';
import type { PoolSettings } from './settings.ts';

/**
 * The server as an exchange sees it: a connection that carries one exchange at a time, or one
 * stream of a connection that carries several. It encodes requests in its own protocol, watches the
 * server's silence, and reports through `CarriedExchange`.
 *
 * Requests and responses pass through an exchange in HTTP/1.1 form, whatever either side speaks:
 * heads as text or as a `Head`, bodies framed as their heads say.
 */
export interface ServerSide {
  /** Whether it is open and has not failed. */
  readonly isOpen: boolean;
  readonly isClosed: boolean;
  /** Exchanges carried before the present one. */
  readonly reuses: number;
  /** When it went idle, and until when it can be used again. */
  readonly idleSinceMs: number;
  readonly keptUntilMs: number;
  /** Bytes of the request, or of a tunnel, that the system has not taken yet. */
  readonly pendingBytes: number;

  /**
   * Takes over an exchange, and calls its `serverReady` as soon as the connection is open.
   *
   * @param settings of the pool; a reload may have changed them since the last exchange
   */
  carry(exchange: CarriedExchange, settings: PoolSettings, nowMs: number): void;
  /** Sends a request's head, and what came of its body so far. */
  sendRequest(headText: string, body: HeldBody): void;
  /** Sends a piece of the request's body, framing included. */
  sendBody(bytes: Buffer, start: number, end: number): void;
  /** From now on the server must read what is queued for it while a request body flows. */
  expectUpload(nowMs: number): void;
  /** The request is whole: from now on the server's silence counts. */
  expectAnswer(nowMs: number): void;
  /** Reads no more of the response for now. */
  pause(): void;
  resume(): void;
  /** Sends bytes of a tunnel. */
  sendTunnel(bytes: Buffer, start: number, end: number, nowMs: number): void;
  /** The client's direction of a tunnel is over. */
  endTunnel(): void;
  /** Goes idle. @returns false if it cannot carry another request, and is still open */
  rest(nowMs: number): boolean;
  /** Whether the server's name still has the address it was opened to. */
  leadsToServer(): boolean;
  /** Ends it at once; no callback follows. */
  destroy(): void;
}

/** An exchange as the server's side sees it. */
export interface CarriedExchange extends Contained {
  readonly method: string;
  /** Whether the present attempt is the trial of a half-open breaker. */
  readonly isTrial: boolean;
  readonly asksUpgrade: boolean;
  /** The whole request has been handed over. */
  readonly requestIsSent: boolean;
  /** The response is an event stream. */
  readonly isStream: boolean;
  /** Whether the server is held back because the client does not take the response. */
  readonly isHeldByClient: boolean;
  readonly responseBody: BodyReader;

  /** The server is ready for the request. */
  serverReady(nowMs: number): void;
  /** The server took all that was pending. */
  serverDrained(): void;
  /** An interim response: 100, 102, 103 or one that is not known yet. */
  serverInformed(head: Head): void;
  /** The head of the final response; readable during the call. */
  serverAnswered(head: Head, framing: Framing, nowMs: number): void;
  /** Bytes that follow a response's head. @returns where the body's bytes end */
  serverSent(bytes: Buffer, start: number, end: number): number;
  /** A piece of an event stream came. */
  streamed(nowMs: number): void;
  /** The response is complete. */
  serverCompleted(nowMs: number): void;
  /** The attempt failed; the connection is already gone. */
  serverFailed(
    failure: Failure,
    fault: Fault | undefined,
    hadBegunToAnswer: boolean,
    nowMs: number,
  ): void;
  /** The server agreed to another protocol: what follows goes through the tunnel. RFC 9110 §7.8. */
  serverUpgraded(head: Head, nowMs: number): void;
  tunnelSent(bytes: Buffer, start: number, end: number): void;
  /** The server's direction of the tunnel is over. */
  tunnelEnded(nowMs: number): void;
  /** The server's connection is gone. */
  tunnelClosed(cause: CloseCause, nowMs: number): void;
  /** Neither end has sent or taken anything for `timeout.stream`. */
  tunnelSilent(nowMs: number): void;
}
