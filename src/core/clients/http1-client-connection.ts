/**
 * One HTTP/1 connection of a client: reads its requests one after the other and answers in order.
 *
 * It is called from three sides: the stream (what the client sends and takes), the timer, and the
 * exchange (what the client is told). The exchange may call before a call to it has returned: an
 * answer of our own, and with it `exchangeOver`, can come from within `startExchange` or
 * `clientSent`. Three rules keep that in order:
 *
 * - Bytes are read in `#consume` alone, which is never entered twice. While it runs
 *   (`#isConsuming`), whoever is called only moves the state on, and its loop does what the new
 *   state asks for; bytes that come meanwhile wait in `#held`.
 * - After any call to the exchange or the stream the state may be another one, `closed` included:
 *   whoever goes on asks for it again.
 * - A connection that ends is `closed` first and tells the exchange then, so that what the exchange
 *   says to that goes nowhere.
 */
import { Timer } from '../../base/wheel.ts';
import { type Answer, answerTo } from '../answers/answers.ts';
import type { Failure } from '../answers/failures.ts';
import type { ClientSide } from '../exchange/client-side.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import { startExchange } from '../exchange/phases.ts';
import type { ClientInfo } from '../forward/client-info.ts';
import type { Fault } from '../http1/faults.ts';
import { BODY, type Framing, frameRequest } from '../http1/framing.ts';
import { FAULTY, type Head, INCOMPLETE, readRequestHead } from '../http1/head.ts';
import { HeadReader } from '../http1/reader.ts';
import type { CloseCause, Stream, StreamOwner } from '../ports/stream.ts';
import type { ClientPolicy } from '../routes/client-policy.ts';
import type { Route } from '../routes/route.ts';
import type { Client } from './client.ts';
import { DISCARD_BYTES_MAX, Http1Writer } from './http1-writer.ts';
import { Linger } from './linger.ts';
import { Pace } from './pace.ts';

const STATE = {
  /** Between requests, or in the middle of a head. */
  head: 0,
  /** A request's body flows. */
  body: 1,
  /** The request is whole, its response is under way. */
  response: 2,
  tunnel: 3,
  /** The response is complete, the rest of the request's body is thrown away. */
  discard: 4,
  /** The last word is written, and the client's end is awaited: see `Linger`. */
  linger: 5,
  closed: 6,
  /** Its requests came too early again and again: the next one is not read for a while. */
  rest: 7,
} as const;

/** Pipelined bytes beyond this wait in the kernel. */
const HELD_BYTES_MAX = 64 * 1024;
/** How many requests in a row that come too early are answered at once; then the connection rests. */
const HASTY_MAX = 3;
const REST_MS_MAX = 1_000;
/**
 * A connection that was opened or used this recently is not closed by a drain yet: its next request
 * may be on its way. RFC 9112 §9.3.1 leaves it to the client to try again, and not all of them do.
 */
const RECENT_MS = 500;

export class Http1ClientConnection implements Client, ClientSide, StreamOwner {
  readonly info: ClientInfo;
  readonly stream: Stream;
  readonly #exchanges: Exchanges;
  readonly #engine: Engine;
  /** The exchange under way, or whose body is still thrown away; idle connections have none. */
  #exchange: Exchange | null = null;
  readonly #reader: HeadReader;
  readonly #writer: Http1Writer;
  readonly #timer: Timer;
  readonly #pace: Pace;
  readonly #onGone: (connection: Http1ClientConnection) => void;
  readonly #route: Route;
  #state: number = STATE.head;
  #clientAskedClose = false;
  #isDraining = false;
  /** Bytes of the next requests, which wait for the present one to end. */
  #held: Buffer | null = null;
  #isConsuming = false;
  #isPaused = false;
  #hasEnded = false;
  #headDeadlineMs = 0;
  #idleSinceMs: number;
  #discardedBytes = 0;
  /** The end of the connection, once its last word was written. */
  #linger: Linger | null = null;
  /** Requests in a row that came too early. */
  #hasty = 0;

