import type { CloseCause, StreamOwner } from '../src/core/ports/stream.ts';
import { BodyWriter } from './body-writer.ts';
import type { Chance, Range } from './chance.ts';
import { content, isContent } from './content.ts';
import type { RequestFact, ResponseFact } from './ledger.ts';
import {
  type BodyForm,
  formOf,
  type MessageHead,
  type MessageOwner,
  MessageReader,
} from './message.ts';
import type { Endpoint } from './network.ts';
import { SocketEnd } from './socket-end.ts';
import type { World } from './world.ts';

/** What a server does to a request while all is well. */
type Manner = 'length' | 'chunked' | 'untilClose' | 'noContent' | 'refuseUpgrade';

/** What else it may do in troubled times. */
export const TROUBLES = [
  'breakOff',
  'breakOffByReset',
  'saysTooMuch',
  'saysTooLittle',
  'garbage',
  'twoLengths',
  'bytesAfter',
  'silence',
  'slow',
  'resetAtOnce',
  'closeAtOnce',
  'manyInterims',
  'error',
  'closesIdleSoon',
  'crash',
] as const;
export type Trouble = (typeof TROUBLES)[number];

const BODY_BYTES_MAX = 200 * 1024;
/** Idle connections of a healthy server that announces nothing are kept this long. */
const IDLE_MS = 20_000;

/** What a server says first in a tunnel. */
export const TUNNEL_GREETING = 'hello';

/** What a connection needs of its server. */
interface ServerOfMoods {
  /** Closes every connection and comes back later. */
  crash(): void;
  forget(connection: ServerSide): void;
  /** What the next request meets. */
  trouble(): Trouble | undefined;
}

/** One connection of a server. */
export class ServerSide implements StreamOwner, MessageOwner {
  readonly stream: Endpoint;
  readonly #world: World;
  readonly #server: ServerOfMoods;
  readonly #chance: Chance;
  readonly #reader: MessageReader;
  #request: RequestFact | undefined;
  #response: ResponseFact | undefined;
  #manner: Manner = 'length';
  #requestBytes = 0;
  #trouble: Trouble | undefined;
  #writer: BodyWriter | null = null;
  #requestIsDone = true;
  #responseIsDone = true;
  #isAnswering = false;
  #closesAfter = false;
  /** Bytes of a tunnel that are still to be echoed. */
  #tunnel: Buffer[] | null = null;
  #tunnelEnded = false;
  #socket: SocketEnd | null = null;
  #turn = 0;

  constructor(world: World, server: ServerOfMoods, stream: Endpoint, chance: Chance) {
    this.#world = world;
    this.#server = server;
    this.stream = stream;
    this.#chance = chance;
    this.#reader = new MessageReader(this);
    this.#expectIdle(IDLE_MS);
  }

  /** Whether the response under way ends with the connection. */
  get endsWithClose(): boolean {
    const isDone = this.#responseIsDone && this.stream.pendingBytes === 0;
    return this.#manner === 'untilClose' && !isDone;
  }

  crashed(): void {}

  onOpen(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.#turn += 1;
    this.#reader.push(bytes, start, end);
    if (!this.stream.isClosed && this.#chance.happens(0.05)) {
      this.stream.pause();
      const mostMs = this.#world.isTroubled && this.#chance.happens(0.1) ? 4_000 : 200;
      this.#world.clock.after(this.#chance.within([0, mostMs]), () => this.stream.resume());
    }
  }

