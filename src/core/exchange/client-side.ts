import type { Contained } from '../../base/contain.ts';
import type { Answer } from '../answers/answers.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { PayloadSink } from '../http1/body.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';

/**
 * The client as an exchange sees it: an HTTP/1 connection, or one stream of an HTTP/2 connection.
 * It took the exchange for its request and encodes the response in its own protocol. Heads are
 * readable during the call only, except for `sendHead`.
 */
export interface ClientSide extends PayloadSink, Contained {
  readonly via: ClientInfo;
  /** Whether it takes a chunked body without its framing, through `payload`. */
  readonly takesPayload: boolean;
  /** Response bytes that the client has not taken yet. */
  readonly pendingBytes: number;
  /** Sends a 100 of our own: the client is asked for its body. */
  sendContinue(): void;
  /** Sends a 1xx response other than 101. */
  sendInterim(head: Head): void;
  /**
   * Sends the head of the response. It may be kept back until `flush`, so that it goes out together
   * with the first piece of the body; until then the head's bytes stay as they are.
   *
   * @param sessionLines header lines that session persistence adds, each with its CRLF; or ''
   */
  sendHead(head: Head, framing: Framing, sessionLines: string): void;
  /** Sends a piece of the body, framed as its server framed it. */
  sendBody(bytes: Buffer, start: number, end: number): void;
  /**
   * Ends the body.
   *
   * @param trailers header lines, each with its CRLF
   * @param heldEnd whether the trailers and the empty line that end a chunked body are still to be
   *   written
   */
  sendEnd(trailers: string, heldEnd: boolean): void;
  /** Sends an answer of our own, head and body. */
  sendAnswer(answer: Answer): void;
  /** Writes out a head that `sendHead` kept back. */
  flush(): void;
  /** Sends the 101 response: from now on bytes go both ways through the exchange's tunnel. */
  sendUpgrade(head: Head, sessionLines: string): void;
  /** Ends a response that cannot be completed so that the client notices. */
  breakOff(): void;
  /** Reads no more of the request's body until `resumeBody`. */
  pauseBody(): void;
  resumeBody(): void;
  /** Sends bytes of a tunnel. */
  sendTunnel(bytes: Buffer, start: number, end: number): void;
  /** Says that nothing more comes through the tunnel. */
  endTunnel(): void;
  /** The exchange is over in all its parts; it may serve the client's next request. */
  exchangeOver(nowMs: number): void;
}