  /** @param onGone called once, when the connection is over */
  constructor(
    exchanges: Exchanges,
    route: Route,
    stream: Stream,
    clientInfo: ClientInfo,
    nowMs: number,
    onGone: (connection: Http1ClientConnection) => void,
  ) {
    const { engine } = exchanges;
    this.#exchanges = exchanges;
    this.#engine = engine;
    this.#route = route;
    this.stream = stream;
    this.info = clientInfo;
    this.#onGone = onGone;
    this.#reader = new HeadReader(engine.requestHead, readRequestHead, route.policy.headLimits);
    this.#writer = new Http1Writer(stream, clientInfo, engine);
    this.#timer = new Timer(engine.wheel, this);
    this.#pace = new Pace(this.#timer);
    this.#idleSinceMs = nowMs;
    this.#timer.set(nowMs + this.#policy.idleMs);
  }

  get #policy(): ClientPolicy {
    return this.#route.policy;
  }

  get takesPayload(): boolean {
    return this.#writer.takesPayload;
  }

  get pendingBytes(): number {
    return this.stream.pendingBytes;
  }

  idleMs(nowMs: number): number {
    return this.#isIdle ? nowMs - this.#idleSinceMs : -1;
  }

  dismiss(): void {
    if (this.#isIdle) this.#close();
  }

  get #isIdle(): boolean {
    return this.#state === STATE.head && !this.#reader.isPartial && this.#held === null;
  }

  /** Closes when the present request, if there is one, has been answered; tunnels go on. */
  drain(): void {
    this.#isDraining = true;
    if (!this.#isIdle) return;
    const nowMs = this.#engine.clock.nowMs();
    if (nowMs - this.#idleSinceMs < RECENT_MS) this.#timer.set(this.#idleSinceMs + RECENT_MS);
    else this.#closeWhenSent(nowMs);
  }

  /** Closes at once, whatever is under way. */
  abort(nowMs: number): void {
    if (this.#exchange?.isActive) this.#abandon('drained', nowMs);
    else this.#close();
  }

  crashed(nowMs: number): void {
    const exchange = this.#exchange;
    if (this.#state !== STATE.closed) this.#leave();
    try {
      if (exchange?.isActive) exchange.clientGone('internal_error', nowMs);
    } finally {
      this.stream.reset();
    }
  }

  onOpen(): void {}

  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (this.#held !== null || this.#isConsuming) this.#hold(bytes, start, end);
    else this.#consume(bytes, start, end, nowMs);
  }

  onDrain(nowMs: number): void {
    if (this.#state === STATE.response || this.#state === STATE.tunnel) this.#timer.clear();
    else if (this.#state === STATE.body) {
      if (!this.#isPaused) this.#expectBody(nowMs);
    } else if (this.#state === STATE.head && this.#headDeadlineMs === 0) {
      this.#timer.set(nowMs + (this.#isDraining ? RECENT_MS : this.#policy.idleMs));
    } else if (this.#state === STATE.linger && this.stream.pendingBytes === 0) {
      if (this.#hasEnded) this.#close();
      else this.#linger?.sent(nowMs);
      return;
    }
    this.#exchange?.clientDrained();
  }

  onEnd(nowMs: number): void {
    this.#hasEnded = true;
    switch (this.#state) {
      case STATE.head:
        if (this.#held === null) this.#closeWhenSent(nowMs);
        break;
      case STATE.body:
        this.#abandon('client_gone', nowMs);
        break;
      case STATE.response:
        // Half-closed: its request is whole and gets its answer. But nobody listens to an event
        // stream without keeping the connection whole, and who leaves while it waits for its turn
        // is most likely a person who has had enough: it would only make all others wait longer.
        // Nor does anybody ask for a tunnel into which it could say nothing.
        if (
          this.#exchange!.isStream ||
          this.#exchange!.isQueued ||
          (this.#exchange!.asksUpgrade && !this.#exchange!.responseHasBegun)
        ) {
          this.#abandon('client_gone', nowMs);
        }
        break;
      case STATE.tunnel:
        this.#exchange!.tunnel!.clientEnded(nowMs);
        break;
      case STATE.linger:
        if (this.stream.pendingBytes === 0) this.#close();
        break;
      case STATE.rest:
        break;
      default:
        this.#closeWhenSent(nowMs);
    }
  }

  onClose(cause: CloseCause, nowMs: number): void {
    if (this.#state === STATE.closed) return;
    const wasTunnel = this.#state === STATE.tunnel;
    this.#leave();
    if (!this.#exchange?.isActive) return;
    if (wasTunnel && cause === 'closed') this.#exchange.tunnel!.clientEnded(nowMs);
    else this.#exchange.clientGone('client_gone', nowMs);
  }

  sendContinue(): void {
    this.stream.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  sendInterim(head: Head): void {
    this.#writer.interim(head);
  }

  sendHead(head: Head, framing: Framing, sessionLines: string): void {
    if (this.#isDraining) this.#writer.keepsAlive = false;
    this.#writer.head(head, framing, sessionLines, this.#exchange!);
  }

  sendBody(bytes: Buffer, start: number, end: number): void {
    this.#writer.body(bytes, start, end);
    if (this.stream.pendingBytes > 0) this.#expectDrain();
  }

  payload(bytes: Buffer, start: number, end: number): void {
    this.sendBody(bytes, start, end);
  }

  sendEnd(trailers: string, heldEnd: boolean): void {
    this.#writer.end(trailers, heldEnd);
  }

  flush(): void {
    this.#writer.flush();
  }

  sendAnswer(answer: Answer): void {
    if (this.#isDraining) this.#writer.keepsAlive = false;
    this.#writer.answer(answer, this.#exchange!);
  }

  sendUpgrade(head: Head, sessionLines: string): void {
    this.#writer.upgrade(head, sessionLines);
    this.#state = STATE.tunnel;
    this.#timer.clear();
    const nowMs = this.#engine.clock.nowMs();
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.resumeBody();
      this.#exchange!.tunnel!.fromClient(held, 0, held.length, nowMs);
    }
    if (this.#hasEnded) this.#exchange!.tunnel!.clientEnded(nowMs);
  }

  breakOff(): void {
    if (this.#state === STATE.closed) return;
    this.#writer.keepsAlive = false;
    // A body that only the close delimits must not end as if it were whole.
    if (this.#state === STATE.tunnel || this.#writer.isDelimited)
      this.#endGently(this.#engine.clock.nowMs());
    else {
      this.#leave();
      this.stream.reset();
    }
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.stream.writeBytes(bytes, start, end);
    if (this.stream.pendingBytes > 0) this.#expectDrain();
  }

  endTunnel(): void {
    this.stream.end();
  }

  pauseBody(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.stream.pause();
    if (this.#state !== STATE.body) return;
    this.#timer.clear();
    this.#pace.bodyPaused(this.#engine.clock.nowMs());
  }

  resumeBody(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.stream.resume();
    if (this.#state !== STATE.body) return;
    const nowMs = this.#engine.clock.nowMs();
    this.#pace.bodyResumed(nowMs);
    this.#expectBody(nowMs);
  }

  exchangeOver(nowMs: number): void {
    if (this.#state === STATE.closed || this.#state === STATE.linger) return;
    const exchange = this.#exchange!;
    if (exchange.status === 499) return this.#close();
    this.#hasty = exchange.waitMs === 0 ? 0 : this.#hasty + 1;
    if (this.#hasty > HASTY_MAX && exchange.requestBody.done && this.#writer.keepsAlive) {
      return this.#rest(exchange.waitMs, nowMs);
    }
    if (!exchange.requestBody.done) {
      if (!this.#writer.keepsAlive) return this.#endGently(nowMs);
      this.#state = STATE.discard;
      this.#discardedBytes = 0;
      this.#timer.set(nowMs + this.#policy.readMs);
      this.resumeBody();
      return;
    }
    this.#next(nowMs);
  }

  /**
   * Reads nothing until the next request would not be refused for its haste as well. Answers cost
   * about half of what they refuse; this bounds how many of them one connection can ask for.
   */
  #rest(waitMs: number, nowMs: number): void {
    this.#state = STATE.rest;
    this.stream.pause();
    this.#isPaused = true;
    this.#timer.set(nowMs + Math.min(waitMs, REST_MS_MAX));
  }

  /** Ready for the next request, or done. */
  #next(nowMs: number): void {
    if (!this.#writer.keepsAlive || this.#isDraining) return this.#finish(nowMs);
    this.#state = STATE.head;
    this.#pace.grew();
    this.#idleSinceMs = nowMs;
    this.#timer.set(nowMs + this.#policy.idleMs);
    // The server may have answered while it still owed us the reading of the body.
    this.resumeBody();
    const held = this.#held;
    if (held === null) {
      this.#giveBackExchange();
      // In the middle of what came there may be another request behind this one.
      if (this.#hasEnded && !this.#isConsuming) this.#closeWhenSent(nowMs);
      return;
    }
    if (this.#isConsuming) return;
    this.#held = null;
    this.#consume(held, 0, held.length, nowMs);
    if (this.#hasEnded && this.#state === STATE.head && this.#held === null) {
      this.#closeWhenSent(nowMs);
    }
  }

  #consume(bytes: Buffer, start: number, end: number, nowMs: number): void {
    let at = start;
    this.#isConsuming = true;
    while (at < end && this.#state !== STATE.closed) {
      switch (this.#state) {
        case STATE.head: {
          const head = this.#engine.requestHead;
          this.#reader.limits = this.#policy.headLimits;
          const upTo = this.#reader.take(bytes, at, end);
          if (upTo === INCOMPLETE) {
            if (this.#reader.isPartial) this.#expectHead(nowMs);
            at = end;
          } else if (upTo === FAULTY) {
            this.#refuse(head.fault, head.method === 'HEAD', nowMs);
          } else {
            bytes = head.bytes;
            end = this.#reader.restEnd;
            at = upTo;
            this.#begin(head, nowMs);
          }
          break;
        }
        case STATE.body: {
          at = this.#exchange!.clientSent(bytes, at, end, nowMs);
          this.#afterBody(nowMs);
          break;
        }
        case STATE.discard:
          at = this.#discard(bytes, at, end, nowMs);
          break;
        case STATE.response:
        case STATE.rest:
          this.#hold(bytes, at, end);
          at = end;
          break;
        case STATE.tunnel:
          this.#exchange!.tunnel!.fromClient(bytes, at, end, nowMs);
          at = end;
          break;
        default:
          this.#linger?.received(end - at);
          at = end;
      }
    }
    this.#isConsuming = false;
  }

  #begin(head: Head, nowMs: number): void {
    const framing = this.#engine.requestFraming;
    const fault = frameRequest(head, framing);
    this.#headDeadlineMs = 0;
    if (fault !== undefined) return this.#refuse(fault, head.method === 'HEAD', nowMs);
    this.#clientAskedClose = !framing.keepAlive;
    this.#writer.begin(head.minorVersion === 0, framing.keepAlive && !this.#isDraining);
    this.#state = framing.body === BODY.none ? STATE.response : STATE.body;
    this.#timer.clear();
    this.#pace.bodyBegins(nowMs);
    if (this.#state === STATE.body) this.#timer.set(nowMs + this.#policy.readMs);
    this.#exchange ??= this.#exchanges.take(this);
    startExchange(this.#exchange, head, framing, this.#route, nowMs);
  }

  #afterBody(nowMs: number): void {
    if (this.#state !== STATE.body) return;
    const body = this.#exchange!.requestBody;
    if (body.fault !== undefined) {
      this.#writer.keepsAlive = false;
      this.#exchange!.clientFailed(body.fault, nowMs);
    } else if (body.done) {
      this.#state = STATE.response;
      this.#timer.clear();
      if (this.stream.pendingBytes > 0) this.#expectDrain();
    } else if (!this.#isPaused) this.#expectBody(nowMs);
  }

  #discard(bytes: Buffer, start: number, end: number, nowMs: number): number {
    const body = this.#exchange!.requestBody;
    body.take(bytes, start, end, null);
    this.#discardedBytes += body.consumed - start;
    if (body.fault !== undefined || this.#discardedBytes > DISCARD_BYTES_MAX)
      this.#endGently(nowMs);
    else if (body.done) this.#next(nowMs);
    else this.#expectBody(nowMs);
    return body.consumed;
  }

  /** Answers what never became a request, and closes. */
  #refuse(code: Fault | 'head_timeout', isHead: boolean, nowMs: number): void {
    const answer = answerTo(code);
    this.#writer.refusal(answer, isHead);
    this.#engine.refused(this.info, code, answer.status, nowMs);
    this.#endGently(nowMs);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const piece = bytes.subarray(start, end);
    this.#held = this.#held === null ? Buffer.from(piece) : Buffer.concat([this.#held, piece]);
    if (this.#held.length > HELD_BYTES_MAX && !this.#isPaused) this.pauseBody();
  }

  #expectHead(nowMs: number): void {
    if (this.#headDeadlineMs === 0) this.#headDeadlineMs = nowMs + this.#policy.requestMs;
    this.#timer.set(this.#headDeadlineMs);
  }

  #expectBody(nowMs: number): void {
    this.#pace.expectBody(this.#exchange!.requestBodyBytes, this.#policy, nowMs);
  }

  #expectDrain(): void {
    if (this.#state === STATE.body) return;
    // The time of the first look stands, whatever is added.
    if (this.#timer.deadlineMs !== Number.POSITIVE_INFINITY) return this.#pace.grew();
    const { responseBodyBytes } = this.#exchange!;
    const nowMs = this.#engine.clock.nowMs();
    this.#pace.expectTaking(this.stream.unsentBytes(), responseBodyBytes, this.#policy, nowMs);
  }

  /** @internal of the timer */
  onTimer(nowMs: number): void {
    switch (this.#state) {
      case STATE.head:
        if (this.#headDeadlineMs !== 0) this.#refuse('head_timeout', false, nowMs);
        else this.#checkIdle(nowMs);
        break;
      case STATE.body:
        this.#exchange!.clientFailed(this.#pace.bodyFailure(nowMs), nowMs);
        break;
      case STATE.response:
      case STATE.tunnel:
        this.#checkDrain(nowMs);
        break;
      case STATE.linger:
        if (this.#linger!.isOver(this.#policy, nowMs)) this.#close();
        break;
      case STATE.rest:
        this.#next(nowMs);
        break;
      default:
        this.#closeWhenSent(nowMs);
    }
  }

  /** A client that is still taking its last response is not idle. */
  #checkIdle(nowMs: number): void {
    const unsentBytes = this.stream.unsentBytes();
    if (unsentBytes === 0 || this.#pace.isStuck(unsentBytes, this.#policy, nowMs)) this.#close();
  }

  #checkDrain(nowMs: number): void {
    const unsentBytes = this.stream.unsentBytes();
    if (unsentBytes === 0) return;
    const { responseBodyBytes } = this.#exchange!;
    const failure = this.#pace.takingFailure(unsentBytes, responseBodyBytes, this.#policy, nowMs);
    if (failure !== '') this.#abandon(failure, nowMs);
  }

  /** The last word was written: closes, by the gentle way where the client may still be sending. */
  #finish(nowMs: number): void {
    const mayStillSend = !this.#clientAskedClose || this.#exchange?.requestBody.done === false;
    if (mayStillSend || this.stream.pendingBytes > 0) this.#endGently(nowMs);
    else this.#close();
  }

  /** Nothing more is to be said: closes, but not before the client has what was. */
  #closeWhenSent(nowMs: number): void {
    if (this.stream.pendingBytes > 0) this.#endGently(nowMs);
    else this.#close();
  }

  /** Sends what is pending, says that nothing more comes, and reads on for a while. */
  #endGently(nowMs: number): void {
    if (this.#hasEnded && this.stream.pendingBytes === 0) return this.#close();
    this.#state = STATE.linger;
    this.#held = null;
    this.#isPaused = false;
    this.#linger = new Linger(this.stream, this.#timer, this.#pace, this.#policy, nowMs);
  }

  /** Closes in the middle of an exchange; the connection is left first, so that none follows. */
  #abandon(failure: Failure, nowMs: number): void {
    const exchange = this.#exchange!;
    this.#leave();
    exchange.clientGone(failure, nowMs);
    // A response that ends with the connection must not look whole.
    if (exchange.responseHasBegun && !exchange.isTunnel) this.stream.reset();
    else this.stream.destroy();
  }

  /** Closes at once; what was promised and is not sent shows as broken. */
  #close(): void {
    if (this.#state === STATE.closed) return;
    this.#leave();
    if (this.stream.pendingBytes > 0) this.stream.reset();
    else this.stream.destroy();
  }

  #giveBackExchange(): void {
    const exchange = this.#exchange;
    if (exchange === null || exchange.isActive) return;
    this.#exchange = null;
    this.#exchanges.giveBack(exchange);
  }

  #leave(): void {
    this.#state = STATE.closed;
    this.#held = null;
    this.#timer.dispose();
    this.#onGone(this);
  }
}