  onDrain(): void {
    this.#writer?.drained();
    this.#socket?.drained();
    if (this.#tunnel !== null) this.#echo();
  }

  onEnd(): void {
    if (this.#tunnel !== null) {
      this.#tunnelEnded = true;
      this.#echo();
      return;
    }
    this.#gone();
    this.stream.destroy();
  }

  onClose(_cause: CloseCause): void {
    this.#gone();
  }

  onHead(head: MessageHead): BodyForm {
    const { invariants, ledger } = this.#world;
    if (!this.#requestIsDone || !this.#responseIsDone) {
      invariants.fail(
        'oneAtATime',
        `${head.line} came before the last one was answered`,
        this.stream.connection,
      );
    }
    const request = ledger.requests.get(head.fields.get('x-request-id') ?? '');
    const { screens } = this.#world;
    invariants.requestArrived(request, head.line, this.stream.connection, screens);
    if (request === undefined) {
      this.stream.destroy();
      return 0;
    }
    this.#world.network.trace.note(this.stream.connection, `request ${request.id}`);
    this.#request = request;
    this.#requestBytes = 0;
    this.#requestIsDone = false;
    this.#responseIsDone = false;
    this.#isAnswering = false;
    this.#closesAfter = false;
    this.#trouble = this.#server.trouble();
    const form = formOf(head.fields);
    if (form === undefined) {
      invariants.fail(
        'wellFormed',
        `${request.id} came with an unclear length`,
        this.stream.connection,
      );
      return 0;
    }
    if (head.fields.get('upgrade') === 'websocket' && this.#trouble === undefined) {
      this.#startSocket(request);
      return 'raw';
    }
    if (head.fields.has('upgrade') && this.#chance.happens(0.9) && this.#trouble === undefined) {
      this.#startTunnel(request);
      return 'raw';
    }
    if (head.fields.get('expect') === '100-continue' && this.#chance.happens(0.8)) {
      this.stream.writeText('HTTP/1.1 100 Continue\r\n\r\n');
    } else if (this.#chance.happens(0.05)) {
      this.stream.writeText('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n');
    }
    const body = form === 'close' ? 0 : form;
    if (body !== 0 && this.#chance.happens(0.05)) this.#answerSoon();
    return body;
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    const request = this.#request!;
    if (this.#socket !== null) return this.#socket.take(bytes, start, end);
    if (this.#tunnel !== null) {
      if (!isContent(request.key, this.#requestBytes, bytes, start, end)) {
        const what = `tunnel ${request.id}: wrong bytes from ${this.#requestBytes} on`;
        this.#world.invariants.fail('exactBody', what, this.stream.connection, request.connection);
      }
      this.#requestBytes += end - start;
      request.arrivedBytes = this.#requestBytes;
      if (request.echoes) this.#tunnel.push(Buffer.from(bytes.subarray(start, end)));
      this.#echo();
      return;
    }
    const { connection } = this.stream;
    this.#world.invariants.requestBody(request, this.#requestBytes, bytes, start, end, connection);
    this.#requestBytes += end - start;
  }

  onMessageEnd(trailers: ReadonlyMap<string, string>): void {
    const request = this.#request;
    if (request === undefined) return;
    const { invariants } = this.#world;
    const trailer = trailers.get('x-sim-trailer');
    invariants.requestLooksWhole(request, this.#requestBytes, trailer, this.stream.connection);
    this.#requestIsDone = true;
    if (this.#responseIsDone) this.#expectIdle(IDLE_MS);
    else if (!this.#isAnswering) this.#answerSoon();
  }

  onBad(reason: string): void {
    const { invariants } = this.#world;
    invariants.fail('wellFormed', `a server got ${reason}`, this.stream.connection);
    this.stream.destroy();
  }

  #gone(): void {
    this.#turn += 1;
    this.#writer?.cancel();
    this.#socket?.over();
    this.#server.forget(this);
  }

  #answerSoon(): void {
    this.#isAnswering = true;
    let mostMs = this.#chance.pick([0, 5, 200]);
    if (this.#trouble === 'slow') mostMs = 5_000;
    this.#world.clock.after(this.#chance.within([0, mostMs]), () => this.#answer());
  }

  #answer(): void {
    if (this.stream.isClosed) return;
    const { stream } = this;
    switch (this.#trouble) {
      case 'silence':
        return;
      case 'resetAtOnce':
        return stream.reset();
      case 'closeAtOnce':
        return stream.destroy();
      case 'crash':
        return this.#server.crash();
      case 'garbage':
        stream.writeText(
          this.#chance.pick([
            '\0\x01\x02',
            'HTTP/1.1 abc\r\n\r\n',
            'HTTP/3 200 OK\r\n',
            '220 mail\r\n',
          ]),
        );
        return;
      case 'manyInterims':
        for (let count = 0; count < 70; count++)
          stream.writeText('HTTP/1.1 102 Processing\r\n\r\n');
        break;
    }
    const isHead = this.#request!.method === 'HEAD';
    let manner: Manner = this.#chance.pick([
      'length',
      'length',
      'length',
      'chunked',
      'chunked',
      'untilClose',
      'noContent',
    ]);
    if (isHead || this.#trouble !== undefined) manner = this.#chance.pick(['length', 'chunked']);
    if (this.#trouble === 'breakOffByReset')
      manner = this.#chance.pick(['length', 'chunked', 'untilClose']);
    this.#respond(manner, isHead);
  }

  #respond(manner: Manner, isHead: boolean): void {
    const request = this.#request!;
    const chance = this.#chance;
    const trouble = this.#trouble;
    const status = trouble === 'error' ? 500 : manner === 'noContent' ? 204 : 200;
    let bytes = manner === 'noContent' ? 0 : chance.size(BODY_BYTES_MAX);
    if (trouble?.startsWith('breakOff') || trouble?.startsWith('says')) bytes += 20;
    const hasTrailer = manner === 'chunked' && !isHead && chance.happens(0.2);
    const response = this.#world.ledger.addResponse({
      request,
      status,
      bodyBytes: isHead ? 0 : bytes,
      hasTrailer,
      connection: this.stream.connection,
    });
    this.#response = response;
    this.#manner = manner;
    this.#closesAfter = manner === 'untilClose' || chance.happens(0.05);
    this.stream.writeText(this.#headOf(response, manner, bytes));
    this.#trackTaken(response);
    if (manner === 'noContent' || isHead) this.#responseDone();
    else this.#writeBody(response, manner, bytes);
  }

  #headOf(response: ResponseFact, manner: Manner, bytes: number): string {
    const chance = this.#chance;
    const lines = [
      `X-Sim-Serial: ${response.serial}`,
      `X-Sim-Id: ${response.request.id}`,
      'Content-Type: application/octet-stream',
    ];
    if (manner === 'length') lines.push(`Content-Length: ${bytes}`);
    if (this.#trouble === 'twoLengths') lines.push(`Content-Length: ${bytes + 1}`);
    if (manner === 'chunked') lines.push('Transfer-Encoding: chunked');
    if (this.#closesAfter && manner !== 'untilClose') lines.push('Connection: close');
    else if (chance.happens(0.2))
      lines.push('Connection: keep-alive, X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=3');
    if (chance.happens(0.5)) lines.push('Date: Thu, 01 Jan 2026 00:00:00 GMT');
    const padding = chance.happens(0.05)
      ? `X-Padding: ${'p'.repeat(chance.whole(1, 6000))}`
      : 'X-P: 1';
    lines.splice(chance.whole(0, lines.length), 0, padding);
    const version = manner === 'untilClose' && chance.happens(0.5) ? 'HTTP/1.0' : 'HTTP/1.1';
    return `${version} ${response.status} Simulated\r\n${lines.join('\r\n')}\r\n\r\n`;
  }

  #writeBody(response: ResponseFact, manner: Manner, bytes: number): void {
    const chance = this.#chance;
    const trouble = this.#trouble;
    const isBroken =
      trouble === 'breakOff' || trouble === 'breakOffByReset' || trouble === 'saysTooMuch';
    const body = {
      key: response.key,
      bytes: trouble === 'saysTooMuch' && manner === 'chunked' ? bytes + 1 : bytes,
      isChunked: manner === 'chunked',
      trailers: response.hasTrailer ? `X-Sim-Trailer: ${response.serial}\r\nTE: hop\r\n` : '',
      upTo: isBroken ? chance.whole(0, bytes - 1) : bytes,
      pieceBytes: chance.pick<Range>([
        [1, 100],
        [1000, 20_000],
        [64_000, 64_000],
      ]),
      gapMs: chance.pick<Range>([
        [0, 0],
        [0, 1],
        [0, 30],
      ]),
    };
    if (bytes > 5_000 && body.pieceBytes[1] === 100) body.pieceBytes = [500, 3_000];
    this.#writer = new BodyWriter(this.stream, chance, body, () => this.#bodyDone());
    this.#writer.start();
  }

  #bodyDone(): void {
    this.#writer = null;
    const { stream } = this;
    switch (this.#trouble) {
      case 'breakOff':
        return stream.end();
      case 'breakOffByReset':
        return stream.reset();
      case 'saysTooMuch':
        // Never comes to what it promised.
        return;
      case 'saysTooLittle':
        stream.writeBytes(content(2, 0, 40), 0, 40);
        break;
      case 'bytesAfter':
        stream.writeText('!! nobody asked for this');
        break;
    }
    this.#responseDone();
  }

