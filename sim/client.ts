import type { CloseCause, StreamOwner } from '../src/core/ports/stream.ts';
import { BodyWriter } from './body-writer.ts';
import type { Chance, Range } from './chance.ts';
import type { ClientManner } from './client-manner.ts';
import { isContent } from './content.ts';
import type { RequestFact, ResponseFact } from './ledger.ts';
import {
  type BodyForm,
  formOf,
  type MessageHead,
  type MessageOwner,
  MessageReader,
} from './message.ts';
import type { Endpoint } from './network.ts';
import { TUNNEL_GREETING } from './server-side.ts';
import type { World } from './world.ts';

/** How long a client that does its part waits for anything to happen. */
const PATIENCE_MS = 40_000;
const BODY_BYTES_MAX = 200 * 1024;
/** Pauses of a client; pieces of an upload: bounds on how long it all takes. */
const DAWDLES_MAX = 30;
const PIECES_MAX = 15;

const MALFORMED: readonly string[] = [
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\nHost: x\n\n',
  'GET  / HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
  'GET / HTTP/2.0\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nX: half a head',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(40_000)}\r\n\r\n`,
];

/** One client: asks its requests and looks at what comes back. */
export class SimClient implements StreamOwner, MessageOwner {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #manner: ClientManner;
  readonly #workers: readonly string[];
  readonly #onOver: () => void;
  #stream: Endpoint | null = null;
  #reader!: MessageReader;
  #left: number;
  /** Requests that were sent and are not yet answered, in order. */
  #waiting: RequestFact[] = [];
  #response: ResponseFact | undefined;
  #ownAnswer = '';
  #isOwnAnswer = false;
  #status = 0;
  #writer: BodyWriter | null = null;
  #uploading: RequestFact | null = null;
  #awaitsContinue: (() => void) | null = null;
  #uploadStart = 0;
  /** The response said close. */
  #connectionEnds = false;
  /** The request said close. */
  #asksNoMore = false;
  #dawdles = 0;
  #sendIsDue = false;
  #mayBeAnsweredAnything = false;
  #tunnel: RequestFact | null = null;
  #tunnelBytes = 0;
  #greetingBytes = 0;
  #progressMs = 0;
  #isConnecting = false;
  #isOver = false;

  constructor(
    world: World,
    chance: Chance,
    manner: ClientManner,
    workers: readonly string[],
    onOver: () => void,
  ) {
    this.#world = world;
    this.#chance = chance;
    this.#manner = manner;
    this.#workers = workers;
    this.#onOver = onOver;
    this.#left = manner.requests;
    this.#progressed();
    this.#connect();
    this.#watch();
    if (Number.isFinite(manner.leavesAfterMs)) {
      world.clock.after(manner.leavesAfterMs, () => this.#leave());
    }
  }

  /** The upload that is under way, and how much of its body the core has read. */
  get upload(): { request: RequestFact; takenBytes: number } | null {
    const request = this.#uploading;
    if (request === null || this.#stream === null || request.settled > 0) return null;
    return { request, takenBytes: this.#stream.peer.readBytes - this.#uploadStart };
  }

  crashed(): void {}

  onOpen(): void {
    this.#sendSoon(0);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.#progressed();
    this.#reader.push(bytes, start, end);
    const stream = this.#stream;
    if (stream === null || !this.#chance.happens(this.#manner.dawdles)) return;
    if (this.#dawdles >= DAWDLES_MAX) return;
    this.#dawdles += 1;
    stream.pause();
    this.#world.clock.after(this.#chance.within(this.#manner.dawdleMs), () => stream.resume());
  }

  onDrain(): void {
    this.#progressed();
    this.#writer?.drained();
  }

  onEnd(): void {
    const stream = this.#stream!;
    if (this.#tunnel !== null) return this.#tunnelEnded();
    if (!this.#reader.end()) this.#broken('the connection ended half way');
    if (this.#stream !== stream) return;
    this.#drop('the connection ended');
    stream.destroy();
    this.#stream = null;
    this.#goOn();
  }

  onClose(cause: CloseCause): void {
    this.#drop(`the connection was closed: ${cause}`);
    const tunnel = this.#tunnel;
    if (tunnel?.outcome === 'open') {
      tunnel.outcome = 'broken';
      this.#over(tunnel, `the tunnel was closed: ${cause}`);
    }
    this.#stream = null;
    this.#goOn();
  }

  onHead(head: MessageHead): BodyForm {
    const { invariants, ledger } = this.#world;
    // We left in the middle of what was read.
    if (this.#stream === null) return 'close';
    const connection = this.#stream!.connection;
    const request = this.#waiting[0];
    if (request === undefined) {
      if (this.#mayBeAnsweredAnything && head.status >= 400) return 'close';
      invariants.fail('answeredOnce', `${head.line} answers nothing`, connection);
      return 'close';
    }
    if (head.status < 200 && head.status !== 101) {
      if (this.#manner.isHttp10) {
        invariants.fail('wellFormed', 'a 1xx response went to an HTTP/1.0 client', connection);
      }
      if (head.status === 100) this.#continue();
      return 0;
    }
    this.#status = head.status;
    request.status = head.status;
    invariants.answered(request, connection);
    this.#world.network.trace.note(connection, `response ${head.status} to ${request.id}`);
    this.#continue();
    if (head.status === 101) return this.#startTunnel(request);
    const serial = head.fields.get('x-sim-serial');
    this.#isOwnAnswer = serial === undefined;
    this.#response = undefined;
    this.#ownAnswer = '';
    if (serial !== undefined) {
      const response = ledger.responses[Number(serial)];
      invariants.responseArrived(request, response, head.status, connection);
      this.#response = response;
    } else if (head.status < 400) {
      invariants.fail('wellFormed', `${head.line} is no answer of a server`, connection);
    }
    const options = (head.fields.get('connection') ?? '').split(/, */);
    const keeps = this.#manner.isHttp10
      ? options.includes('keep-alive')
      : !options.includes('close');
    if (!keeps) this.#connectionEnds = true;
    if (head.fields.has('x-hop') || head.fields.has('keep-alive')) {
      invariants.fail('wellFormed', 'a hop-by-hop field was passed on', connection);
    }
    const form = formOf(head.fields);
    if (form === undefined || (form === 'chunked' && this.#manner.isHttp10)) {
      invariants.fail('wellFormed', `${head.line} has an unclear length`, connection);
      return 0;
    }
    if (request.method === 'HEAD' || head.status === 204 || head.status === 304) return 0;
    if (form === 'close') this.#connectionEnds = true;
    return form;
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#stream === null) return;
    if (this.#tunnel !== null) this.#tunnelBody(bytes, start, end);
    else if (this.#isOwnAnswer) this.#ownAnswer += bytes.toString('latin1', start, end);
    else if (this.#response !== undefined) {
      const { connection } = this.#stream!;
      this.#world.invariants.responseBody(this.#response, bytes, start, end, connection);
    }
  }

  onMessageEnd(trailers: ReadonlyMap<string, string>): void {
    if (this.#status < 200) return;
    const request = this.#waiting.shift();
    if (request === undefined) return;
    const { invariants } = this.#world;
    const { connection } = this.#stream!;
    this.#status = 0;
    if (this.#response !== undefined) {
      const trailer = trailers.get('x-sim-trailer');
      invariants.responseLooksWhole(this.#response, trailer, connection);
      if (trailers.has('te')) invariants.fail('wellFormed', 'a hop-by-hop trailer', connection);
    } else {
      const named = /request id: (\S+)/.exec(this.#ownAnswer)?.[1];
      if (named !== undefined && named !== request.id) {
        invariants.fail('ownAnswer', `${request.id} got our answer to ${named}`, connection);
      }
    }
    request.outcome = 'whole';
    this.#over(request, 'it was answered');
    this.#response = undefined;
    if (this.#connectionEnds) {
      this.#drop('the response before it said close');
      this.#finish();
    } else this.#sendSoon(this.#chance.within(this.#manner.thinkMs));
  }

  onBad(reason: string): void {
    this.#world.invariants.fail('wellFormed', `a client got ${reason}`, this.#stream!.connection);
    this.#stream!.destroy();
    this.#drop('malformed');
    this.#stream = null;
    this.#left = 0;
    this.#goOn();
  }

  #connect(): void {
    this.#isConnecting = false;
    this.#reader = new MessageReader(this);
    this.#connectionEnds = false;
    this.#asksNoMore = false;
    this.#status = 0;
    this.#response = undefined;
    this.#stream = this.#world.network.connect(this.#chance.pick(this.#workers), this, false);
  }

  /** The connection is done: opens another one if something is left to ask. */
  #goOn(): void {
    if (this.#isOver || this.#stream !== null) return;
    if (this.#left === 0 || this.#tunnel !== null) {
      this.#isOver = true;
      this.#onOver();
    } else if (!this.#isConnecting) {
      this.#isConnecting = true;
      this.#world.clock.after(this.#chance.within([1, 50]), () => {
        if (!this.#isOver) this.#connect();
      });
    }
  }

  /** Says goodbye on a connection that nothing more will come on. */
  #finish(): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#writer?.cancel();
    if (this.#chance.happens(0.5) && stream.pendingBytes === 0) {
      stream.destroy();
      this.#stream = null;
      this.#goOn();
    } else stream.end();
  }

  #sendSoon(delayMs: number): void {
    if (this.#sendIsDue) return;
    this.#sendIsDue = true;
    this.#world.clock.after(delayMs, () => {
      this.#sendIsDue = false;
      this.#send();
    });
  }

  #send(): void {
    const stream = this.#stream;
    if (stream === null || stream.isClosed || this.#isOver) return;
    if (this.#connectionEnds || this.#asksNoMore) return;
    if (this.#uploading !== null || this.#tunnel !== null || this.#mayBeAnsweredAnything) return;
    if (this.#left === 0) {
      if (this.#waiting.length === 0) this.#finish();
      return;
    }
    if (this.#waiting.length >= this.#manner.depth) return;
    this.#progressed();
    this.#left -= 1;
    if (this.#left === 0 && this.#manner.endsMalformed) {
      this.#mayBeAnsweredAnything = true;
      if (this.#chance.happens(0.2)) this.#sendBadChunk(stream);
      else stream.writeText(this.#chance.pick(MALFORMED));
      this.#world.clock.after(8_000, () => this.#leave());
      return;
    }
    this.#sendRequest(stream);
    if (this.#left === 0 && this.#uploading === null && this.#manner.halfCloses) stream.end();
    else if (this.#left > 0 && this.#waiting.length < this.#manner.depth) this.#sendSoon(0);
  }

  /** A request that breaks off its framing: it may reach a server, but never look whole there. */
  #sendBadChunk(stream: Endpoint): void {
    const request = this.#world.ledger.addRequest({
      method: 'POST',
      bodyBytes: 0,
      tunnelBytes: 0,
      hasTrailer: false,
      connection: stream.connection,
      sentAtMs: this.#world.clock.nowMs(),
    });
    this.#waiting.push(request);
    const head = `POST /${request.id} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${request.id}`;
    const chunk = this.#chance.pick(['xyz\r\n', '0\r\n bad: trailer\r\n\r\n', '\r\n']);
    stream.writeText(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
  }

  #sendRequest(stream: Endpoint): void {
    const chance = this.#chance;
    const manner = this.#manner;
    const isLast = this.#left === 0;
    const isTunnel = manner.tunnels && isLast && !manner.isHttp10 && !manner.halfCloses;
    const hasBody = !isTunnel && chance.happens(manner.uploads);
    const isChunked = hasBody && !manner.isHttp10 && chance.happens(0.4);
    const bodyBytes = hasBody ? chance.size(BODY_BYTES_MAX) : 0;
    const request = this.#world.ledger.addRequest({
      method: isTunnel
        ? 'GET'
        : hasBody
          ? chance.pick(['POST', 'PUT', 'PATCH', 'DELETE'])
          : chance.pick(['GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS']),
      bodyBytes,
      tunnelBytes: isTunnel ? chance.size(BODY_BYTES_MAX) : 0,
      hasTrailer: isChunked && chance.happens(0.3),
      connection: stream.connection,
      sentAtMs: this.#world.clock.nowMs(),
    });
    const stops = hasBody && manner.stopsUpload && bodyBytes > 0;
    const isSteady = manner.isPlain && !manner.endsMalformed && !stops;
    request.isAttack = this.#world.screens && bodyBytes > 0 && chance.happens(0.1);
    request.mustSucceed = this.#world.isWell && isSteady && !request.isAttack;
    this.#waiting.push(request);
    const expects = hasBody && !manner.isHttp10 && chance.happens(0.2);
    const closes = !manner.keepsAlive || (isLast && chance.happens(0.2));
    const lines = ['Host: sim.example', `X-Request-Id: ${request.id}`];
    if (isTunnel) lines.push('Connection: Upgrade', 'Upgrade: sim');
    else if (closes && !manner.isHttp10) lines.push('Connection: close');
    else if (!closes && manner.isHttp10) lines.push('Connection: keep-alive');
    if (hasBody)
      lines.push(isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bodyBytes}`);
    if (expects) lines.push('Expect: 100-continue');
    if (chance.happens(0.1)) lines.push(`X-Padding: ${'p'.repeat(chance.whole(1, 3000))}`);
    const version = manner.isHttp10 ? 'HTTP/1.0' : 'HTTP/1.1';
    stream.writeText(
      `${request.method} /${request.id} ${version}\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    if (closes) this.#asksNoMore = true;
    request.isSent = bodyBytes === 0 && !isChunked;
    if (!hasBody) return;
    this.#uploading = request;
    this.#uploadStart = stream.writtenBytes;
    const start = () => this.#startUpload(stream, request, isChunked, stops);
    if (!expects) return start();
    this.#awaitsContinue = start;
    this.#world.clock.after(700, () => {
      if (this.#uploading === request) this.#continue();
    });
  }

  /** The server, or our patience, lets the body go. */
  #continue(): void {
    const start = this.#awaitsContinue;
    this.#awaitsContinue = null;
    start?.();
  }

  #startUpload(stream: Endpoint, request: RequestFact, isChunked: boolean, stops: boolean): void {
    if (stream.isClosed) return;
    const chance = this.#chance;
    const { bodyBytes } = request;
    const pieceBytes = Math.ceil(bodyBytes / chance.whole(1, PIECES_MAX));
    const body = {
      key: request.key,
      bytes: bodyBytes,
      isChunked,
      trailers: request.hasTrailer ? `X-Sim-Trailer: ${request.id}\r\nContent-Length: 5\r\n` : '',
      upTo: stops ? chance.whole(0, bodyBytes - 1) : bodyBytes,
      pieceBytes: [pieceBytes, pieceBytes] as const,
      gapMs: this.#manner.gapMs,
    };
    // Sent before the last byte is written, for it may be read before we hear of it.
    request.isSent = !stops;
    this.#writer = new BodyWriter(stream, chance, body, () => {
      this.#writer = null;
      if (this.#uploading === request) this.#uploading = null;
      if (stops) return this.#stopHalfWay(stream);
      if (this.#left === 0 && this.#manner.halfCloses) stream.end();
      else this.#sendSoon(0);
    });
    this.#writer.start();
  }

  #stopHalfWay(stream: Endpoint): void {
    this.#asksNoMore = true;
    const how = this.#chance.pick(['end', 'reset', 'silence']);
    if (how === 'end') stream.end();
    else if (how === 'reset') this.#leave();
  }

  #startTunnel(request: RequestFact): BodyForm {
    const stream = this.#stream!;
    this.#tunnel = request;
    this.#left = 0;
    this.#waiting.shift();
    request.isSent = true;
    const body = {
      key: request.key,
      bytes: request.tunnelBytes,
      isChunked: false,
      trailers: '',
      upTo: request.tunnelBytes,
      pieceBytes: this.#chance.pick<Range>([
        [100, 2_000],
        [10_000, 64_000],
      ]),
      gapMs: [0, 10] as const,
    };
    this.#writer = new BodyWriter(stream, this.#chance, body, () => stream.end());
    this.#writer.start();
    return 'raw';
  }

  #tunnelBody(bytes: Buffer, start: number, end: number): void {
    const request = this.#tunnel!;
    const { connection } = this.#stream!;
    let at = start;
    while (at < end && this.#greetingBytes < TUNNEL_GREETING.length) {
      if (bytes[at] !== TUNNEL_GREETING.charCodeAt(this.#greetingBytes)) {
        this.#world.invariants.fail(
          'exactBody',
          `tunnel ${request.id}: a wrong greeting`,
          connection,
        );
      }
      this.#greetingBytes += 1;
      at += 1;
    }
    if (!isContent(request.key, this.#tunnelBytes, bytes, at, end)) {
      const what = `tunnel ${request.id}: a wrong echo from ${this.#tunnelBytes} on`;
      this.#world.invariants.fail('exactBody', what, connection, ...request.arrivedOn);
    }
    this.#tunnelBytes += end - at;
  }

  /** The server says no more; what we have to say still has to reach it. */
  #tunnelEnded(): void {
    const request = this.#tunnel!;
    const expected = request.echoes ? request.tunnelBytes : 0;
    const isWhole =
      this.#tunnelBytes === expected && this.#greetingBytes === TUNNEL_GREETING.length;
    request.outcome = isWhole ? 'whole' : 'broken';
    request.status = 200;
    this.#over(request, `${this.#tunnelBytes} of ${expected} bytes came back through the tunnel`);
  }

  /** The response under way, if any, will never be whole. */
  #broken(why: string): void {
    const request = this.#waiting[0];
    if (request === undefined || request.answers === 0) return;
    this.#waiting.shift();
    request.outcome = 'broken';
    this.#over(request, why);
  }

  /** The connection takes no more: what waits on it gets no answer. */
  #drop(why: string): void {
    this.#broken(why);
    for (const request of this.#waiting) {
      request.outcome = 'unanswered';
      // What was sent behind a response that said close was never to be answered.
      if (this.#connectionEnds) request.mustSucceed = false;
      this.#over(request, why);
    }
    this.#waiting = [];
    this.#uploading = null;
    this.#awaitsContinue = null;
    this.#writer?.cancel();
    this.#writer = null;
  }

  #over(request: RequestFact, why: string): void {
    this.#world.invariants.requestOver(request, why);
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writer?.cancel();
    for (const request of this.#waiting) request.outcome = 'given up';
    this.#waiting = [];
    const stream = this.#stream;
    this.#stream = null;
    if (stream !== null) {
      if (this.#chance.happens(0.5)) stream.reset();
      else stream.destroy();
    }
    this.#onOver();
  }

  #progressed(): void {
    this.#progressMs = this.#world.clock.nowMs();
  }

  #watch(): void {
    this.#world.clock.after(PATIENCE_MS / 2, () => {
      if (this.#isOver) return;
      if (this.#world.clock.nowMs() - this.#progressMs > PATIENCE_MS) {
        const ids = this.#waiting.map((request) => request.id).join(' ');
        const connection = this.#stream?.connection ?? 0;
        const servers = this.#waiting.flatMap((request) => request.arrivedOn);
        this.#world.invariants.fail(
          'progress',
          `a client waits for ${ids || 'nothing'}`,
          connection,
          ...servers,
        );
        this.#leave();
      } else this.#watch();
    });
  }
}
