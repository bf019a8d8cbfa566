import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { Timer, type TimerOwner } from '../../base/wheel.ts';
import type { Failure } from '../../core/answers/failures.ts';
import type { Client } from '../../core/clients/client.ts';
import { Http2ClientStream } from '../../core/clients/http2-client-stream.ts';
import type { Engine } from '../../core/exchange/engine.ts';
import type { Exchanges } from '../../core/exchange/exchanges.ts';
import type { ClientInfo } from '../../core/forward/client-info.ts';
import type { ClientPolicy } from '../../core/routes/client-policy.ts';
import type { Route } from '../../core/routes/route.ts';
import { StreamErrors } from './stream-errors.ts';
import { StreamPort } from './stream-port.ts';

/** How many streams a client may have open at a time. */
const STREAMS_MAX = 128;
/** How much a client may send on one stream before it is taken. */
const STREAM_WINDOW_BYTES = 128 * 1024;
/** Over all streams: what is taken is given back at once, so that one cannot block the others. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/**
 * A client that opens a stream and cancels it costs us a request each time (CVE-2023-44487). This
 * many at once, and a second, are a person who scrolls; beyond that the connection is closed.
 */
const RESETS_BURST = 200;
const RESETS_PER_SECOND = 20;
/** How many requests in a row that come too early are answered before the client is told to go. */
const HASTY_MAX = 100;
/** Frames that break a rule, and streams beyond those allowed, before the connection is closed. */
const BROKEN_FRAMES_MAX = 100;
const REJECTED_STREAMS_MAX = 100;
/** What a field costs beside its bytes (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;
/**
 * A head beyond the limits is answered with 431 by whoever reads all heads, which joins the crumbs
 * of a cookie first; the library, which resets such a stream without a word to anybody, has a bound
 * so many times as wide.
 */
const READ_HEADS_FACTOR = 4;
/** Heads of answers are bounded where they are read, and the library's own bound is below that. */
const SENT_HEAD_BYTES_MAX = 1024 * 1024;
/** What the library may hold for one connection: every stream's window, and what waits to go out. */
const SESSION_MEGABYTES_MAX = 32;
/** How long requests may still arrive that were on their way when we said that we go. */
const LAST_REQUESTS_MS = 1_000;
const STREAM_ID_MAX = 2 ** 31 - 1;
const END_STREAM = 1;

/** One HTTP/2 connection of a client. */
export class Http2Connection implements Client, TimerOwner {
  readonly #exchanges: Exchanges;
  readonly #engine: Engine;
  readonly #info: ClientInfo;
  readonly #session: http2.ServerHttp2Session;
  readonly #socket: Duplex;
  readonly #streamErrors: StreamErrors;
  readonly #streams = new Set<Http2ClientStream>();
  readonly #timer: Timer;
  readonly #onGone: (connection: Http2Connection) => void;
  readonly #route: Route;
  #idleSinceMs: number;
  #isDraining = false;
  /** Requests in a row that came too early. */
  #hasty = 0;
  #isClosing = false;
  #isGone = false;

  /**
   * @param socket on which ALPN agreed on h2, and nothing was read
   * @param onGone called once, when the connection is over
   */
  constructor(
    exchanges: Exchanges,
    route: Route,
    socket: Duplex,
    clientInfo: ClientInfo,
    nowMs: number,
    onGone: (connection: Http2Connection) => void,
  ) {
    const { engine } = exchanges;
    this.#exchanges = exchanges;
    this.#engine = engine;
    this.#route = route;
    this.#info = clientInfo;
    this.#onGone = onGone;
    this.#socket = socket;
    this.#session = http2.performServerHandshake(socket, optionsOf(route.policy));
    this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.#streamErrors = new StreamErrors(this.#session);
    this.#session.on('stream', this.#onStream);
    this.#session.on('error', ignore);
    this.#session.on('close', () => this.#ended());
    socket.on('close', () => this.#ended());
    // HTTP/2 knows no half of a connection: who says no more has gone.
    socket.on('end', () => socket.destroy());
    this.#timer = new Timer(engine.wheel, this);
    // Its preface is due like a request's head.
    this.#idleSinceMs = nowMs;
    this.#timer.set(nowMs + this.#route.policy.requestMs);
    this.#session.once('remoteSettings', () => {
      if (this.#streams.size === 0) this.#expectRequest(this.#engine.clock.nowMs());
    });
  }

