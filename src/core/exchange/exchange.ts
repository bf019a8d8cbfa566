/**
 * One request through all its attempts.
 *
 * The client's connection begins it with a head and feeds it the body; the server's connection
 * feeds it the response. It is over when the response is complete (or cannot be), and settles
 * exactly once: counters, latency, log. The object is used again for the connection's next
 * request, so that a request allocates next to nothing.
 */
import { latin1 } from '../../base/latin1.ts';
import { Timer, type TimerOwner } from '../../base/wheel.ts';
import { COUNTER } from '../../table/layout.ts';
import { GAUGE, WORKER_TIMING } from '../../table/measures.ts';
import { TriedSet } from '../balance/tried-set.ts';
import { NO_TRIAL, trialAnswered } from '../health/breaker.ts';
import { backoffMs } from '../health/retry-budget.ts';
import { BodyReader } from '../http1/body.ts';
import { FAULTS, type Fault } from '../http1/faults.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { Binding } from '../sticky/persistence.ts';
import type { ClientSide } from './client-side.ts';
import type { Engine } from './engine.ts';
import { FAILURES, type Failure } from './failures.ts';
import { attemptFailed, attemptSucceeded, attemptUndecided, isFailedStatus } from './outcome.ts';
import { runPhases } from './phases.ts';
import type { Pool } from './pool.ts';
import type { CloseCause } from './ports.ts';
import { isTooLate, mayRetry } from './retry.ts';
import type { Server } from './server.ts';
import type { ServerConnection } from './server-connection.ts';

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

export class Exchange implements TimerOwner {
  readonly engine: Engine;
  client: ClientSide;

  method = '';
  /** The number of an id that we made; 0 where the client brought one. */
  requestNumber = 0;
  #broughtId = '';
  /** The head as it is sent to a server: the same for every attempt. */
  requestText = '';
  /** 32-bit hash of what the pool's strategy hashes by. */
  key = 0;
  /** What session persistence knows of the client; null: the pool has none. */
  binding: Binding | null = null;
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
  connection: ServerConnection | null = null;
  readonly tried = new TriedSet();
  attempts = 0;
  /** The next attempt must not meet another kept-alive connection that was just closed. */
  needsFreshConnection = false;
  /** Token of the breaker's trial that the present attempt is. */
  trial = NO_TRIAL;

  status = 0;
  failure: Failure | Fault | '' = '';
  startedMs = 0;
  /** When the present attempt's head was sent; -1: nothing of it was. */
  #sentMs = -1;
  #firstByteMs = -1;
  /** When the last piece of an event stream came. */
  #pieceMs = 0;
  #requestBodyBytes = 0;
  #responseBodyBytes = 0;
  #isActive = false;
  #isTunnel = false;
  #clientEnded = false;
  #serverEnded = false;
  #interimSent = false;
  #bodyIsPaused = false;
  /** What the present attempt says of its server has been entered. */
  #isJudged = false;
  /** A place of the retry budget is held. */
  #holdsRetry = false;
  /** Runs while the exchange waits to go on; null: it never did. */
  #waiting: Timer | null = null;
  #isWaiting = false;
  #waits = 0;
  /** The server that failed the last attempt, for the log. */
  #failedServer: Server | null = null;
  /** Body pieces kept for a server that is still connecting, or for another attempt. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #heldIsWhole = true;

  constructor(engine: Engine, client: ClientSide) {
    this.engine = engine;
    this.client = client;
  }

  /** Whether a request is under way. */
  get isActive(): boolean {
    return this.#isActive;
  }

  get isTunnel(): boolean {
    return this.#isTunnel;
  }

  /** Whether the server is paused because the client does not take the response. */
  get isHeldByClient(): boolean {
    return this.client.pendingBytes > 0;
  }

  /** Whether every byte of the body that came so far could be sent once more. */
  get canReplay(): boolean {
    return this.#heldIsWhole;
  }

  /** Whether the client has seen anything of a response, an interim one included. */
  get clientHasSeenBytes(): boolean {
    return this.responseHasBegun || this.#interimSent;
  }

