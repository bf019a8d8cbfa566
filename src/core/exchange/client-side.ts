import type { Contained } from '../../base/contain.ts';
import type { Answer } from '../answers/answers.ts';
import type { Via } from '../forward/forward.ts';
import type { PayloadSink } from '../http1/body.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import type { Exchange } from './exchange.ts';

/**
 * The client as an exchange sees it: an HTTP/1 connection, or one stream of an HTTP/2 connection.
 * It encodes what it is given in its own protocol.
 */
export interface ClientSide extends PayloadSink, Contained {
  readonly via: Via;
  /** Whether it wants a chunked body without its framing, through `payload`. */
  readonly takesPayload: boolean;
  /** Response bytes that the client has not taken yet. */
  readonly pendingBytes: number;
  /** A 100 of our own: the client is to send its body. */
  sendContinue(): void;
  /** A 1xx response other than 101. */
  sendInterim(head: Head): void;
  /** The head of the response; bytes of its body may follow in the same turn. */
  sendHead(head: Head, framing: Framing, exchange: Exchange): void;
  /** A piece of the body, as the server sent it. */
  sendBody(bytes: Buffer, start: number, end: number): void;
  /** The body is complete; `trailers` are header lines, and `heldEnd` says they are to be sent. */
  sendEnd(trailers: string, heldEnd: boolean): void;
  /** An answer of our own, head and body. */
  sendAnswer(answer: Answer, exchange: Exchange): void;
  /** Writes out what `sendHead` has kept back in the hope of a body. */
  flush(): void;
  /** The 101 response: from now on bytes go both ways through the exchange's tunnel. */
  sendUpgrade(head: Head, exchange: Exchange): void;
  /** The response cannot be completed, and the client must see that. */
  breakOff(): void;
  /** No more request body for now. */
  pauseBody(): void;
  resumeBody(): void;
  /** Bytes of a tunnel. */
  sendTunnel(bytes: Buffer, start: number, end: number): void;
  endTunnel(): void;
  /** The exchange is over in all its parts and will be used for the next request. */
  exchangeOver(exchange: Exchange, nowMs: number): void;
}
