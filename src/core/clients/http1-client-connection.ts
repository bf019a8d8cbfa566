import { Timer } from '../../base/wheel.ts';
import { type Answer, answerText } from '../answers/answers.ts';
import type { Failure } from '../answers/failures.ts';
import type { ClientSide } from '../exchange/client-side.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import { startExchange } from '../exchange/phases.ts';
import {
  type ClientInfo,
  forwardedInformational,
  forwardedResponse,
  TRANSFER,
  type Transfer,
} from '../forward/forward.ts';
import { FAULTS, type Fault } from '../http1/faults.ts';
import { BODY, type Framing, frameRequest } from '../http1/framing.ts';
import { FAULTY, type Head, INCOMPLETE, readRequestHead } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { HeadReader } from '../http1/reader.ts';
import type { CloseCause, Stream, StreamOwner } from '../ports/stream.ts';
import type { Route } from '../routes/route.ts';
import type { Client } from './client.ts';
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
  /** All is said; we wait for the client to close, so that a reset cannot eat our last words. */
  linger: 5,
  closed: 6,
  /** Its requests came too early again and again: the next one is not read for a while. */
  rest: 7,
} as const;

/** Pipelined bytes beyond this wait in the kernel. */
const HELD_BYTES_MAX = 64 * 1024;
/**
 * So much of an unwanted request body is read, so that the connection can be kept. Where more is
 * missing the answer says that the connection ends: a client that learned it from the end alone may
 * have sent its next request by then.
 */
const DISCARD_BYTES_MAX = 256 * 1024;
/** So many requests in a row that come too early are answered at once; then the connection rests. */
const HASTY_MAX = 3;
const REST_MS_MAX = 1_000;
/**
 * How long a connection reads on after its last word has left: so long after the last byte that
 * still came, and no longer than that in all. RFC 9112 §9.6.
 */
const LINGER_SILENCE_MS = 2_000;
const LINGER_MS_MAX = 30_000;
/**
 * A connection that came or was used so recently is not closed by a drain yet: its next request may
 * be on its way. RFC 9112 §9.3.1 leaves it to the client to try again, and not all of them do.
 */
const RECENT_MS = 500;

/** One HTTP/1 connection of a client: reads its requests one after the other, answers in order. */
export class Http1ClientConnection implements Client, ClientSide, StreamOwner {
  readonly via: ClientInfo;
  readonly stream: Stream;
  takesPayload = false;
  readonly #exchanges: Exchanges;
  readonly #engine: Engine;
  /** The exchange under way, or whose body is still thrown away; idle connections have none. */
  #exchange: Exchange | null = null;
  readonly #reader: HeadReader;
  readonly #timer: Timer;
  readonly #onGone: (connection: Http1ClientConnection) => void;
  #route: Route;
  #state: number = STATE.head;
  #isHttp10 = false;
  #keepsAlive = true;
  #clientAskedClose = false;
  #isDraining = false;
  #transfer: Transfer = TRANSFER.asIs;
  /** A head that waits for the first piece of its body, so that both go in one write. */
  #head: Head | null = null;
  /** Its first part; the rest, from `tailStart` on, is sent as it lies. */
  #headText = '';
  /** Bytes of the next requests, which wait for the present one to end. */
  #held: Buffer | null = null;
  #isConsuming = false;
  #isPaused = false;
  #hasEnded = false;
  #headDeadlineMs = 0;
  #idleSinceMs: number;
  #discardedBytes = 0;
  #lingerEndMs = 0;
  readonly #pace = new Pace();
  /** Requests in a row that came too early. */
  #hasty = 0;

  /** @param onGone called once, when the connection is over */
  constructor(
    exchanges: Exchanges,
    route: Route,
    stream: Stream,
    via: ClientInfo,
    nowMs: number,
    onGone: (connection: Http1ClientConnection) => void,
  ) {
    const { engine } = exchanges;
    this.#exchanges = exchanges;
    this.#engine = engine;
    this.#route = route;
    this.stream = stream;
    this.via = via;
    this.#onGone = onGone;
    this.#reader = new HeadReader(engine.requestHead, readRequestHead, engine.headLimits);
    this.#timer = new Timer(engine.wheel, this);
    this.#idleSinceMs = nowMs;
    this.#timer.set(nowMs + this.#timeouts.idleMs);
  }

