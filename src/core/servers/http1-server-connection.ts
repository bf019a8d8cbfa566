/**
 * One HTTP/1.1 connection to a server: connecting, then awaiting an answer, then relaying its body,
 * then idle for the next exchange, or a tunnel to its end; closed at last.
 *
 * A call to the exchange may end it, send it to another server, or destroy this connection before it
 * returns. So every call is the last thing a method does, or is followed by a look whether the
 * exchange is still the present one.
 */
import { Timer } from '../../base/wheel.ts';
import { COUNTER } from '../../table/layout.ts';
import { TIMING } from '../../table/measures.ts';
import type { Failure } from '../answers/failures.ts';
import type { Fault } from '../http1/faults.ts';
import { BODY, frameResponse } from '../http1/framing.ts';
import { FAULTY, INCOMPLETE, readResponseHead } from '../http1/head.ts';
import { HeadReader } from '../http1/reader.ts';
import type { CloseCause, Stream, StreamOwner } from '../ports/stream.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import type { Endpoint } from './endpoint.ts';
import type { HeldBody } from './held-body.ts';
import type { CarriedExchange, ServerSide } from './server-side.ts';
import type { PoolSettings } from './settings.ts';

const STATE = { connecting: 0, awaiting: 1, body: 2, tunnel: 3, idle: 4, closed: 5 } as const;

/** A server that sends more interim responses than this to one request is broken. */
const INTERIM_RESPONSES_MAX = 64;

/** After a connection that was opened ahead of need failed. */
const WARMS_AGAIN_MS = 5_000;

const CONNECT_FAILURE: Readonly<Record<CloseCause, Failure>> = {
  closed: 'connect_reset',
  refused: 'connect_refused',
  unreachable: 'connect_unreachable',
  reset: 'connect_reset',
  name_not_found: 'name_not_found',
  tls_failed: 'tls_failed',
  shortage: 'connect_shortage',
  failed: 'connect_failed',
};

/** What a connection is opened for. */
export interface OpenedFor {
  readonly endpoint: Endpoint;
  /** Row in the table of the server that it counts for. */
  readonly row: number;
  readonly settings: PoolSettings;
  /** Told when the connection's place is free. */
  readonly queue: { roomFreed(): void };
}

/** One HTTP/1.1 connection to a server, carrying one exchange at a time. */
export class Http1ServerConnection implements ServerSide, StreamOwner {
  readonly #endpoint: Endpoint;
  readonly #row: number;
  readonly #queue: OpenedFor['queue'];
  readonly #stream: Stream;
  /** When it went idle, and until when it can be used again. */
  idleSinceMs = 0;
  keptUntilMs = 0;
  /** Exchanges it carried before the present one. */
  reuses = -1;
  readonly #context: WorkerContext;
  /** The pool's, as of the start of the current exchange. */
  #settings: PoolSettings;
  readonly #timer: Timer;
  readonly #startedMs: number;
  /** From then on it carries no other request. */
  readonly #retiresMs: number;
  /** The version of the name's addresses that last included its own. */
  #addressesVersion: number;
  readonly #reader: HeadReader;
  #exchange: CarriedExchange | null = null;
  #state: number = STATE.connecting;
  #interimResponses = 0;
  #unsentBytes = 0;
  /** Timeout for the server's silence in the current exchange. */
  #silenceMs: number;
  #serverKeepsOpen = true;
  /** As the server announced it; -1: it did not. */
  #serverKeepsMs = -1;
  /** It is being opened in advance. */
  #isWarming = false;

  /** @param preface sent before everything else; empty: nothing */
  constructor(
    context: WorkerContext,
    { endpoint, row, settings, queue }: OpenedFor,
    nowMs: number,
    preface: string,
  ) {
    this.#endpoint = endpoint;
    this.#row = row;
    this.#queue = queue;
    this.#context = context;
    this.#settings = settings;
    this.#silenceMs = settings.timeouts.readMs;
    this.#startedMs = nowMs;
    this.#retiresMs = nowMs + lifetimeMs(settings.ageMsMax, context.random);
    this.#addressesVersion = endpoint.addressesVersion;
    this.#timer = new Timer(context.wheel, this);
    this.#reader = new HeadReader(context.responseHead, readResponseHead, settings.responseLimits);
    context.table.counters.add(row, context.lane, COUNTER.connectionsOpened);
    this.#stream = context.connector.connect(endpoint.address, this, preface);
    this.#timer.set(nowMs + settings.timeouts.connectMs);
  }

