import { type Answer, answerText } from '../answers/answers.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import {
  forwardedInformational,
  forwardedResponse,
  TRANSFER,
  type Transfer,
} from '../forward/response-head.ts';
import { BODY, type Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { Stream } from '../ports/stream.ts';

/**
 * How much of a request body nobody wants is read, so that the connection can be kept. If more is
 * missing the response says that the connection ends: a client that learned it from the end alone
 * may have sent its next request by then.
 */
export const DISCARD_BYTES_MAX = 256 * 1024;

/**
 * Encodes the responses of one connection for an HTTP/1 client, and decides whether each may be
 * followed by another (RFC 9112 §9.3). A server's response goes on as it came wherever that is
 * possible: its head is not rebuilt, and leaves in one write with the first piece of the body.
 */
export class Http1Writer {
  /** Whether another request may follow; the response's head says so. */
  keepsAlive = true;
  readonly #stream: Stream;
  readonly #info: ClientInfo;
  readonly #engine: Pick<Engine, 'dateLine'>;
  #isHttp10 = false;
  #transfer: Transfer = TRANSFER.asIs;
  /** A head that waits for the first piece of its body, so that both go in one write. */
  #head: Head | null = null;
  /** Its first part; the rest, from `tailStart` on, is sent as it lies. */
  #headText = '';

  constructor(stream: Stream, clientInfo: ClientInfo, engine: Pick<Engine, 'dateLine'>) {
    this.#stream = stream;
    this.#info = clientInfo;
    this.#engine = engine;
  }

  /** A request begins that asks for HTTP/1.0 or 1.1. */
  begin(isHttp10: boolean, keepsAlive: boolean): void {
    this.#isHttp10 = isHttp10;
    this.keepsAlive = keepsAlive;
  }

  /** Whether a chunked body has to come without its chunks. */
  get takesPayload(): boolean {
    return this.#transfer === TRANSFER.unchunk;
  }

  /** Whether the client can tell that a body was cut short if the connection ends in good order. */
  get isDelimited(): boolean {
    return this.#transfer !== TRANSFER.unchunk && !this.#isHttp10;
  }

  /** Writes a 1xx response; HTTP/1.0 knows none. */
  interim(head: Head): void {
    if (!this.#isHttp10) this.#stream.writeText(forwardedInformational(head, ''));
  }

  /** Writes a 101. */
  upgrade(head: Head, sessionLines: string): void {
    this.#stream.writeText(forwardedInformational(head, sessionLines));
  }

  /** See `ClientSide.sendHead`. */
  head(
    head: Head,
    framing: Framing,
    sessionLines: string,
    { requestBody, expectsContinue }: Exchange,
  ): void {
    let transfer: Transfer = TRANSFER.asIs;
    if (framing.body === BODY.untilClose) {
      if (this.#isHttp10) this.keepsAlive = false;
      else transfer = TRANSFER.chunk;
    } else if (this.#isHttp10 && head.has(NAME.transferEncoding)) {
      // Not even HEAD may tell it of a coding that it does not know (RFC 9112 §6.1).
      transfer = TRANSFER.unchunk;
      this.keepsAlive = false;
    }
    this.#transfer = transfer;
    // The client may never send the body that the server did not wait for.
    if (!requestBody.done && (!framing.keepAlive || expectsContinue)) this.keepsAlive = false;
    // A chunked body may be one half of a conversation, which goes on behind this head.
    const { kind, missingBytes } = requestBody;
    if (kind === BODY.length && missingBytes > DISCARD_BYTES_MAX) this.keepsAlive = false;
    let added = this.#connectionLine + sessionLines + this.#info.linesForResponse(head);
    if (!head.has(NAME.date)) added += this.#engine.dateLine();
    if (transfer === TRANSFER.chunk) added += 'Transfer-Encoding: chunked\r\n';
    this.#headText = forwardedResponse(head, transfer, added);
    this.#head = head;
  }

  body(bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (this.#transfer === TRANSFER.chunk) {
      this.flush();
      stream.writeTextAndBytes(`${(end - start).toString(16)}\r\n`, bytes, start, end);
      stream.writeText('\r\n');
    } else if (this.#head === null) stream.writeBytes(bytes, start, end);
    else if (this.#head.bytes === bytes && this.#head.end === start) {
      const from = this.#head.tailStart;
      this.#head = null;
      if (this.#headText === '') stream.writeBytes(bytes, from, end);
      else stream.writeTextAndBytes(this.#headText, bytes, from, end);
    } else {
      this.flush();
      stream.writeBytes(bytes, start, end);
    }
  }

  /** See `ClientSide.sendEnd`. */
  end(trailers: string, heldEnd: boolean): void {
    if (this.#transfer === TRANSFER.chunk) {
      this.flush();
      this.#stream.writeText('0\r\n\r\n');
    } else if (heldEnd && this.#transfer === TRANSFER.asIs) {
      this.flush();
      this.#stream.writeText(`${trailers}\r\n`);
    }
  }

  /** Writes out a head that was kept back. */
  flush(): void {
    const head = this.#head;
    if (head === null) return;
    this.#head = null;
    if (this.#headText === '') this.#stream.writeBytes(head.bytes, head.tailStart, head.end);
    else this.#stream.writeTextAndBytes(this.#headText, head.bytes, head.tailStart, head.end);
  }

  /** Writes an answer of our own to a request that became an exchange. */
  answer(answer: Answer, { requestBody, expectsContinue, method }: Exchange): void {
    if (!requestBody.done && expectsContinue) this.keepsAlive = false;
    if (requestBody.missingBytes > DISCARD_BYTES_MAX) this.keepsAlive = false;
    // What follows a request that was refused whole, or a CONNECT, may be meant for somebody else.
    const { status } = answer;
    if (status === 400 || status === 408 || method === 'CONNECT') this.keepsAlive = false;
    // A peer that is not let in will not be for its next request.
    if (answer.code === 'address_denied' && !this.#info.peerIsTrusted) this.keepsAlive = false;
    this.#write(answer, method === 'HEAD');
  }

  /** Writes the last answer of the connection: what came is no request. */
  refusal(answer: Answer, isHead: boolean): void {
    this.keepsAlive = false;
    this.#write(answer, isHead);
  }

  #write(answer: Answer, isHead: boolean): void {
    this.#head = null;
    this.#transfer = TRANSFER.asIs;
    const lines = this.#connectionLine + this.#info.responseLines;
    this.#stream.writeText(answerText(answer, isHead, lines, this.#engine.dateLine()));
  }

  get #connectionLine(): string {
    if (!this.keepsAlive) return 'Connection: close\r\n';
    return this.#isHttp10 ? 'Connection: keep-alive\r\n' : '';
  }
}