  get requestId(): string {
    return this.requestNumber === 0 ? this.#broughtId : this.engine.requestId(this.requestNumber);
  }

  /** The client named the request itself. */
  bringsRequestId(requestId: string): void {
    this.requestNumber = 0;
    this.#broughtId = requestId;
  }

  /** What session persistence adds to the head of the response. */
  sessionLines(head: Head): string {
    return this.binding === null ? '' : this.pool!.persistence!.respond(head, this.binding);
  }

  /** Begins a request; the head is readable during the call only. */
  begin(head: Head, framing: Framing, pool: Pool, nowMs: number): void {
    this.#isActive = true;
    this.#isTunnel = false;
    this.#clientEnded = false;
    this.#serverEnded = false;
    this.#interimSent = false;
    this.#bodyIsPaused = false;
    this.#dropHeld();
    this.#heldIsWhole = true;
    this.method = head.method;
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
    this.startedMs = nowMs;
    this.#firstByteMs = -1;
    this.#requestBodyBytes = 0;
    this.#responseBodyBytes = 0;
    runPhases(this, head, framing, nowMs);
  }

  /** Chooses a server and goes there; answers where there is none. */
  attempt(nowMs: number): void {
    const pool = this.pool!;
    const server = this.#choose();
    if (server !== null) this.#goTo(server, nowMs);
    else if (this.attempts > 0 && pool.allTried) {
      this.tried.clear();
      this.#wait(nowMs);
    } else {
      if (this.failure === '') this.failure = 'no_server';
      this.answer(this.failure, nowMs);
    }
  }

