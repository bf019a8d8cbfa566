/** One stream of a client's HTTP/2 connection: a request and its response. */
import { Timer, type TimerOwner } from '../../base/wheel.ts';
import { type Answer, answerBody, answerTo } from '../answers/answers.ts';
import type { Failure } from '../answers/failures.ts';
import type { ClientSide } from '../exchange/client-side.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import { startExchange } from '../exchange/phases.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { Fault } from '../http1/faults.ts';
import { BODY, type Framing, frameRequest } from '../http1/framing.ts';
import { type Head, readRequestHead } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { type Fields, http1Head, trailerLines } from '../http2/request.ts';
import { pushLines, responseFields } from '../http2/response.ts';
import type { Route } from '../routes/route.ts';
import { type Http2Port, type Http2PortOwner, RESET } from './http2-port.ts';
import { Pace } from './pace.ts';

const CRLF = Buffer.from('\r\n');
const WEBSOCKET_KEY_BYTES = 16;

export class Http2ClientStream implements ClientSide, Http2PortOwner, TimerOwner {
  readonly info: ClientInfo;
  readonly takesPayload = true;
  /** Its request was refused because it came too early. */
  isHasty = false;
  readonly #exchanges: Exchanges;
  readonly #engine: Engine;
  readonly #port: Http2Port;
  readonly #route: Route;
  readonly #timer: Timer;
  readonly #onOver: (stream: Http2ClientStream) => void;
  #exchange: Exchange | null = null;
  #isHead = false;
  /** The response has no content, whatever its server sent (RFC 9110 §15.3.6). */
  #isBare = false;
  #isWebSocket = false;
  #trailers = '';
  #requestHasEnded = false;
  #responseHasEnded = false;
  #isPaused = false;
  #isClosed = false;
  /** A head that waits for the first piece of its body, to know whether there is one. */
  #fields: string[] | null = null;
  #mayHaveTrailers = false;
  /** The last piece so far, which may go out with the end. */
  #piece: Buffer | null = null;
  readonly #pace: Pace;
  #bodyBytes = 0;
  #writtenBytes = 0;
  /** The timer runs for what the client has to take, and not for what it has to send. */
  #isTaking = false;

  /** @param onOver called once, when nothing more will happen on the stream */
  constructor(
    exchanges: Exchanges,
    route: Route,
    clientInfo: ClientInfo,
    port: Http2Port,
    onOver: (stream: Http2ClientStream) => void,
  ) {
    this.#onOver = onOver;
    const { engine } = exchanges;
    this.#exchanges = exchanges;
    this.#engine = engine;
    this.#route = route;
    this.info = clientInfo;
    this.#port = port;
    this.#timer = new Timer(engine.wheel, this);
    this.#pace = new Pace(this.#timer);
  }

  get pendingBytes(): number {
    return this.#isClosed ? 0 : this.#port.pendingBytes;
  }

