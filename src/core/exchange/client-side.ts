import type { Contained } from '../../base/contain.ts';
import type { Answer } from '../answers/answers.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { PayloadSink } from '../http1/body.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';

/**
 * The client as an exchange sees it: an HTTP/1 connection, or one stream of an HTTP/2 connection.
 * It takes an exchange for its request and encodes the response in its own protocol. Heads are
 * readable only during the call, except in `sendHead`.
 */
export interface ClientSide extends PayloadSink, Contained {
  readonly info: ClientInfo;
  /** Whether it takes chunked bodies unframed, through `payload`. */
  readonly takesPayload: boolean;
  /** Response bytes that the client has not taken yet. */
  readonly pendingBytes: number;
  /** Sends a 100 of our own: the client is asked for its body. */
  sendContinue(): void;
  /** Sends a 1xx response other than 101. */
  sendInterim(head: Head): void;
  /**
   * Sends the head of the response. It may be held until `flush`, to go out together with the start
   * of the body; the head's bytes must not change until then.
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
  /** Writes out a head held by `sendHead`. */
  flush(): void;
  /** Sends the 101 response: from now on the exchange tunnels bytes both ways. */
  sendUpgrade(head: Head, sessionLines: string): void;
  /** Ends an incomplete response so that the client notices. */
  breakOff(): void;
  /** Stops reading the request's body until `resumeBody`. */
  pauseBody(): void;
  resumeBody(): void;
  /** Sends bytes of a tunnel. */
  sendTunnel(bytes: Buffer, start: number, end: number): void;
  /** Ends our direction of the tunnel. */
  endTunnel(): void;
  /** The exchange is completely over and may serve the client's next request. */
  exchangeOver(nowMs: number): void;
}
