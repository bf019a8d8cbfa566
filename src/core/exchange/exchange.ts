/**
 * One request through all its attempts.
 *
 * The client's connection begins it with a head and feeds it the body; the server's connection
 * feeds it the response. It is over when the response is complete (or cannot be), and settles
 * exactly once: counters, latency, log. The object is used again for the connection's next
 * request, so that a request allocates next to nothing.
 */
import { Timer, type TimerOwner } from '../../base/wheel.ts';
import { COUNTER } from '../../table/layout.ts';
import { TIMING, WORKER_TIMING } from '../../table/measures.ts';
import type { Waf } from '../../waf/index.ts';
import { answerTo } from '../answers/answers.ts';
import { FAILURES, type Failure } from '../answers/failures.ts';
import { TriedSet } from '../balance/tried-set.ts';
import { Decision } from '../decisions/decision.ts';
import { TraceContext } from '../forward/trace-context.ts';
import { NO_TRIAL } from '../health/breaker.ts';
import { backoffMs } from '../health/retry-budget.ts';
import { BodyReader } from '../http1/body.ts';
import type { Fault } from '../http1/faults.ts';
import { BODY, type Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import type { CloseCause } from '../ports/stream.ts';
import type { ProxyVersion } from '../proxy-protocol/write.ts';
import { Attempt } from '../servers/attempt.ts';
import { HeldBody } from '../servers/held-body.ts';
import { isFailedStatus } from '../servers/outcome.ts';
import type { Pool, PoolRequest } from '../servers/pool.ts';
import type { Server } from '../servers/server.ts';
import type { CarriedExchange, ServerSide } from '../servers/server-side.ts';
import type { Waiter } from '../servers/wait-queue.ts';
import type { Binding } from '../sticky/persistence.ts';
import type { ClientSide } from './client-side.ts';
import type { Ending, LongLivedExchange } from './ending.ts';
import type { Engine } from './engine.ts';
import { endsEvent, isEventStream } from './event-stream.ts';
import { isTooLate, mayRetry, type RetriedRequest } from './retry.ts';
import { Screening } from './screening.ts';
import { Tunnel, type TunnelOwner } from './tunnel.ts';

/**
 * How often a request waits for a place of the retry budget, or to go to the servers again. It is
 * `failover.timeout` that most often ends it; this is about half a minute too.
 */
const WAITS_MAX = 200;

const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);

/** Of a chunked body; an empty line or trailers follow it. */
const LAST_CHUNK = Buffer.from('0\r\n');

/** The client of an exchange that is nobody's; never called. */
const NOBODY = {} as ClientSide;

/** Hears of an exchange when it is over, with the server that answered or failed last. */
export type Settled = (exchange: Exchange, server: Server | null, nowMs: number) => void;