  /** Takes the request that opened the stream. */
  begin(fields: Fields, isEnd: boolean, nowMs: number): void {
    const engine = this.#engine;
    const written = http1Head(fields, !isEnd, () => webSocketKey(engine));
    if (written === undefined) return this.#refuseMalformed(nowMs);
    this.#isWebSocket = written.isWebSocket;
    this.#isHead = written.text.startsWith('HEAD ');
    this.#requestHasEnded = isEnd;
    this.#pace.bodyBegins(nowMs);
    const head = engine.requestHead;
    const bytes = Buffer.from(written.text, 'latin1');
    const { headLimits } = this.#route.policy;
    const upTo = readRequestHead(head, bytes, 0, bytes.length, headLimits);
    if (upTo <= 0) return this.#refuse(upTo === 0 ? 'head_too_large' : head.fault, nowMs);
    const framing = engine.requestFraming;
    const fault = frameRequest(head, framing);
    if (fault !== undefined) return this.#refuse(fault, nowMs);
    // The length is that of the DATA frames (§8.1.1).
    if (isEnd && framing.body !== BODY.none) return this.#refuseMalformed(nowMs);
    this.#exchange = this.#exchanges.take(this);
    startExchange(this.#exchange, head, framing, this.#route, nowMs);
    if (this.#exchange === null) return;
    if (!isEnd) this.#watch(nowMs);
    else if (this.#isWebSocket) this.abort('client_gone', nowMs);
  }

  received(bytes: Buffer, nowMs: number): void {
    this.#bodyBytes += bytes.length;
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.tunnel !== null) exchange.tunnel.fromClient(bytes, 0, bytes.length, nowMs);
    else if (exchange.requestBody.kind !== BODY.chunked) {
      const taken = exchange.clientSent(bytes, 0, bytes.length, nowMs);
      if (taken < bytes.length) return this.#breakRequest(nowMs);
    } else if (bytes.length > 0) {
      const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1');
      const chunk = Buffer.concat([size, bytes, CRLF]);
      exchange.clientSent(chunk, 0, chunk.length, nowMs);
    }
    this.#watch(nowMs);
  }

  receivedTrailers(fields: Fields): void {
    const lines = trailerLines(fields);
    if (lines === undefined) this.#breakRequest(this.#engine.clock.nowMs());
    else this.#trailers = lines;
  }

  ended(nowMs: number): void {
    this.#requestHasEnded = true;
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.tunnel !== null) return exchange.tunnel.clientEnded(nowMs);
    const body = exchange.requestBody;
    if (body.kind === BODY.chunked) {
      const end = Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1');
      exchange.clientSent(end, 0, end.length, nowMs);
      if (body.fault !== undefined) return exchange.clientFailed(body.fault, nowMs);
    } else if (this.#isWebSocket && !exchange.responseHasBegun) {
      // Nobody asks for a tunnel into which it could say nothing.
      return this.abort('client_gone', nowMs);
    } else if (!body.done && !this.#isWebSocket) return this.#breakRequest(nowMs);
    this.#watch(nowMs);
  }

  drained(nowMs: number): void {
    this.#watch(nowMs);
    this.#exchange?.clientDrained();
  }

  closed(isBroken: boolean, nowMs: number): void {
    if (this.#isClosed) return;
    this.#close();
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.tunnel !== null && this.#requestHasEnded) exchange.tunnel.clientEnded(nowMs);
    this.#exchange?.clientGone(isBroken ? 'malformed_http2' : 'client_gone', nowMs);
  }

  /** Ends at once, whatever is under way. */
  abort(failure: Failure, nowMs: number, code: number = RESET.cancel): void {
    const exchange = this.#exchange;
    try {
      this.#reset(code);
    } finally {
      exchange?.clientGone(failure, nowMs);
    }
  }

  crashed(nowMs: number): void {
    this.abort('internal_error', nowMs, RESET.internal);
  }

  sendInterim(head: Head): void {
    if (!this.#isClosed) this.#port.inform(responseFields(head, head.status));
  }

  sendContinue(): void {
    if (!this.#isClosed) this.#port.inform([':status', '100']);
  }

  sendHead(head: Head, framing: Framing, sessionLines: string): void {
    // To a WebSocket any 2xx would say that it is open (RFC 8441 §5).
    const isMisleading = this.#isWebSocket && head.status >= 200 && head.status < 300;
    const fields = responseFields(head, isMisleading ? 502 : head.status);
    if (!head.has(NAME.date)) pushLines(fields, this.#engine.dateLine());
    pushLines(fields, sessionLines + this.info.linesForResponse(head));
    this.#fields = fields;
    this.#isBare = head.status === 205;
    this.#mayHaveTrailers = framing.body === BODY.chunked && !this.#isBare;
  }

  payload(bytes: Buffer, start: number, end: number): void {
    if (this.#isClosed || this.#isBare) return;
    this.#writeOut();
    this.#piece = Buffer.from(bytes.subarray(start, end));
  }

  /** Never called: `takesPayload`. */
  sendBody(bytes: Buffer, start: number, end: number): void {
    this.payload(bytes, start, end);
  }

  sendEnd(trailers: string): void {
    this.#responseHasEnded = true;
    if (this.#isClosed) return;
    const fields: string[] = [];
    if (!this.#isBare) pushLines(fields, trailers);
    const isEmpty = this.#piece === null && fields.length === 0;
    if (isEmpty && this.#fields !== null) this.#respond(true);
    else {
      if (this.#fields !== null) this.#respond(false);
      this.#writtenBytes += this.#piece?.length ?? 0;
      this.#port.end(this.#piece, fields.length === 0 ? null : fields);
      this.#piece = null;
    }
    this.#watch(this.#engine.clock.nowMs());
  }

  sendAnswer(answer: Answer): void {
    const { status, headerLines } = answer;
    this.#responseHasEnded = true;
    if (this.#isClosed) return;
    this.#fields = null;
    this.#piece = null;
    const body = answerBody(answer);
    const fields = [
      ...[':status', String(status), 'content-type', 'text/plain; charset=utf-8'],
      ...['content-length', String(body.length), 'cache-control', 'no-store'],
    ];
    pushLines(fields, this.#engine.dateLine() + headerLines + this.info.responseLines);
    this.#port.respond(fields, this.#isHead, false);
    if (!this.#isHead) {
      this.#writtenBytes += body.length;
      this.#port.end(Buffer.from(body, 'latin1'), null);
    }
    this.#watch(this.#engine.clock.nowMs());
  }

  flush(): void {
    // The end follows in the same turn, and takes head and last piece along. A head without content
    // waits for it: it ends the stream, before it is known whether the server's answer is whole.
    if (this.#isBare || this.#exchange?.responseBody.done) return;
    this.#writeOut();
    if (this.pendingBytes > 0) this.#watch(this.#engine.clock.nowMs());
  }

  sendUpgrade(head: Head, sessionLines: string): void {
    const exchange = this.#exchange!;
    const fields = responseFields(head, 200);
    pushLines(fields, sessionLines);
    this.#port.respond(fields, false, false);
    this.#timer.clear();
    if (this.#requestHasEnded) exchange.tunnel!.clientEnded(this.#engine.clock.nowMs());
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    if (this.#isClosed) return;
    this.#writtenBytes += end - start;
    this.#port.write(Buffer.from(bytes.subarray(start, end)));
    this.#watch(this.#engine.clock.nowMs());
  }

  endTunnel(): void {
    this.#responseHasEnded = true;
    if (!this.#isClosed) this.#port.end(null, null);
  }

  breakOff(): void {
    this.#reset(this.#responseHasEnded ? RESET.none : RESET.internal);
  }

  pauseBody(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#port.pause();
    const nowMs = this.#engine.clock.nowMs();
    this.#pace.bodyPaused(nowMs);
    this.#watch(nowMs);
  }

  resumeBody(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#port.resume();
    const nowMs = this.#engine.clock.nowMs();
    this.#pace.bodyResumed(nowMs);
    this.#watch(nowMs);
  }

  exchangeOver(): void {
    const exchange = this.#exchange!;
    this.#exchange = null;
    this.isHasty = exchange.waitMs > 0;
    this.#exchanges.giveBack(exchange);
    if (this.#isClosed) return;
    // What else the client sends is for nobody; windows stay open for the streams beside it.
    if (!this.#requestHasEnded && this.#responseHasEnded) {
      if (this.#isPaused) this.#port.resume();
      this.#isPaused = false;
      if (this.#port.pendingBytes === 0) this.#reset(RESET.none);
    }
  }

  onTimer(nowMs: number): void {
    const unsentBytes = this.pendingBytes;
    if (unsentBytes > 0) {
      const written = this.#writtenBytes;
      const failure = this.#pace.takingFailure(unsentBytes, written, this.#route.policy, nowMs);
      if (failure !== '') this.abort(failure, nowMs);
    } else if (this.#exchange?.requestBody.done === false) {
      this.#exchange.clientFailed(this.#pace.bodyFailure(nowMs), nowMs);
    }
  }

  /** Sets the time in which the client has to take, or send, something. */
  #watch(nowMs: number): void {
    if (this.#isClosed) return;
    const pending = this.#port.pendingBytes;
    const exchange = this.#exchange;
    const wasTaking = this.#isTaking;
    this.#isTaking = pending > 0;
    if (pending > 0) {
      // The time of the first look stands, whatever is added.
      if (wasTaking) this.#pace.grew();
      else this.#pace.expectTaking(pending, this.#writtenBytes, this.#route.policy, nowMs);
    } else if (exchange !== null && exchange.tunnel === null && !exchange.requestBody.done) {
      if (this.#isPaused) this.#timer.clear();
      else this.#pace.expectBody(this.#bodyBytes, this.#route.policy, nowMs);
    } else this.#timer.clear();
    if (pending === 0 && exchange === null && !this.#requestHasEnded && this.#responseHasEnded) {
      this.#reset(RESET.none);
    }
  }

  #respond(isEnd: boolean): void {
    const fields = this.#fields!;
    this.#fields = null;
    this.#port.respond(fields, isEnd, !isEnd && this.#mayHaveTrailers);
  }

  #writeOut(): void {
    if (this.#fields !== null) this.#respond(false);
    if (this.#piece === null) return;
    this.#writtenBytes += this.#piece.length;
    this.#port.write(this.#piece);
    this.#piece = null;
  }

  /** Answers a request that was never one. */
  #refuse(fault: Fault, nowMs: number): void {
    const answer = answerTo(fault);
    this.sendAnswer(answer);
    this.#engine.refused(this.info, fault, answer.status, nowMs);
  }

  /** §8.1.1: a malformed request is a stream error. */
  #refuseMalformed(nowMs: number): void {
    this.#reset(RESET.protocol);
    this.#engine.refused(this.info, 'malformed_http2', 400, nowMs);
  }

  /** The request's body is not what its head said. */
  #breakRequest(nowMs: number): void {
    const exchange = this.#exchange;
    this.#reset(RESET.protocol);
    exchange?.clientGone('malformed_http2', nowMs);
  }

  #reset(code: number): void {
    if (this.#isClosed) return;
    this.#close();
    this.#port.reset(code);
  }

  #close(): void {
    this.#isClosed = true;
    this.#fields = null;
    this.#piece = null;
    this.#timer.dispose();
    this.#onOver(this);
  }
}

/** RFC 6455 §4.1; nobody but the server looks at it, and what it makes of it stops here. */
function webSocketKey({ random }: Engine): string {
  return Buffer.from(
    Uint8Array.from({ length: WEBSOCKET_KEY_BYTES }, () => random() * 256),
  ).toString('base64');
}