  idleMs(nowMs: number): number {
    return this.#streams.size === 0 && !this.#isDraining ? nowMs - this.#idleSinceMs : -1;
  }

  dismiss(): void {
    this.abort(this.#engine.clock.nowMs());
  }

  /**
   * Says that no more requests are taken, lets those under way end, and closes. RFC 9113 §6.8: the
   * last stream is named a while later, for requests may be under way to us.
   */
  drain(): void {
    if (this.#isDraining || this.#isGone) return;
    this.#isDraining = true;
    if (!this.#session.destroyed) this.#session.goaway(0, STREAM_ID_MAX);
    this.#timer.set(this.#engine.clock.nowMs() + LAST_REQUESTS_MS);
  }

  abort(nowMs: number): void {
    this.#abandon('drained', nowMs);
    this.#session.destroy();
    this.#socket.destroy();
    this.#gone('client_gone', nowMs);
  }

  crashed(nowMs: number): void {
    this.#session.destroy();
    this.#socket.destroy();
    this.#gone('internal_error', nowMs);
  }

  onTimer(nowMs: number): void {
    if (this.#isDraining) return this.#close(nowMs);
    if (this.#streams.size > 0) return this.#expectRequest(nowMs);
    // Idle, or never a word: closes in good order, and soon whatever the client does.
    this.drain();
  }

  /** Names the last stream and waits for its end; then the client has a moment to go as well. */
  #close(nowMs: number): void {
    if (this.#isClosing && this.#streams.size === 0) return this.abort(nowMs);
    if (!this.#isClosing) this.#session.close();
    this.#isClosing = true;
    this.#timer.set(nowMs + LAST_REQUESTS_MS);
  }

  readonly #onStream = (
    stream: ServerHttp2Stream,
    _headers: IncomingHttpHeaders,
    flags: number,
    fields: string[] = [],
  ): void => {
    const { clock } = this.#engine;
    const nowMs = clock.nowMs();
    const port = new StreamPort(stream, this.#streamErrors, this.#engine);
    const client = new Http2ClientStream(this.#exchanges, this.#route, this.#info, port, (one) =>
      this.#over(one),
    );
    this.#streams.add(client);
    if (!this.#isDraining) this.#timer.clear();
    const isEnd = (flags & END_STREAM) !== 0;
    port.attach(client, isEnd);
    try {
      client.begin(fields, isEnd, nowMs);
    } catch (error) {
      this.#engine.contain(error, client, nowMs);
    }
    // In the order they were asked: one that was let in may end long after, between any of those.
    this.#hasty = client.isHasty ? this.#hasty + 1 : 0;
    if (this.#hasty > HASTY_MAX) this.drain();
  };

  #over(client: Http2ClientStream): void {
    this.#streams.delete(client);
    if (this.#streams.size === 0 && !this.#isDraining) {
      this.#expectRequest(this.#engine.clock.nowMs());
    }
  }

  #expectRequest(nowMs: number): void {
    this.#idleSinceMs = nowMs;
    if (!this.#isGone) this.#timer.set(nowMs + this.#route.policy.idleMs);
  }

  #abandon(failure: Failure, nowMs: number): void {
    for (const client of [...this.#streams]) {
      try {
        client.abort(failure, nowMs);
      } catch (error) {
        this.#engine.contain(error, client, nowMs);
      }
    }
  }

  #ended(): void {
    const nowMs = this.#engine.clock.nowMs();
    try {
      this.#gone('client_gone', nowMs);
    } catch (error) {
      this.#engine.contain(error, this, nowMs);
    }
  }

  #gone(failure: Failure, nowMs: number): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#timer.dispose();
    this.#abandon(failure, nowMs);
    this.#onGone(this);
  }
}

function optionsOf({ headLimits }: ClientPolicy): http2.ServerSessionOptions {
  const { headBytes, fields } = headLimits;
  const listBytes = READ_HEADS_FACTOR * (headBytes + fields * FIELD_OVERHEAD_BYTES);
  const options = {
    maxHeaderListPairs: Math.floor(listBytes / FIELD_OVERHEAD_BYTES),
    maxSendHeaderBlockLength: SENT_HEAD_BYTES_MAX,
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    maxSessionInvalidFrames: BROKEN_FRAMES_MAX,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    streamResetBurst: RESETS_BURST,
    streamResetRate: RESETS_PER_SECOND,
    // A field that a server says twice is passed on twice.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: STREAMS_MAX,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: listBytes,
      enableConnectProtocol: true,
    },
  };
  return options;
}

function ignore(): void {}