  get #timeouts() {
    return this.#route.pool.settings.timeouts;
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

  /** Whether the connection carries a tunnel. */
  get isTunnel(): boolean {
    return this.#state === STATE.tunnel;
  }

  reroute(route: Route): void {
    this.#route = route;
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
      this.#timer.set(nowMs + (this.#isDraining ? RECENT_MS : this.#timeouts.idleMs));
    } else if (this.#state === STATE.linger && this.stream.pendingBytes === 0) {
      return this.#expectClose(nowMs);
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
    if (!this.#isHttp10) this.stream.writeText(forwardedInformational(head, ''));
  }

  sendHead(head: Head, framing: Framing, sessionLines: string): void {
    const { requestBody, expectsContinue } = this.#exchange!;
    let transfer: Transfer = TRANSFER.asIs;
    if (framing.body === BODY.untilClose) {
      if (this.#isHttp10) this.#keepsAlive = false;
      else transfer = TRANSFER.chunk;
    } else if (this.#isHttp10 && head.has(NAME.transferEncoding)) {
      // Not even HEAD may tell it of a coding that it does not know (RFC 9112 §6.1).
      transfer = TRANSFER.unchunk;
      this.#keepsAlive = false;
    }
    this.#transfer = transfer;
    this.takesPayload = transfer === TRANSFER.unchunk;
    // The client may never send the body that the server did not wait for.
    if (!requestBody.done && (!framing.keepAlive || expectsContinue)) {
      this.#keepsAlive = false;
    }
    // A chunked body may be one half of a conversation, which goes on behind this head.
    const { kind, missingBytes } = requestBody;
    if (kind === BODY.length && missingBytes > DISCARD_BYTES_MAX) this.#keepsAlive = false;
    let added = this.#connectionLine() + sessionLines + this.via.linesForResponse(head);
    if (!head.has(NAME.date)) added += this.#engine.dateLine();
    if (transfer === TRANSFER.chunk) added += 'Transfer-Encoding: chunked\r\n';
    this.#headText = forwardedResponse(head, transfer, added);
    this.#head = head;
  }

  sendBody(bytes: Buffer, start: number, end: number): void {
    const { stream } = this;
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
    if (stream.pendingBytes > 0) this.#expectDrain();
  }

  payload(bytes: Buffer, start: number, end: number): void {
    this.sendBody(bytes, start, end);
  }

  sendEnd(trailers: string, heldEnd: boolean): void {
    if (this.#transfer === TRANSFER.chunk) {
      this.flush();
      this.stream.writeText('0\r\n\r\n');
    } else if (heldEnd && this.#transfer === TRANSFER.asIs) {
      this.flush();
      this.stream.writeText(`${trailers}\r\n`);
    }
  }

  flush(): void {
    const head = this.#head;
    if (head === null) return;
    this.#head = null;
    if (this.#headText === '') this.stream.writeBytes(head.bytes, head.tailStart, head.end);
    else this.stream.writeTextAndBytes(this.#headText, head.bytes, head.tailStart, head.end);
  }

  sendAnswer(answer: Answer): void {
    const { requestBody: body, expectsContinue, method } = this.#exchange!;
    if (!body.done && expectsContinue) this.#keepsAlive = false;
    if (body.missingBytes > DISCARD_BYTES_MAX) this.#keepsAlive = false;
    // What follows a request that was refused whole, or a CONNECT, may be meant for somebody else.
    const { status } = answer;
    if (status === 400 || status === 408 || method === 'CONNECT') this.#keepsAlive = false;
    // A peer that is not let in will not be for its next request.
    if (answer.code === 'address_denied' && !this.via.peerIsTrusted) this.#keepsAlive = false;
    this.#writeAnswer(answer, method === 'HEAD');
  }

  sendUpgrade(head: Head, sessionLines: string): void {
    this.stream.writeText(forwardedInformational(head, sessionLines));
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
    this.#keepsAlive = false;
    // A body that only the close delimits must not end as if it were whole.
    const isDelimited = this.#transfer !== TRANSFER.unchunk && !this.#isHttp10;
    if (this.#state === STATE.tunnel || isDelimited) this.#linger(this.#engine.clock.nowMs());
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
    this.takesPayload = false;
    this.#hasty = exchange.waitMs === 0 ? 0 : this.#hasty + 1;
    if (this.#hasty > HASTY_MAX && exchange.requestBody.done && this.#keepsAlive) {
      return this.#rest(exchange.waitMs, nowMs);
    }
    if (!exchange.requestBody.done) {
      if (!this.#keepsAlive) return this.#linger(nowMs);
      this.#state = STATE.discard;
      this.#discardedBytes = 0;
      this.#timer.set(nowMs + this.#timeouts.readMs);
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
    if (!this.#keepsAlive || this.#isDraining) return this.#finish(nowMs);
    this.#state = STATE.head;
    this.#pace.grew();
    this.#idleSinceMs = nowMs;
    this.#timer.set(nowMs + this.#timeouts.idleMs);
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
          const upTo = this.#reader.take(bytes, at, end);
          if (upTo === INCOMPLETE) {
            if (this.#reader.isPartial) this.#expectHead(nowMs);
            at = end;
          } else if (upTo === FAULTY) {
            this.#refuse(head.fault, nowMs);
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
          this.#discardedBytes += end - at;
          at = end;
      }
    }
    this.#isConsuming = false;
  }

  #begin(head: Head, nowMs: number): void {
    const framing = this.#engine.requestFraming;
    const fault = frameRequest(head, framing);
    this.#headDeadlineMs = 0;
    if (fault !== undefined) return this.#refuse(fault, nowMs);
    this.#isHttp10 = head.minorVersion === 0;
    this.#clientAskedClose = !framing.keepAlive;
    this.#keepsAlive = framing.keepAlive && !this.#isDraining;
    this.#state = framing.body === BODY.none ? STATE.response : STATE.body;
    this.#timer.clear();
    this.#pace.bodyBegins(nowMs);
    if (this.#state === STATE.body) this.#timer.set(nowMs + this.#timeouts.readMs);
    this.#exchange ??= this.#exchanges.take(this);
    startExchange(this.#exchange, head, framing, this.#route.pool, nowMs);
  }

  #afterBody(nowMs: number): void {
    if (this.#state !== STATE.body) return;
    const body = this.#exchange!.requestBody;
    if (body.fault !== undefined) {
      this.#keepsAlive = false;
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
    if (body.fault !== undefined || this.#discardedBytes > DISCARD_BYTES_MAX) this.#linger(nowMs);
    else if (body.done) this.#next(nowMs);
    else this.#expectBody(nowMs);
    return body.consumed;
  }

  /** Answers a request that was never one, and closes. */
  #refuse(fault: Fault, nowMs: number): void {
    this.#keepsAlive = false;
    const [status, text] = FAULTS[fault];
    const isHead = this.#engine.requestHead.method === 'HEAD';
    this.#writeAnswer({ status, code: fault, text, requestId: '', headerLines: '' }, isHead);
    this.#engine.refused(this.via, fault, status, nowMs);
    this.#linger(nowMs);
  }

  #writeAnswer(answer: Answer, isHead: boolean): void {
    this.#head = null;
    this.#transfer = TRANSFER.asIs;
    const dateLine = this.#engine.dateLine();
    const lines = this.#connectionLine() + this.via.responseLines;
    this.stream.writeText(answerText(answer, isHead, lines, dateLine));
  }

  #connectionLine(): string {
    if (this.#isDraining) this.#keepsAlive = false;
    if (!this.#keepsAlive) return 'Connection: close\r\n';
    return this.#isHttp10 ? 'Connection: keep-alive\r\n' : '';
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const piece = bytes.subarray(start, end);
    this.#held = this.#held === null ? Buffer.from(piece) : Buffer.concat([this.#held, piece]);
    if (this.#held.length > HELD_BYTES_MAX && !this.#isPaused) this.pauseBody();
  }

  #expectHead(nowMs: number): void {
    if (this.#headDeadlineMs === 0) this.#headDeadlineMs = nowMs + this.#timeouts.requestMs;
    this.#timer.set(this.#headDeadlineMs);
  }

  #expectBody(nowMs: number): void {
    const { requestBodyBytes } = this.#exchange!;
    this.#timer.set(this.#pace.bodyDueMs(requestBodyBytes, this.#route.pool.settings, nowMs));
  }

  #expectDrain(): void {
    if (this.#state === STATE.body) return;
    if (this.#timer.deadlineMs !== Number.POSITIVE_INFINITY) {
      this.#pace.grew();
      return;
    }
    this.#lookAtTaking(this.stream.unsentBytes(), this.#engine.clock.nowMs());
  }

  #lookAtTaking(unsentBytes: number, nowMs: number): void {
    const { settings } = this.#route.pool;
    const { responseBodyBytes } = this.#exchange!;
    this.#timer.set(this.#pace.lookAtTaking(unsentBytes, responseBodyBytes, settings, nowMs));
  }

  /** @internal of the timer */
  onTimer(nowMs: number): void {
    switch (this.#state) {
      case STATE.head:
        if (this.#headDeadlineMs !== 0) this.#refuseLate(nowMs);
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
        this.#checkLinger(nowMs);
        break;
      case STATE.rest:
        this.#next(nowMs);
        break;
      default:
        this.#closeWhenSent(nowMs);
    }
  }

  #refuseLate(nowMs: number): void {
    this.#keepsAlive = false;
    const text = 'the request head did not come in time';
    const answer = { status: 408, code: 'head_timeout', text, requestId: '', headerLines: '' };
    this.#writeAnswer(answer, false);
    this.#engine.refused(this.via, 'head_timeout', 408, nowMs);
    this.#linger(nowMs);
  }

  /** A client that is still taking its last response is not idle. */
  #checkIdle(nowMs: number): void {
    const unsentBytes = this.stream.unsentBytes();
    const { settings } = this.#route.pool;
    if (unsentBytes === 0 || this.#pace.tookTooLittle(unsentBytes, settings)) return this.#close();
    this.#timer.set(this.#pace.lookAtRest(unsentBytes, settings, nowMs));
  }

  #checkDrain(nowMs: number): void {
    const unsentBytes = this.stream.unsentBytes();
    if (unsentBytes === 0) return;
    const { responseBodyBytes } = this.#exchange!;
    const { settings } = this.#route.pool;
    const failure = this.#pace.takingFailure(unsentBytes, responseBodyBytes, settings);
    if (failure === '') this.#lookAtTaking(unsentBytes, nowMs);
    else this.#abandon(failure, nowMs);
  }

  /** The last word was written: closes, by the gentle way where the client may still be sending. */
  #finish(nowMs: number): void {
    const mayStillSend = !this.#clientAskedClose || this.#exchange?.requestBody.done === false;
    if (mayStillSend || this.stream.pendingBytes > 0) this.#linger(nowMs);
    else this.#close();
  }

  /** Nothing more is to be said: closes, but not before the client has what was. */
  #closeWhenSent(nowMs: number): void {
    if (this.stream.pendingBytes > 0) this.#linger(nowMs);
    else this.#close();
  }

  /** Sends what is pending, says that nothing more comes, and reads on for a while. */
  #linger(nowMs: number): void {
    if (this.#hasEnded && this.stream.pendingBytes === 0) return this.#close();
    this.#state = STATE.linger;
    this.#held = null;
    this.stream.end();
    this.stream.resume();
    this.#isPaused = false;
    if (this.stream.pendingBytes === 0) this.#expectClose(nowMs);
    else this.#expectLastDrain(nowMs);
  }

  #expectLastDrain(nowMs: number): void {
    const { settings } = this.#route.pool;
    this.#timer.set(this.#pace.lookAtRest(this.stream.unsentBytes(), settings, nowMs));
  }

  /** All has been sent: waits for the client's own end, as long as it goes on sending. */
  #expectClose(nowMs: number): void {
    if (this.#hasEnded) return this.#close();
    this.#discardedBytes = 0;
    this.#lingerEndMs = nowMs + LINGER_MS_MAX;
    this.#timer.set(nowMs + LINGER_SILENCE_MS);
  }

  #checkLinger(nowMs: number): void {
    if (this.stream.pendingBytes > 0) {
      const { settings } = this.#route.pool;
      if (this.#pace.tookTooLittle(this.stream.unsentBytes(), settings)) this.#close();
      else this.#expectLastDrain(nowMs);
      return;
    }
    if (this.#discardedBytes === 0 || nowMs >= this.#lingerEndMs) return this.#close();
    this.#discardedBytes = 0;
    this.#timer.set(nowMs + LINGER_SILENCE_MS);
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