  get isOpen(): boolean {
    return this.#state !== STATE.connecting && this.#state !== STATE.closed;
  }

  get isClosed(): boolean {
    return this.#state === STATE.closed;
  }

  /** Whether bytes of a response have come for the present exchange. */
  get hasBegunToAnswer(): boolean {
    return this.#state === STATE.body || this.#reader.isPartial || this.#interimResponses > 0;
  }

  carry(exchange: CarriedExchange, settings: PoolSettings, nowMs: number): void {
    this.#exchange = exchange;
    this.#settings = settings;
    this.#reader.limits = settings.responseLimits;
    this.reuses += 1;
    const { timeouts, breaker } = settings;
    this.#silenceMs = timeouts.readMs;
    if (exchange.isTrial && breaker !== null) {
      this.#silenceMs = Math.min(timeouts.readMs, breaker.halfOpenMs);
    }
    this.#interimResponses = 0;
    this.#serverKeepsOpen = true;
    if (this.#state === STATE.connecting) return;
    this.#state = STATE.awaiting;
    this.#timer.clear();
    exchange.serverReady(nowMs);
  }

  get pendingBytes(): number {
    return this.#stream.pendingBytes;
  }

  sendRequest(headText: string, body: HeldBody): void {
    body.sendAfter(headText, this.#stream);
  }

  sendBody(bytes: Buffer, start: number, end: number): void {
    this.#stream.writeBytes(bytes, start, end);
    // As much to send as before no longer means that none was taken.
    this.#unsentBytes = -1;
  }

  sendTunnel(bytes: Buffer, start: number, end: number, nowMs: number): void {
    if (end > start) this.#stream.writeBytes(bytes, start, end);
    this.#expectStream(nowMs);
  }

  endTunnel(): void {
    this.#stream.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  expectAnswer(nowMs: number): void {
    this.#timer.set(nowMs + this.#silenceMs);
  }

  expectUpload(nowMs: number): void {
    this.#unsentBytes = this.#stream.unsentBytes();
    this.#timer.set(nowMs + this.#settings.timeouts.writeMs);
  }

  /** From now on, silence on the whole stream counts, at both ends. */
  #expectStream(nowMs: number): void {
    this.#timer.set(nowMs + this.#settings.timeouts.streamMs);
  }

  rest(nowMs: number): boolean {
    if (this.#state !== STATE.awaiting && this.#state !== STATE.body) return false;
    if (!this.#serverKeepsOpen || nowMs >= this.#retiresMs || !this.leadsToServer()) return false;
    // The server's own announcement, less a second for what may be under way (RFC 2068 §19.7.1).
    const keptMs =
      this.#serverKeepsMs === -1
        ? this.#settings.idleMs
        : Math.min(this.#settings.idleMs, this.#serverKeepsMs - 1000);
    if (keptMs <= 0) return false;
    this.#exchange = null;
    this.#state = STATE.idle;
    // It may have been paused for a client that was slow to take the last of the response.
    this.#stream.resume();
    this.idleSinceMs = nowMs;
    this.keptUntilMs = Math.min(nowMs + keptMs, this.#retiresMs);
    this.#timer.set(this.keptUntilMs);
    return true;
  }

  leadsToServer(): boolean {
    const { address, addressesVersion } = this.#endpoint;
    if (this.#addressesVersion === addressesVersion) return true;
    this.#addressesVersion = addressesVersion;
    return this.#context.connector.leadsTo(address, this.#stream);
  }

  destroy(): void {
    if (this.#state === STATE.closed) return;
    this.#leave();
    this.#stream.destroy();
  }

  crashed(nowMs: number): void {
    const exchange = this.#exchange;
    try {
      this.destroy();
    } finally {
      exchange?.crashed(nowMs);
    }
  }

  /** Opens it in advance: it becomes idle once open. */
  warm(): void {
    this.#isWarming = true;
    this.#endpoint.warming += 1;
  }

  onOpen(nowMs: number): void {
    if (this.#state !== STATE.connecting) return;
    const { table, lane } = this.#context;
    table.measures.time(this.#row, lane, TIMING.connect, nowMs - this.#startedMs);
    this.#timer.clear();
    this.#state = STATE.awaiting;
    if (this.#exchange !== null) this.#exchange.serverReady(nowMs);
    else if (this.#isWarming && !this.#endpoint.isRetired) this.#warmed(nowMs);
    else this.destroy();
  }

  #warmed(nowMs: number): void {
    this.#isWarming = false;
    this.#endpoint.warming -= 1;
    // Its first request too may find that the server has closed it meanwhile.
    this.reuses = 0;
    if (!this.rest(nowMs)) return this.destroy();
    this.#endpoint.idle.unshift(this);
    this.#queue.roomFreed();
  }

  onBytes(bytes: Buffer, start: number, end: number, nowMs: number): void {
    switch (this.#state) {
      case STATE.awaiting:
        this.#readHead(bytes, start, end, nowMs);
        break;
      case STATE.body:
        this.#relayBody(bytes, start, end, nowMs);
        break;
      case STATE.tunnel:
        this.#timer.set(nowMs + this.#settings.timeouts.streamMs);
        this.#exchange!.tunnelSent(bytes, start, end);
        break;
      case STATE.idle:
        // Nobody asked for these bytes: they must never become an answer to the next request.
        this.destroy();
        break;
    }
  }

  onDrain(nowMs: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (this.#state === STATE.awaiting && exchange.requestIsSent) this.expectAnswer(nowMs);
    exchange.serverDrained();
  }

  onEnd(nowMs: number): void {
    const exchange = this.#exchange;
    switch (this.#state) {
      case STATE.tunnel:
        exchange!.tunnelEnded(nowMs);
        break;
      case STATE.body:
        if (exchange!.responseBody.kind === BODY.untilClose) {
          this.#serverKeepsOpen = false;
          exchange!.serverCompleted(nowMs);
        } else this.#fail('response_truncated', nowMs);
        break;
      case STATE.awaiting:
        this.#fail('server_closed', nowMs);
        break;
      default:
        this.destroy();
    }
  }

  onClose(cause: CloseCause, nowMs: number): void {
    const state = this.#state;
    const exchange = this.#exchange;
    if (state === STATE.closed) return;
    if (state === STATE.connecting) this.#fail(CONNECT_FAILURE[cause], nowMs);
    else if (state === STATE.awaiting) {
      this.#fail(cause === 'closed' ? 'server_closed' : 'server_reset', nowMs);
    } else if (state === STATE.body) this.#fail('response_truncated', nowMs);
    else {
      this.#leave();
      if (state === STATE.tunnel) exchange!.tunnelClosed(cause, nowMs);
    }
  }

  #readHead(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const context = this.#context;
    const head = context.responseHead;
    const framing = context.responseFraming;
    let at = start;
    for (;;) {
      at = this.#reader.take(bytes, at, end);
      const exchange = this.#exchange!;
      if (at === INCOMPLETE) {
        if (exchange.requestIsSent) this.expectAnswer(nowMs);
        return;
      }
      if (at === FAULTY) return this.#fail(failureOf(head.fault), nowMs, head.fault);
      bytes = head.bytes;
      end = this.#reader.restEnd;
      const fault = frameResponse(head, framing, exchange.method);
      if (fault !== undefined) return this.#fail('bad_response', nowMs, fault);
      if (head.status >= 200) break;
      if (head.status === 101) return this.#upgrade(bytes, at, end, nowMs);
      this.#interimResponses += 1;
      if (this.#interimResponses > INTERIM_RESPONSES_MAX) return this.#fail('bad_response', nowMs);
      exchange.serverInformed(head);
      if (exchange.requestIsSent) this.expectAnswer(nowMs);
      if (at === end || this.#state !== STATE.awaiting) return;
    }
    this.#state = STATE.body;
    this.#serverKeepsOpen = framing.keepAlive;
    if (framing.keepAliveSeconds >= 0) this.#serverKeepsMs = framing.keepAliveSeconds * 1000;
    const exchange = this.#exchange!;
    exchange.serverAnswered(head, framing, nowMs);
    if (this.#exchange !== exchange) return;
    this.#relayBody(bytes, at, end, nowMs);
  }

  #relayBody(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const exchange = this.#exchange!;
    const at = exchange.serverSent(bytes, start, end);
    if (this.#exchange !== exchange) return;
    const body = exchange.responseBody;
    if (body.fault !== undefined) return this.#fail('response_truncated', nowMs, body.fault);
    if (!body.done) {
      if (exchange.isStream) {
        exchange.streamed(nowMs);
        if (this.#exchange === exchange) this.#expectStream(nowMs);
      } else this.expectAnswer(nowMs);
      return;
    }
    // Bytes after a response answer nothing that was asked: the connection is not to be trusted.
    if (at < end) this.#serverKeepsOpen = false;
    exchange.serverCompleted(nowMs);
  }

  #upgrade(bytes: Buffer, at: number, end: number, nowMs: number): void {
    const exchange = this.#exchange!;
    if (!exchange.asksUpgrade || !this.#context.responseFraming.upgrade) {
      return this.#fail('bad_response', nowMs);
    }
    this.#state = STATE.tunnel;
    this.#expectStream(nowMs);
    exchange.serverUpgraded(this.#context.responseHead, nowMs);
    if (at < end && this.#exchange === exchange) exchange.tunnelSent(bytes, at, end);
  }

  /** @internal of the timer */
  onTimer(nowMs: number): void {
    switch (this.#state) {
      case STATE.connecting:
        this.#fail('connect_timeout', nowMs);
        break;
      case STATE.awaiting:
        // A request that waits to be taken has not been sent, whatever the exchange believes.
        if (this.#exchange!.requestIsSent && this.#stream.pendingBytes === 0) {
          this.#fail('read_timeout', nowMs);
        } else this.#checkUpload(nowMs);
        break;
      case STATE.body:
        // While the client is the slow one the server is held back and cannot be blamed.
        if (this.#exchange!.isHeldByClient) this.expectAnswer(nowMs);
        else this.#fail(this.#exchange!.isStream ? 'stream_timeout' : 'read_timeout', nowMs);
        break;
      case STATE.tunnel:
        this.#checkTunnel(nowMs);
        break;
      case STATE.idle:
        this.destroy();
        break;
    }
  }

  /** A slow client is not the server's fault; a server that reads nothing is. */
  #checkUpload(nowMs: number): void {
    const unsentBytes = this.#stream.unsentBytes();
    if (unsentBytes > 0 && unsentBytes === this.#unsentBytes) this.#fail('write_timeout', nowMs);
    else this.expectUpload(nowMs);
  }

  /** A tunnel is silent when neither end takes anything either. */
  #checkTunnel(nowMs: number): void {
    const unsentBytes = this.#stream.unsentBytes();
    const isTaking = unsentBytes > 0 && unsentBytes !== this.#unsentBytes;
    this.#unsentBytes = unsentBytes;
    if (isTaking || this.#exchange!.isHeldByClient) this.#expectStream(nowMs);
    else this.#exchange!.tunnelSilent(nowMs);
  }

  #fail(failure: Failure, nowMs: number, fault?: Fault): void {
    const exchange = this.#exchange;
    const wasAnswering = this.hasBegunToAnswer;
    this.destroy();
    if (exchange === null) return;
    try {
      exchange.serverFailed(failure, fault, wasAnswering, nowMs);
    } catch (error) {
      // It has nothing to do with this connection any more, and may be on its way to another server.
      this.#context.contain(error, exchange, nowMs);
    }
  }

  #leave(): void {
    if (this.#state === STATE.idle) this.#endpoint.forget(this);
    if (this.#isWarming) {
      this.#isWarming = false;
      this.#endpoint.warming -= 1;
      this.#endpoint.warmsFromMs = this.#context.clock.nowMs() + WARMS_AGAIN_MS;
    }
    const hadExchange = this.#exchange !== null;
    this.#state = STATE.closed;
    this.#exchange = null;
    this.#timer.dispose();
    this.#context.table.poolCounts.releaseConnection(this.#settings.row, this.#context.lane);
    // An exchange that loses its connection says itself when its place is free.
    if (!hadExchange) this.#queue.roomFreed();
  }
}

/** Connections that were opened together must not all go together. */
const LIFETIME_SPREAD = 0.2;

function lifetimeMs(ageMsMax: number, random: () => number): number {
  return ageMsMax === 0 ? Infinity : ageMsMax * (1 - LIFETIME_SPREAD * random());
}

/** What is wrong with a response's head that could not be read. */
function failureOf(fault: Fault): Failure {
  const isTooLarge = fault === 'head_too_large' || fault === 'too_many_fields';
  return isTooLarge ? 'response_head_too_large' : 'bad_response';
}