  #choose(): Server | null {
    const pool = this.pool!;
    const { binding } = this;
    return binding === null
      ? pool.choose(this.key, this.tried)
      : pool.chooseBound(this.key, this.tried, binding);
  }

  #goTo(server: Server, nowMs: number): void {
    const { table, lane } = this.engine;
    const pool = this.pool!;
    this.server = server;
    this.trial = pool.takeTrial();
    this.attempts += 1;
    this.requestIsSent = false;
    this.#isJudged = false;
    this.#sentMs = -1;
    table.enter(server.row, lane);
    table.count(server.row, lane, COUNTER.attempts);
    this.connection = pool.acquire(server, this, nowMs);
    this.connection.carry(this, nowMs);
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
    const { wheel, random } = this.engine;
    this.#waiting ??= new Timer(wheel, this);
    this.#waiting.set(nowMs + backoffMs(this.#waits, random));
    this.#isWaiting = true;
    this.#waits += 1;
  }

  /** The wait is over. */
  onTimer(nowMs: number): void {
    this.#isWaiting = false;
    if (this.#claimRetry()) this.attempt(nowMs);
    else if (this.pool!.hasUsable()) this.#wait(nowMs);
    else this.answer(this.failure as Failure, nowMs);
  }

  /** The server's connection is open: sends the head and what there is of the body. */
  serverReady(nowMs: number): void {
    const stream = this.connection!.stream;
    this.#sentMs = nowMs;
    if (this.#held.length === 0) stream.writeText(this.requestText);
    else {
      const first = this.#held[0]!;
      stream.writeTextAndBytes(this.requestText, first, 0, first.length);
      for (let index = 1; index < this.#held.length; index++) {
        stream.writeBytes(this.#held[index]!, 0, this.#held[index]!.length);
      }
      if (!this.isIdempotent) this.#dropHeld();
    }
    if (this.requestBody.done) {
      this.#requestSent(nowMs);
      return;
    }
    this.connection!.expectUpload(nowMs);
    // By the bound that pauses it: a smaller rest may drain without a word.
    const isFull = stream.pendingBytes > this.pool!.settings.highWaterBytes;
    if (this.#bodyIsPaused && !isFull) this.#resumeBody();
  }

  /**
   * Takes bytes of the request body.
   *
   * @returns where they end; `requestBody.fault` says where they are wrong
   */
  clientSent(bytes: Buffer, start: number, end: number, nowMs: number): number {
    const body = this.requestBody;
    const upTo = body.take(bytes, start, end, null);
    this.#requestBodyBytes += body.consumed - start;
    if (upTo > start) this.#forwardBody(bytes, start, upTo);
    if (body.done) {
      if (body.heldEnd) this.#forwardText(`${body.trailers}\r\n`);
      if (this.connection?.isOpen) this.#requestSent(nowMs);
    }
    return body.consumed;
  }

  /** The client broke its request's framing, or stopped in the middle of it. */
  clientFailed(failure: Failure | Fault, nowMs: number): void {
    this.#giveUpServer();
    if (this.responseHasBegun) this.#breakOff(failure, nowMs);
    else this.answer(failure, nowMs);
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
    this.connection?.stream.resume();
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
      this.#judgeFailed(head.status, nowMs);
      if (this.#retryAnswered(nowMs)) return;
    } else this.#answeredWell(nowMs);
    this.#firstByteMs = nowMs;
    this.status = head.status;
    this.failure = '';
    this.responseHasBegun = true;
    this.responseBody.begin(framing.body, framing.contentLength);
    this.isStream = isEventStream(head);
    if (this.isStream) {
      this.#judgeSucceeded(nowMs);
      this.#beginStream(nowMs);
    }
    this.client.sendHead(head, framing, this);
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
    this.#responseBodyBytes += body.consumed - start;
    if (!takesPayload && upTo > start) client.sendBody(bytes, start, upTo);
    client.flush();
    if (client.pendingBytes > this.pool!.settings.highWaterBytes) this.connection?.stream.pause();
    return body.consumed;
  }

  /** A piece of an event stream came. */
  streamed(nowMs: number): void {
    const { table, lane } = this.engine;
    table.measures.timeOfWorker(lane, WORKER_TIMING.streamGap, nowMs - this.#pieceMs);
    this.#pieceMs = nowMs;
  }

  /** The response is complete. */
  serverCompleted(nowMs: number): void {
    const connection = this.connection!;
    const { client, responseBody: body } = this;
    client.sendEnd(body.trailers, body.heldEnd);
    client.flush();
    this.#judgeSucceeded(nowMs);
    this.connection = null;
    if (this.requestIsSent) this.pool!.release(connection, nowMs);
    else connection.destroy();
    this.#settle(nowMs);
  }

  /** The server agreed to another protocol. RFC 9110 §7.8. */
  serverUpgraded(head: Head, nowMs: number): void {
    this.#firstByteMs = nowMs;
    this.status = 101;
    this.failure = '';
    this.responseHasBegun = true;
    this.#isTunnel = true;
    this.#judgeSucceeded(nowMs);
    this.engine.table.count(this.server!.row, this.engine.lane, COUNTER.tunnels);
    this.engine.table.measures.add(this.engine.lane, GAUGE.tunnels, 1);
    this.client.sendUpgrade(head, this);
  }

  tunnelFromServer(bytes: Buffer, start: number, end: number): void {
    this.#responseBodyBytes += end - start;
    this.client.sendTunnel(bytes, start, end);
    if (this.client.pendingBytes > this.pool!.settings.highWaterBytes) {
      this.connection?.stream.pause();
    }
  }

  tunnelFromClient(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const connection = this.connection;
    if (connection === null) return;
    this.#requestBodyBytes += end - start;
    connection.expectStream(nowMs);
    connection.stream.writeBytes(bytes, start, end);
    if (connection.stream.pendingBytes > this.pool!.settings.highWaterBytes) this.#pauseBody();
  }

  clientEndedTunnel(nowMs: number): void {
    this.#clientEnded = true;
    this.connection?.stream.end();
    if (this.#serverEnded) this.#tunnelEnded(nowMs);
  }

  serverEndedTunnel(nowMs: number): void {
    this.#serverEnded = true;
    this.client.endTunnel();
    if (this.#clientEnded) this.#tunnelEnded(nowMs);
  }

  serverClosedTunnel(cause: CloseCause, nowMs: number): void {
    if (cause !== 'closed') this.failure = 'server_reset';
    this.connection = null;
    this.#tunnelOver(nowMs);
  }

  tunnelSilent(nowMs: number): void {
    this.failure = 'stream_timeout';
    this.#tunnelOver(nowMs);
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
    const wasSent = this.#sentMs !== -1;
    this.connection = null;
    this.failure = failure;
    if (!wasStale && failure !== 'stream_timeout') this.#judgeFailed(failure, nowMs);
    this.#judgeUndecided();
    if (this.responseHasBegun) {
      this.#breakOff(fault ?? failure, nowMs);
      return;
    }
    table.leave(server.row, lane);
    if (!wasStale) this.tried.add(server.row);
    this.server = null;
    this.#failedServer = server;
    if (mayRetry(this, wasSent, wasStale, nowMs)) {
      table.count(server.row, lane, COUNTER.retries);
      this.needsFreshConnection = wasStale;
      // To meet a closed connection is no retry: the request goes on to where it was to go.
      if (wasStale || this.#claimRetry()) this.attempt(nowMs);
      else this.#wait(nowMs);
      return;
    }
    this.answer(failure, nowMs);
  }

  /** Answers the request ourselves. */
  answer(code: Failure | Fault, nowMs: number, headerLines = ''): void {
    const [status, text] =
      code in FAULTS
        ? FAULTS[code as Fault]
        : [FAILURES[code as Failure][1], FAILURES[code as Failure][2]];
    this.failure = code;
    this.status = status;
    this.responseHasBegun = true;
    const lines = status === 503 && headerLines === '' ? 'Retry-After: 1\r\n' : headerLines;
    const { requestId } = this;
    this.client.sendAnswer({ status, code, text, requestId, headerLines: lines }, this);
    this.#settle(nowMs);
  }

  /** The head of an answer came that does not say that the server failed. */
  #answeredWell(nowMs: number): void {
    const { table, lane } = this.engine;
    const { row } = this.server!;
    const latencyUs = (nowMs - this.#sentMs) * 1000;
    table.recordLatency(row, latencyUs, nowMs);
    table.count(row, lane, COUNTER.firstByteUs, latencyUs);
    table.count(row, lane, COUNTER.firstBytes);
    const { breaker } = this.pool!.settings;
    if (this.trial !== NO_TRIAL && breaker !== null) {
      this.trial = trialAnswered(table, row, this.trial, breaker, nowMs);
    }
  }

  /**
   * Goes to another server instead of passing on an answer that says that this one failed, where
   * that does no harm and there is another.
   */
  #retryAnswered(nowMs: number): boolean {
    const { table, lane } = this.engine;
    const pool = this.pool!;
    const server = this.server!;
    this.tried.add(server.row);
    if (!mayRetry(this, true, false, nowMs)) return false;
    const mayGo = this.#claimRetry();
    const other = mayGo ? this.#choose() : null;
    // Where the others fail as well this answer is as good as any.
    if (other === null && (mayGo || !pool.hasHealthyOther(this.tried))) return false;
    this.#giveUpServer();
    table.leave(server.row, lane);
    table.count(server.row, lane, COUNTER.retries);
    this.needsFreshConnection = false;
    if (other !== null) this.#goTo(other, nowMs);
    else {
      this.server = null;
      this.#failedServer = server;
      this.failure = 'server_failed';
      this.#wait(nowMs);
    }
    return true;
  }

  #judgeSucceeded(nowMs: number): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    attemptSucceeded(this.engine, this.pool!, this.server!.row, this.trial, nowMs);
    this.trial = NO_TRIAL;
  }

  #judgeFailed(failure: Failure | number, nowMs: number): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    attemptFailed(this.engine, this.pool!, this.server!.row, this.trial, failure, nowMs);
    this.trial = NO_TRIAL;
  }

  /** Unless something was entered before: the attempt's end says nothing of the server. */
  #judgeUndecided(): void {
    this.#isJudged = true;
    if (this.trial === NO_TRIAL) return;
    attemptUndecided(this.engine, this.server!.row, this.trial);
    this.trial = NO_TRIAL;
  }

  #requestSent(nowMs: number): void {
    this.requestIsSent = true;
    if (!this.responseHasBegun) this.connection!.expectAnswer(nowMs);
  }

  #forwardBody(bytes: Buffer, start: number, end: number): void {
    const connection = this.connection;
    const settings = this.pool!.settings;
    if (this.#isWaiting) {
      this.#hold(bytes, start, end, false);
      if (this.#heldBytes > settings.highWaterBytes) this.#pauseBody();
      return;
    }
    if (connection === null) return;
    if (connection.isClosed) return;
    if (!connection.isOpen || (this.isIdempotent && !this.responseHasBegun)) {
      this.#hold(bytes, start, end, connection.isOpen);
    } else this.#heldIsWhole = false;
    if (!connection.isOpen) {
      if (this.#heldBytes > settings.highWaterBytes) this.#pauseBody();
      return;
    }
    connection.stream.writeBytes(bytes, start, end);
    connection.uploadGrew();
    if (connection.stream.pendingBytes > settings.highWaterBytes) this.#pauseBody();
  }

  #forwardText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#forwardBody(bytes, 0, bytes.length);
  }

  /** Keeps a copy, for a server still connecting or for another attempt, within the bound. */
  #hold(bytes: Buffer, start: number, end: number, isSent: boolean): void {
    if (
      isSent &&
      (!this.#heldIsWhole || this.#heldBytes + end - start > this.pool!.settings.replayBytes)
    ) {
      this.#dropHeld();
      this.#heldIsWhole = false;
      return;
    }
    this.#held.push(Buffer.from(bytes.subarray(start, end)));
    this.#heldBytes += end - start;
  }

  #dropHeld(): void {
    if (this.#held.length > 0) {
      this.#held.length = 0;
      this.#heldIsWhole = false;
    }
    this.#heldBytes = 0;
  }

  #pauseBody(): void {
    this.#bodyIsPaused = true;
    this.client.pauseBody();
  }

  #resumeBody(): void {
    this.#bodyIsPaused = false;
    this.client.resumeBody();
  }

  #beginStream(nowMs: number): void {
    this.#pieceMs = nowMs;
    this.engine.table.measures.add(this.engine.lane, GAUGE.streams, 1);
  }

  #giveUpServer(): void {
    this.connection?.destroy();
    this.connection = null;
  }

  /** Both ends have said all; the connection closes by itself once the server has taken it. */
  #tunnelEnded(nowMs: number): void {
    if (this.connection === null || this.connection.stream.pendingBytes === 0) {
      this.#tunnelOver(nowMs);
    }
  }

  #tunnelOver(nowMs: number): void {
    this.#giveUpServer();
    this.client.breakOff();
    this.#settle(nowMs);
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
    this.#judgeUndecided();
    if (this.#isWaiting) {
      this.#isWaiting = false;
      this.#waiting!.dispose();
    }
    if (this.#holdsRetry) {
      this.#holdsRetry = false;
      this.pool!.endRetry();
    }
    const { table, lane } = this.engine;
    const server = this.server;
    if (server !== null) {
      const { row } = server;
      table.leave(row, lane);
      table.count(row, lane, COUNTER.requests);
      table.count(row, lane, COUNTER.bytesFromClients, this.#requestBodyBytes);
      table.count(row, lane, COUNTER.bytesToClients, this.#responseBodyBytes);
    }
    this.engine.settled(this, server ?? this.#failedServer, nowMs);
    this.server = null;
    this.client.exchangeOver(this, nowMs);
  }

  get firstByteMs(): number {
    return this.#firstByteMs === -1 ? -1 : this.#firstByteMs - this.startedMs;
  }

  get requestBodyBytes(): number {
    return this.#requestBodyBytes;
  }

  get responseBodyBytes(): number {
    return this.#responseBodyBytes;
  }
}

function isEventStream(head: Head): boolean {
  const index = head.find(NAME.contentType);
  if (index === -1) return false;
  const start = head.valueStarts[index]!;
  // One byte decides for nearly every response: t of text, e or E of event.
  if (head.valueEnds[index]! - start < 17 || (head.bytes[start]! | 32) !== 116) return false;
  return latin1(head.bytes, start, start + 17).toLowerCase() === 'text/event-stream';
}
