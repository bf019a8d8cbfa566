/**
 * One request through all its attempts.
 *
 * The client's connection begins it with a head and feeds it the body; the server's connection
 * feeds it the response. It is over when the response is complete (or cannot be), and settles
 * exactly once: counters, latency, log. The object is used again for the connection's next
 * request, so that a request allocates next to nothing.
 */
import { TIMING } from '../../table/measures.ts';
import { answerTo } from '../answers/answers.ts';
import { FAILURES, type Failure } from '../answers/failures.ts';
import { Decision } from '../decisions/decision.ts';
import type { FilteredRequest } from '../filters/filter.ts';
import { TraceContext } from '../forward/trace-context.ts';
import { NO_TRIAL } from '../health/breaker.ts';
import type { BodyReader } from '../http1/body.ts';
import type { Fault } from '../http1/faults.ts';
import type { Framing } from '../http1/framing.ts';
import type { Head } from '../http1/head.ts';
import type { CloseCause } from '../ports/stream.ts';
import type { ProxyVersion } from '../proxy-protocol/write.ts';
import type { Route } from '../routes/route.ts';
import type { Attempt } from '../servers/attempt.ts';
import { isFailedStatus } from '../servers/outcome.ts';
import type { Pool } from '../servers/pool.ts';
import type { Server } from '../servers/server.ts';
import type { ServerSide } from '../servers/server-side.ts';
import type { Binding } from '../sticky/persistence.ts';
import type { ClientSide } from './client-side.ts';
import { Dispatch, type DispatchedExchange } from './dispatch.ts';
import { Download, type DownloadOwner } from './download.ts';
import type { Ending, LongLivedExchange } from './ending.ts';
import type { Engine } from './engine.ts';
import type { Screening } from './screening.ts';
import { Tunnel, type TunnelOwner } from './tunnel.ts';
import { Upload, type UploadOwner } from './upload.ts';

const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);

/** The client of an exchange that is nobody's; never called. */
const NOBODY = {} as ClientSide;

/** Called with an exchange when it is over, and the server that answered or failed last. */
export type Settled = (exchange: Exchange, server: Server | null, nowMs: number) => void;