  #responseDone(): void {
    this.#responseIsDone = true;
    this.#response!.endsAtByte = this.stream.writtenBytes;
    if (this.#closesAfter) {
      if (this.#chance.happens(0.5) || !this.#requestIsDone) this.stream.end();
      else this.#destroyWhenSent();
      return;
    }
    const idlesBriefly = this.#trouble === 'closesIdleSoon';
    if (this.#requestIsDone) {
      this.#expectIdle(idlesBriefly ? this.#chance.within([0, 2_000]) : IDLE_MS);
    }
  }

  /** As a server that calls `close`: what is in the kernel still goes out. */
  #destroyWhenSent(): void {
    if (this.stream.pendingBytes === 0) this.stream.destroy();
    else this.#world.clock.after(5, () => this.#destroyWhenSent());
  }

  #expectIdle(idleMs: number): void {
    const turn = ++this.#turn;
    this.#world.clock.after(idleMs, () => {
      if (this.#turn === turn) this.stream.destroy();
    });
  }

  /** How much of the response's body the core has taken: its chunked framing is a small error. */
  #trackTaken(response: ResponseFact): void {
    const { stream } = this;
    const from = stream.writtenBytes;
    response.takenBytes = () => {
      const upTo = Math.min(stream.peer.readBytes, response.endsAtByte);
      return Math.max(0, upTo - from);
    };
  }

  #startSocket(request: RequestFact): void {
    const { stream } = this;
    this.#turn += 1;
    stream.writeText(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    this.#socket = new SocketEnd({
      stream,
      chance: this.#chance,
      isClient: false,
      key: request.key,
      fail: (what) => this.#world.invariants.fail('betweenFrames', what, stream.connection),
      onClosed: () => stream.end(),
    });
    this.#socket.start();
  }

  #startTunnel(request: RequestFact): void {
    this.#turn += 1;
    this.#tunnel = [];
    request.echoes = this.#chance.happens(0.7);
    const head =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sim\r\n' +
      `X-Sim-Id: ${request.id}\r\n\r\n`;
    // What the server says first may come with its head, or after it.
    if (this.#chance.happens(0.5)) this.stream.writeText(`${head}${TUNNEL_GREETING}`);
    else {
      this.stream.writeText(head);
      this.stream.writeText(TUNNEL_GREETING);
    }
    if (!request.echoes) this.stream.end();
  }

  #echo(): void {
    const tunnel = this.#tunnel!;
    while (tunnel.length > 0 && this.stream.pendingBytes === 0) {
      const piece = tunnel.shift()!;
      this.stream.writeBytes(piece, 0, piece.length);
    }
    if (this.#tunnelEnded && tunnel.length === 0) this.stream.end();
  }
}