export class Exchange
  implements
    TimerOwner,
    Waiter,
    PoolRequest,
    CarriedExchange,
    RetriedRequest,
    TunnelOwner,
    LongLivedExchange
{
  readonly engine: Engine;
  client: ClientSide;

  method = '';
  /** The client, behind trusted proxies too; `unix` or `unknown` where it has no address. */
  clientAddress = '';
  /** The number of an id that we made; 0 where the client brought one. */
  requestNumber = 0;
  #broughtId = '';
  /** The head as it is sent to a server: the same for every attempt. */
  requestText = '';
  /** As it came; readable while the phases run, by the end of which `requestText` is written. */
  #head: Head | null = null;
  /** 32-bit hash of what the pool's strategy hashes by. */
  key = 0;
  /** What session persistence knows of the client; null: the pool has none. */
  binding: Binding | null = null;
  readonly traceContext = new TraceContext();
  asksUpgrade = false;
  expectsContinue = false;
  isIdempotent = false;
  readonly requestBody = new BodyReader();
  readonly responseBody = new BodyReader();
  /** The whole request has been handed to the present server. */
  requestIsSent = false;
  /** Bytes of a final response have gone to the client. */
  responseHasBegun = false;
  /** The response is text/event-stream: silence is measured by `timeout.stream`. */
  isStream = false;

  pool: Pool | null = null;
  server: Server | null = null;
  connection: ServerSide | null = null;
  readonly tried = new TriedSet();
  attempts = 0;
  /** The next attempt must not meet another kept-alive connection that was just closed. */
  needsFreshConnection = false;
  /** The present one. */
  readonly attempt: Attempt;
  /** What is noted for `lb explain`. */
  decision = new Decision();
  /** `lb explain` asks what would happen: nothing that others see may come of it. */
  readonly isMadeUp: boolean = false;
  /** From the server's agreement to another protocol on. */
  tunnel: Tunnel | null = null;
  /** When the tunnel or event stream has to end; null: as long as it likes. */
  ending: Ending | null = null;

  status = 0;
  failure: Failure | Fault | '' = '';
  /** What it would have been refused for, were the limits not only observed. */
  observed: Failure | '' = '';
  /** For a request that came too early: in how many milliseconds it could have gone on. */
  waitMs = 0;
  startedMs = 0;
  #firstByteMs = -1;
  /** When the last piece of an event stream came; -1: none did. */
  #pieceMs = 0;
  /** The event stream's last piece ended an event. */
  #isBetweenEvents = false;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  #isActive = false;
  #interimSent = false;
  #bodyIsPaused = false;
  /** A place of the retry budget is held. */
  #holdsRetry = false;
  /** Runs while the exchange waits to go on; null: it never did. */
  #waiting: Timer | null = null;
  #isWaiting = false;
  #waits = 0;
  /** It waits in the queue of its pool, and no server has seen it, or none executed it. */
  isQueued = false;
  waitingSinceMs = 0;
  ahead: Waiter | null = null;
  behind: Waiter | null = null;
  /** The server that failed the last attempt, for the log. */
  #failedServer: Server | null = null;
  readonly #held = new HeldBody();
  /** null: the firewall never looked. */
  #screening: Screening | null = null;
  #isScreened = false;
  readonly #settled: Settled;

  constructor(engine: Engine, client: ClientSide, settled: Settled) {
    this.engine = engine;
    this.client = client;
    this.#settled = settled;
    this.attempt = new Attempt(engine);
  }

  /** It is kept for another client, and keeps nothing of this one: connection, tunnel, old pool. */
  letGo(): void {
    this.client = NOBODY;
    this.pool = null;
    this.tunnel = null;
    this.binding = null;
    this.attempt.letGo();
  }

  /** Whether a request is under way. */
  get isActive(): boolean {
    return this.#isActive;
  }

  get isTunnel(): boolean {
    return this.tunnel !== null;
  }

  get isTrial(): boolean {
    return this.attempt.trial !== NO_TRIAL;
  }

  get highWaterBytes(): number {
    return this.pool!.settings.highWaterBytes;
  }

  proxyHeader(version: ProxyVersion): string {
    return this.client.via.proxyHeader(version);
  }

  get serverRow(): number {
    return this.server!.row;
  }

  get isMovable(): boolean {
    const { binding, tunnel } = this;
    const belongs = binding !== null && binding.row === this.server!.row;
    return tunnel?.isWebSocket === true && !belongs;
  }

  /** Whether the server is paused because the client does not take the response. */
  get isHeldByClient(): boolean {
    return this.client.pendingBytes > 0;
  }

  /** Whether every byte of the body that came so far could be sent once more. */
  get canReplay(): boolean {
    return this.#held.isWhole;
  }

  /** Whether the client has seen anything of a response, an interim one included. */
  get clientHasSeenBytes(): boolean {
    return this.responseHasBegun || this.#interimSent;
  }

  get requestId(): string {
    return this.requestNumber === 0
      ? this.#broughtId
      : this.engine.requestIds.textOf(this.requestNumber);
  }

  /** Method and target, as they are sent on or, where the request was not sent, as they came. */
  get requestLine(): string {
    const text = this.requestText;
    if (text !== '') return text.slice(0, text.indexOf(' HTTP/1.1\r\n'));
    return this.#head === null ? '' : `${this.#head.method} ${this.#head.target()}`;
  }

  /** The client named the request itself. */
  bringsRequestId(requestId: string): void {
    this.requestNumber = 0;
    this.#broughtId = requestId;
  }

  /** What the firewall says of the request; null: it does not look. */
  get screening(): Screening | null {
    return this.#isScreened ? this.#screening : null;
  }

  /** Whether the request must not reach a server yet. */
  get isHeld(): boolean {
    return this.#isScreened && this.#screening!.holds;
  }

  /** The firewall looks at the head, and later at the body. */
  screenWith(waf: Waf, head: Head, framing: Framing): Screening {
    this.#screening ??= new Screening(this.engine.waitingBodies);
    this.#isScreened = true;
    this.#screening.begin(waf, head, framing);
    return this.#screening;
  }

  /** What session persistence adds to the head of the response. */
  #sessionLines(head: Head): string {
    return this.binding === null ? '' : this.pool!.persistence!.respond(head, this.binding);
  }

  /** Makes it ready for a request, which the phases then let go on or answer. */
  begin(head: Head, framing: Framing, pool: Pool, nowMs: number): void {
    this.#isActive = true;
    this.tunnel = null;
    this.#interimSent = false;
    this.#bodyIsPaused = false;
    this.#held.begin();
    this.method = head.method;
    this.requestText = '';
    this.asksUpgrade = framing.upgrade;
    this.expectsContinue = framing.expectContinue;
    this.isIdempotent = IDEMPOTENT.has(head.method);
    this.requestBody.begin(framing.body, framing.contentLength);
    this.requestIsSent = false;
    this.responseHasBegun = false;
    this.isStream = false;
    if (this.pool !== pool) this.pool = pool;
    this.server = null;
    this.connection = null;
    this.tried.clear();
    this.attempts = 0;
    this.needsFreshConnection = false;
    this.#waits = 0;
    this.#failedServer = null;
    this.status = 0;
    this.failure = '';
    this.observed = '';
    this.waitMs = 0;
    this.#isScreened = false;
    this.startedMs = nowMs;
    this.#firstByteMs = -1;
    this.requestBodyBytes = 0;
    this.responseBodyBytes = 0;
    this.decision.attempts = 0;
    this.decision.ownRow = -1;
    this.#head = head;
  }

  /** Chooses a server and goes there; waits where all are full, answers where there is none. */
  tryNext(nowMs: number): void {
    const pool = this.pool!;
    if (this.attempts === 0 && pool.queue.hasElders(nowMs)) return this.#lineUp(nowMs);
    const server = this.#choose();
    if (server !== null && this.#goTo(server, nowMs)) return;
    if (server !== null || pool.allFull) {
      // Who was somewhere already waits for some servers only, and would hold up all others.
      if (this.tried.size > 0) this.#wait(nowMs);
      else this.#lineUp(nowMs);
    } else if (this.attempts > 0 && pool.allTried) {
      this.tried.clear();
      this.#wait(nowMs);
    } else this.#answerNoServer(nowMs);
  }

  #answerNoServer(nowMs: number): void {
    this.decision.next()?.begin(this.pool!, null, nowMs);
    if (this.failure === '') this.failure = 'no_server';
    this.answer(this.failure, nowMs);
  }

  /** Waits in the queue of the pool, or is turned away where too many wait. */
  #lineUp(nowMs: number): void {
    const { queue, settings } = this.pool!;
    if (!queue.add(this, this.attempts > 0, settings.waitingMax, nowMs)) {
      this.answer('queue_full', nowMs);
      return;
    }
    this.isQueued = true;
    this.#pauseUntil(nowMs + settings.waitMs);
  }

  takeTurn(nowMs: number): boolean {
    const pool = this.pool!.queue.pool!;
    // A reload came while it waited; what binds it is good for persistence of some kind only.
    if ((this.binding === null) === (pool.persistence === null)) this.pool = pool;
    const server = this.#choose();
    if (server === null && this.pool!.allFull) return false;
    if (server !== null) return this.#goTo(server, nowMs);
    this.#answerNoServer(nowMs);
    return true;
  }

  /** It waits no longer, for whatever reason. */
  #endWait(nowMs: number): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#waiting!.dispose();
    if (!this.isQueued) return;
    this.isQueued = false;
    this.pool!.queue.remove(this);
    const { table, lane } = this.engine;
    table.measures.timeOfWorker(lane, WORKER_TIMING.queueWait, nowMs - this.waitingSinceMs);
  }

  #choose(): Server | null {
    const pool = this.pool!;
    const { binding } = this;
    return binding === null
      ? pool.choose(this.key, this.tried)
      : pool.chooseBound(this.key, this.tried, binding);
  }

  /** @returns false where the server, or the pool, has no room */
  #goTo(server: Server, nowMs: number): boolean {
    const { table, lane } = this.engine;
    const pool = this.pool!;
    // What was chosen from is noted before this request counts itself.
    const choice = this.decision.next();
    choice?.begin(pool, server, nowMs);
    const connection = pool.acquire(server, this, nowMs);
    if (connection === null) {
      if (choice !== null) this.decision.takeBack();
      return false;
    }
    this.server = server;
    this.connection = connection;
    this.#endWait(nowMs);
    this.attempts += 1;
    this.requestIsSent = false;
    this.attempt.begin(pool, server, this.requestBody.done);
    table.counters.add(server.row, lane, COUNTER.attempts);
    if (choice !== null) {
      choice.isTrial = this.isTrial;
      choice.isOwn = server.row === this.decision.ownRow;
      choice.isReused = connection.isOpen;
    }
    connection.carry(this, nowMs);
    return true;
  }

  /** Holds a place of the retry budget until the exchange is over. @returns false: none is free */
  #claimRetry(): boolean {
    if (!this.#holdsRetry) this.#holdsRetry = this.pool!.beginRetry();
    return this.#holdsRetry;
  }

  /**
   * Goes on after a while: the retry budget is used up for now, or the request was at every usable
   * server. A budget that refused would fail what a dead server had in flight.
   */
  #wait(nowMs: number): void {
    if (this.#waits === WAITS_MAX || isTooLate(this, nowMs)) {
      this.answer(this.failure as Failure, nowMs);
      return;
    }
    this.#pauseUntil(nowMs + backoffMs(this.#waits, this.engine.random));
    this.#waits += 1;
  }

  #pauseUntil(untilMs: number): void {
    this.#waiting ??= new Timer(this.engine.wheel, this);
    this.#waiting.set(untilMs);
    this.#isWaiting = true;
  }

  /** The wait is over. */
  onTimer(nowMs: number): void {
    if (this.isQueued) return this.answer('queue_timeout', nowMs);
    this.#isWaiting = false;
    if (this.#claimRetry()) this.tryNext(nowMs);
    else if (this.pool!.hasUsable()) this.#wait(nowMs);
    else this.answer(this.failure as Failure, nowMs);
  }

  /** The server's connection is open: sends the head and what there is of the body. */
  serverReady(nowMs: number): void {
    const connection = this.connection!;
    this.attempt.sentMs = nowMs;
    connection.sendRequest(this.requestText, this.#held);
    if (!this.isIdempotent) this.#held.forget();
    if (this.requestBody.done) {
      this.#requestSent(nowMs);
      return;
    }
    connection.expectUpload(nowMs);
    // By the bound that pauses it: a smaller rest may drain without a word.
    if (this.#bodyIsPaused && connection.pendingBytes <= this.highWaterBytes) this.#resumeBody();
  }

  /**
   * Takes bytes of the request body.
   *
   * @returns where they end; `requestBody.fault` says where they are wrong
   */
  clientSent(bytes: Buffer, start: number, end: number, nowMs: number): number {
    const body = this.requestBody;
    const screening = this.#isScreened && this.#screening!.isOpen ? this.#screening : null;
    const upTo = body.take(bytes, start, end, screening);
    this.requestBodyBytes += body.consumed - start;
    if (upTo > start) this.#forwardBody(bytes, start, upTo);
    if (body.done) {
      if (body.heldEnd) this.#forwardText(`${body.trailers}\r\n`);
      if (this.connection?.isOpen) this.#requestSent(nowMs);
    }
    const { consumed } = body;
    if (screening !== null && body.fault === undefined) this.#screen(screening, nowMs);
    return consumed;
  }

  /** More of the body came that the firewall looks at. */
  #screen(screening: Screening, nowMs: number): void {
    const { holds } = screening;
    const { done } = this.requestBody;
    if (!done && !screening.isFull) {
      if (!holds) {
        if (screening.isCrowded) screening.finish(false);
        return;
      }
      if (screening.isPadded(this.#held.byteCount)) this.clientFailed('bad_chunk', nowMs);
      else if (screening.isCrowded) this.answer('waf_busy', nowMs);
      return;
    }
    screening.finish(done, this.requestBody.trailers);
    if (!holds) return;
    if (screening.blocks) this.answer('waf_blocked', nowMs);
    else if (screening.isOversize) this.answer('waf_body_too_large', nowMs);
    else this.tryNext(nowMs);
  }

  /** The client broke its request's framing, or stopped in the middle of it. */
  clientFailed(failure: Failure | Fault, nowMs: number): void {
    this.#giveUpServer();
    if (this.responseHasBegun) this.#breakOff(failure, nowMs);
    else this.answer(failure, nowMs);
  }

  /** Its client's end of it is ended too: what was said to the client so far, nobody knows. */
  crashed(nowMs: number): void {
    if (this.#isActive) this.client.crashed(nowMs);
  }

  /** The client's connection is gone. */
  clientGone(failure: Failure, nowMs: number): void {
    this.failure = failure;
    if (this.status === 0) this.status = FAILURES[failure][1];
    this.#giveUpServer();
    this.#settle(nowMs);
  }

  /** The client took all that was pending. */
  clientDrained(): void {
    this.connection?.resume();
  }

  /** The server took all that was pending. */
  serverDrained(): void {
    if (this.#bodyIsPaused) this.#resumeBody();
  }

  /** An interim response: 100, 102, 103 or one that is not known yet. */
  serverInformed(head: Head): void {
    if (head.status === 100) this.expectsContinue = false;
    this.#interimSent = true;
    this.client.sendInterim(head);
  }

  /** The head of the final response. */
  serverAnswered(head: Head, framing: Framing, nowMs: number): void {
    if (isFailedStatus(head.status)) {
      this.attempt.failed(head.status, nowMs);
      if (this.#retryAnswered(head.status, nowMs)) return;
    } else this.attempt.answeredWell(nowMs);
    this.#firstByteMs = nowMs;
    this.status = head.status;
    this.failure = '';
    this.responseHasBegun = true;
    this.responseBody.begin(framing.body, framing.contentLength);
    this.isStream = isEventStream(head);
    if (this.isStream) {
      this.attempt.succeeded(nowMs);
      this.#beginStream();
    }
    this.client.sendHead(head, framing, this.#sessionLines(head));
  }

  /**
   * Bytes that follow a response's head.
   *
   * @returns where the body's bytes end
   */
  serverSent(bytes: Buffer, start: number, end: number): number {
    const { client, responseBody: body } = this;
    if (body.done) return start;
    const takesPayload = client.takesPayload;
    const upTo = body.take(bytes, start, end, takesPayload ? client : null);
    this.responseBodyBytes += body.consumed - start;
    if (!takesPayload && upTo > start) client.sendBody(bytes, start, upTo);
    client.flush();
    if (this.isStream) {
      this.#isBetweenEvents =
        (body.kind !== BODY.chunked || body.isBetweenChunks) &&
        endsEvent(bytes, start, body.consumed, body.kind);
    }
    if (client.pendingBytes > this.highWaterBytes) this.connection?.pause();
    return body.consumed;
  }

  /** A piece of an event stream came, which may be its last. */
  streamed(nowMs: number): void {
    const { table, lane } = this.engine;
    if (this.#pieceMs !== -1) {
      table.measures.timeOfWorker(lane, WORKER_TIMING.streamGap, nowMs - this.#pieceMs);
    }
    this.#pieceMs = nowMs;
    if (this.ending?.hasBegun && this.#isBetweenEvents) this.#endStream(nowMs);
  }

  /** The response is complete. */
  serverCompleted(nowMs: number): void {
    const connection = this.connection!;
    const { client, responseBody: body } = this;
    client.sendEnd(body.trailers, body.heldEnd);
    client.flush();
    this.attempt.succeeded(nowMs);
    this.connection = null;
    try {
      if (this.requestIsSent) this.pool!.release(this.server!, connection, nowMs);
      else connection.destroy();
    } finally {
      this.#settle(nowMs);
    }
  }

  /** The server agreed to another protocol. RFC 9110 §7.8. */
  serverUpgraded(head: Head, nowMs: number): void {
    this.#firstByteMs = nowMs;
    this.status = 101;
    this.failure = '';
    this.responseHasBegun = true;
    this.attempt.succeeded(nowMs);
    this.tunnel = new Tunnel(this, head);
    this.#livesLong();
    this.client.sendUpgrade(head, this.#sessionLines(head));
  }

  tunnelSent(bytes: Buffer, start: number, end: number): void {
    this.tunnel!.fromServer(bytes, start, end);
  }

  tunnelEnded(nowMs: number): void {
    this.tunnel!.serverEnded(nowMs);
  }

  tunnelClosed(cause: CloseCause, nowMs: number): void {
    this.connection = null;
    this.endTunnel(cause === 'closed' ? '' : 'server_reset', nowMs);
  }

  tunnelSilent(nowMs: number): void {
    this.endTunnel('stream_timeout', nowMs);
  }

  /** The end of a tunnel or event stream has come: it waits for a good place, for a while. */
  endGently(nowMs: number): void {
    if (this.tunnel !== null) this.tunnel.endGently(nowMs);
    else if (this.#isBetweenEvents) this.#endStream(nowMs);
  }

  /** No good place has come. */
  endAbruptly(nowMs: number): void {
    if (this.tunnel !== null) this.endTunnel('drained', nowMs);
    else this.#endStream(nowMs);
  }

  /** Ends an event stream as if its server had, where its framing can say so. */
  #endStream(nowMs: number): void {
    const { client, responseBody: body } = this;
    this.#giveUpServer();
    const isChunked = body.kind === BODY.chunked;
    if (body.kind === BODY.length || (isChunked && !body.isBetweenChunks)) {
      return this.#breakOff('drained', nowMs);
    }
    if (isChunked && !client.takesPayload) client.sendBody(LAST_CHUNK, 0, LAST_CHUNK.length);
    client.sendEnd('', isChunked);
    client.flush();
    this.#settle(nowMs);
  }

  /** @param failure why it ended; empty: both ends had said all */
  endTunnel(failure: Failure | '', nowMs: number): void {
    this.failure = failure;
    this.#giveUpServer();
    this.client.breakOff();
    this.#settle(nowMs);
  }

  /** The attempt failed; its connection is already gone. */
  serverFailed(
    failure: Failure,
    fault: Fault | undefined,
    hadBegunToAnswer: boolean,
    nowMs: number,
  ): void {
    const { table, lane } = this.engine;
    const server = this.server!;
    const connection = this.connection!;
    const wasStale =
      connection.reuses > 0 &&
      !hadBegunToAnswer &&
      (failure === 'server_closed' || failure === 'server_reset');
    this.connection = null;
    this.failure = failure;
    // What is our own doing says nothing about the server.
    if (!wasStale && FAILURES[failure][0] !== 'us') this.attempt.failed(failure, nowMs);
    this.attempt.undecided();
    this.#endChoice(failure, nowMs, wasStale);
    if (this.responseHasBegun) {
      this.#breakOff(fault ?? failure, nowMs);
      return;
    }
    server.leave();
    if (!wasStale) this.tried.add(server.row);
    this.server = null;
    this.#failedServer = server;
    if (mayRetry(this, this.attempt.wasSent, wasStale, nowMs)) {
      table.counters.add(server.row, lane, COUNTER.retries);
      this.needsFreshConnection = wasStale;
      // To meet a closed connection is no retry: the request goes on to where it was to go.
      if (wasStale || this.#claimRetry()) this.tryNext(nowMs);
      else this.#wait(nowMs);
    } else this.answer(failure, nowMs);
    server.roomFreed();
  }

  /** Answers the request ourselves. */
  answer(code: Failure | Fault, nowMs: number, headerLines = ''): void {
    const answer = answerTo(code, this.requestId, headerLines);
    const { status } = answer;
    if (status === 503 && headerLines === '') answer.headerLines = 'Retry-After: 1\r\n';
    this.failure = status < 400 ? '' : code;
    this.status = status;
    this.responseHasBegun = true;
    this.client.sendAnswer(answer);
    this.#settle(nowMs);
  }

  /**
   * Goes to another server instead of passing on an answer that says that this one failed, where
   * that does no harm and there is another.
   */
  #retryAnswered(status: number, nowMs: number): boolean {
    const { table, lane } = this.engine;
    const pool = this.pool!;
    const server = this.server!;
    this.tried.add(server.row);
    if (!mayRetry(this, true, false, nowMs)) return false;
    const mayGo = this.#claimRetry();
    const other = mayGo ? this.#choose() : null;
    // Where the others fail as well this answer is as good as any.
    if (other === null && (mayGo || !pool.hasHealthyOther(this.tried))) return false;
    this.#endChoice(status, nowMs, false);
    this.#giveUpServer();
    server.leave();
    table.counters.add(server.row, lane, COUNTER.retries);
    this.needsFreshConnection = false;
    if (other === null || !this.#goTo(other, nowMs)) {
      this.server = null;
      this.#failedServer = server;
      this.failure = 'server_failed';
      this.#wait(nowMs);
    }
    server.roomFreed();
    return true;
  }

  #requestSent(nowMs: number): void {
    this.requestIsSent = true;
    this.attempt.requestSent(nowMs);
    if (!this.responseHasBegun) this.connection!.expectAnswer(nowMs);
  }

  #forwardBody(bytes: Buffer, start: number, end: number): void {
    const { connection } = this;
    const { highWaterBytes, replayBytes } = this.pool!.settings;
    if (this.isHeld) {
      this.#held.keep(bytes, start, end);
      return;
    }
    if (!this.#isWaiting && (connection === null || connection.isClosed)) return;
    if (this.#isWaiting || !connection!.isOpen) {
      this.#held.keep(bytes, start, end);
      if (this.#held.byteCount > highWaterBytes) this.pauseBody();
      return;
    }
    if (this.isIdempotent && !this.responseHasBegun) {
      this.#held.keepSent(bytes, start, end, replayBytes);
    } else this.#held.passedBy();
    connection!.sendBody(bytes, start, end);
    if (connection!.pendingBytes > highWaterBytes) this.pauseBody();
  }

  #forwardText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#forwardBody(bytes, 0, bytes.length);
  }

  /** No more of the request's body until the server has taken what there is. */
  pauseBody(): void {
    this.#bodyIsPaused = true;
    this.client.pauseBody();
  }

  #resumeBody(): void {
    this.#bodyIsPaused = false;
    this.client.resumeBody();
  }

  #beginStream(): void {
    this.#pieceMs = -1;
    this.#isBetweenEvents = true;
    this.#livesLong();
  }

  /** It may go on for hours: its first byte is counted now, and not at its end. */
  #livesLong(): void {
    const { table, lane, longLived } = this.engine;
    longLived.add(this);
    table.measures.time(this.server!.row, lane, TIMING.firstByte, this.firstByteMs);
  }

  #giveUpServer(): void {
    this.connection?.destroy();
    this.connection = null;
  }

  #breakOff(failure: Failure | Fault, nowMs: number): void {
    this.failure = failure;
    this.client.breakOff();
    this.#settle(nowMs);
  }

  /** Brings the shared table up to date and writes the record; exactly once for a request. */
  #settle(nowMs: number): void {
    if (!this.#isActive) return;
    this.#isActive = false;
    const server = this.server;
    // What all threads count comes first: whatever goes wrong below, it is given back.
    if (server !== null) server.leave();
    try {
      this.#endWait(nowMs);
      if (this.#holdsRetry) {
        this.#holdsRetry = false;
        this.pool!.endRetry();
      }
      this.attempt.undecided();
      if (this.#isScreened && this.#screening!.isOpen) this.#screening!.close();
      this.#held.forget();
      if (this.isStream || this.tunnel !== null) this.engine.longLived.remove(this);
      this.ending?.dispose();
      this.ending = null;
      this.#record(server, nowMs);
    } finally {
      this.server = null;
      this.#tellClient(nowMs);
      if (server !== null) server.roomFreed();
    }
  }

  #record(server: Server | null, nowMs: number): void {
    const { table, lane, decisions } = this.engine;
    if (server !== null) {
      const { row } = server;
      table.counters.add(row, lane, COUNTER.requests);
      table.counters.add(row, lane, COUNTER.bytesFromClients, this.requestBodyBytes);
      table.counters.add(row, lane, COUNTER.bytesToClients, this.responseBodyBytes);
    }
    this.#endChoice(this.failure || this.status, nowMs, false);
    this.decision = decisions.keep(this.noteDecision(nowMs), this.requestText);
    this.#settled(this, server ?? this.#failedServer, nowMs);
  }

  /** The client may go on with its next request, in which nobody here has a part. */
  #tellClient(nowMs: number): void {
    const { client } = this;
    try {
      client.exchangeOver(nowMs);
    } catch (error) {
      this.engine.contain(error, client, nowMs);
    }
  }

  /** @param outcome the status, or what went wrong */
  #endChoice(outcome: number | string, nowMs: number, isStale: boolean): void {
    const choice = this.decision.last();
    if (choice === null || choice.endMs !== -1) return;
    if (choice.server !== null) choice.sentMs = this.attempt.sentMs;
    choice.endMs = nowMs;
    choice.outcome = outcome;
    choice.isStale = isStale;
  }

  /** Notes what is known by now. */
  noteDecision(nowMs: number): Decision {
    const { decision, requestNumber } = this;
    decision.requestNumber = requestNumber;
    decision.broughtId = requestNumber === 0 ? this.#broughtId : '';
    decision.method = this.method;
    decision.peerAddress = this.client.via.peerAddress;
    if (decision.pool !== this.pool) decision.pool = this.pool;
    decision.key = this.key;
    decision.startedMs = this.startedMs;
    decision.endedMs = nowMs;
    decision.status = this.status;
    decision.failure = this.failure;
    return decision;
  }

  get firstByteMs(): number {
    return this.#firstByteMs === -1 ? -1 : this.#firstByteMs - this.startedMs;
  }
}