export class Exchange
  implements
    FilteredRequest,
    DispatchedExchange,
    UploadOwner,
    DownloadOwner,
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
  readonly download: Download;
  /** The download's. */
  readonly responseBody: BodyReader;
  readonly upload: Upload;
  /** The upload's. */
  readonly requestBody: BodyReader;
  /** The whole request has been handed to the present server. */
  requestIsSent = false;
  /** Bytes of a final response have gone to the client. */
  responseHasBegun = false;
  /** Where it goes; null: the exchange is nobody's. */
  route: Route | null = null;
  pool: Pool | null = null;
  server: Server | null = null;
  connection: ServerSide | null = null;
  readonly dispatch: Dispatch;
  /** The dispatch's. */
  readonly attempt: Attempt;
  /** What is noted for `lb explain`. */
  decision = new Decision();
  /** `lb explain` asks what would happen: nothing that others see may come of it. */
  readonly isMadeUp: boolean = false;
  /** From the server's agreement to another protocol on. */
  tunnel: Tunnel | null = null;
  /** When the tunnel or event stream has to end; null: no end is set. */
  ending: Ending | null = null;

  status = 0;
  failure: Failure | Fault | '' = '';
  /** Why it would have been refused if limits were enforced. */
  observed: Failure | '' = '';
  /** For a request over its rate: milliseconds after which it would have been let through. */
  waitMs = 0;
  startedMs = 0;
  #firstByteMs = -1;
  #isActive = false;
  #interimSent = false;
  readonly #settled: Settled;

  constructor(engine: Engine, client: ClientSide, settled: Settled) {
    this.engine = engine;
    this.client = client;
    this.#settled = settled;
    this.dispatch = new Dispatch(this, engine);
    this.attempt = this.dispatch.attempt;
    this.download = new Download(this);
    this.responseBody = this.download.body;
    this.upload = new Upload(this, engine.waitingBodies);
    this.requestBody = this.upload.body;
  }

  /** Drops every reference to this client (connection, tunnel, old pool) before reuse. */
  letGo(): void {
    this.client = NOBODY;
    this.route = null;
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
    return this.route!.policy.highWaterBytes;
  }

  proxyHeader(version: ProxyVersion): string {
    return this.client.info.proxyHeader(version);
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

  get attempts(): number {
    return this.dispatch.attempts;
  }

  get needsFreshConnection(): boolean {
    return this.dispatch.needsFreshConnection;
  }

  get canReplay(): boolean {
    return this.upload.canReplay;
  }

  get requestBodyBytes(): number {
    return this.upload.byteCount;
  }

  get responseBodyBytes(): number {
    return this.download.byteCount;
  }

  /** The response is an event stream. */
  get isStream(): boolean {
    return this.download.isStream;
  }

  get isWaiting(): boolean {
    return this.dispatch.waiting.isWaiting;
  }

  /** It waits in the queue of its pool, and no server has seen it, or none executed it. */
  get isQueued(): boolean {
    return this.dispatch.waiting.isQueued;
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
    return this.upload.screening;
  }

  /** Whether the request must not reach a server yet. */
  get isHeld(): boolean {
    return this.upload.isHeld;
  }

  /** What session persistence adds to the head of the response. */
  #sessionLines(head: Head): string {
    return this.binding === null ? '' : this.pool!.persistence!.respond(head, this.binding);
  }

  /** Makes it ready for a request, which the phases then let go on or answer. */
  begin(head: Head, framing: Framing, route: Route, nowMs: number): void {
    this.#isActive = true;
    this.tunnel = null;
    this.#interimSent = false;
    this.upload.begin(framing);
    this.method = head.method;
    this.requestText = '';
    this.asksUpgrade = framing.upgrade;
    this.expectsContinue = framing.expectContinue;
    this.isIdempotent = IDEMPOTENT.has(head.method);
    this.requestIsSent = false;
    this.responseHasBegun = false;
    const { pool } = route;
    if (this.route !== route) this.route = route;
    if (this.pool !== pool) this.pool = pool;
    this.server = null;
    this.connection = null;
    this.dispatch.begin();
    this.status = 0;
    this.failure = '';
    this.observed = '';
    this.waitMs = 0;
    this.startedMs = nowMs;
    this.#firstByteMs = -1;
    this.download.begin();
    this.decision.attempts = 0;
    this.decision.ownRow = -1;
    this.#head = head;
  }

  /** Goes to a server, or waits for one; see `Dispatch`. */
  tryNext(nowMs: number): void {
    this.dispatch.tryNext(nowMs);
  }

  /**
   * Takes bytes of the request's body.
   *
   * @returns where they end; `requestBody.fault` says where they are wrong
   */
  clientSent(bytes: Buffer, start: number, end: number, nowMs: number): number {
    return this.upload.take(bytes, start, end, nowMs);
  }

  serverReady(nowMs: number): void {
    this.attempt.sentMs = nowMs;
    this.upload.sendTo(this.connection!, this.requestText, nowMs);
  }

  requestSent(nowMs: number): void {
    this.requestIsSent = true;
    this.attempt.requestSent(nowMs);
    if (!this.responseHasBegun) this.connection!.expectAnswer(nowMs);
  }

  /** The client broke its request's framing, or stopped in the middle of it. */
  clientFailed(failure: Failure | Fault, nowMs: number): void {
    this.giveUpServer();
    if (this.responseHasBegun) this.#breakOff(failure, nowMs);
    else this.answer(failure, nowMs);
  }

  /** The client's side is closed too: what it was sent so far is unknown. */
  crashed(nowMs: number): void {
    if (this.#isActive) this.client.crashed(nowMs);
  }

  /** The client's connection is gone. */
  clientGone(failure: Failure, nowMs: number): void {
    this.failure = failure;
    if (this.status === 0) this.status = FAILURES[failure][1];
    this.giveUpServer();
    this.#settle(nowMs);
  }

  /** The client took all that was pending. */
  clientDrained(): void {
    this.connection?.resume();
  }

  /** The server took all that was pending. */
  serverDrained(): void {
    this.upload.resume();
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
      if (this.dispatch.retryAnswered(head.status, nowMs)) return;
    } else this.attempt.answeredWell(nowMs);
    this.#firstByteMs = nowMs;
    this.status = head.status;
    this.failure = '';
    this.responseHasBegun = true;
    this.download.expect(head, framing);
    if (this.isStream) {
      this.attempt.succeeded(nowMs);
      this.#livesLong();
    }
    this.client.sendHead(head, framing, this.#sessionLines(head));
  }

  /**
   * Bytes that follow a response's head.
   *
   * @returns where the body's bytes end
   */
  serverSent(bytes: Buffer, start: number, end: number): number {
    return this.download.take(bytes, start, end);
  }

  /** A piece of an event stream came, which may be its last. */
  streamed(nowMs: number): void {
    this.download.tookPiece(nowMs);
    if (this.ending?.hasBegun && this.download.isBetweenEvents) this.#endStream(nowMs);
  }

  /** The response is complete. */
  serverCompleted(nowMs: number): void {
    const connection = this.connection!;
    this.download.end();
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

  /** The end of a tunnel or event stream is due: waits a while for a good place. */
  endGently(nowMs: number): void {
    if (this.tunnel !== null) this.tunnel.endGently(nowMs);
    else if (this.download.isBetweenEvents) this.#endStream(nowMs);
  }

  /** No good place came in time. */
  endAbruptly(nowMs: number): void {
    if (this.tunnel !== null) this.endTunnel('drained', nowMs);
    else this.#endStream(nowMs);
  }

  /** Ends an event stream as if its server had, where its framing can say so. */
  #endStream(nowMs: number): void {
    this.giveUpServer();
    if (this.download.endEarly()) this.#settle(nowMs);
    else this.#breakOff('drained', nowMs);
  }

  /** @param failure why it ended; empty: both ends had said all */
  endTunnel(failure: Failure | '', nowMs: number): void {
    this.failure = failure;
    this.giveUpServer();
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
    this.decision.endChoice(failure, this.attempt.sentMs, nowMs, wasStale);
    if (this.responseHasBegun) this.#breakOff(fault ?? failure, nowMs);
    else this.dispatch.failed(failure, wasStale, nowMs);
  }

  /** Answers a request whose head was not rewritten; the log has its first line all the same. */
  refuse(head: Head, code: Failure | Fault, nowMs: number, headerLines = ''): void {
    this.requestText = `${head.method} ${head.target()} HTTP/1.1\r\n`;
    this.answer(code, nowMs, headerLines);
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

  /** It may go on for hours: its first byte is counted now, and not at its end. */
  #livesLong(): void {
    const { table, lane, longLived } = this.engine;
    longLived.add(this);
    table.measures.time(this.server!.row, lane, TIMING.firstByte, this.firstByteMs);
  }

  giveUpServer(): void {
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
      this.dispatch.end(nowMs);
      this.upload.end();
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
    if (server !== null) server.countServed(this.requestBodyBytes, this.responseBodyBytes);
    this.decision.endChoice(this.failure || this.status, this.attempt.sentMs, nowMs);
    const { decisions } = this.engine;
    this.decision = decisions.keep(this.noteDecision(nowMs), this.requestText);
    this.#settled(this, server ?? this.dispatch.failedServer, nowMs);
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

  /** Notes what is known by now. */
  noteDecision(nowMs: number): Decision {
    const { decision, requestNumber } = this;
    decision.requestNumber = requestNumber;
    decision.broughtId = requestNumber === 0 ? this.#broughtId : '';
    decision.method = this.method;
    decision.peerAddress = this.client.info.peerAddress;
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
