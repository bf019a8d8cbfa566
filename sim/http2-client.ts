import type { Http2ClientStream } from '../src/core/clients/http2-client-stream.ts';
import type { Fields } from '../src/core/http2/request.ts';
import type { Chance } from './chance.ts';
import { content } from './content.ts';
import { SimStream, type StreamClient } from './http2-stream.ts';
import type { RequestFact, ResponseFact } from './ledger.ts';
import type { World } from './world.ts';

const PATIENCE_MS = 40_000;
const BODY_BYTES_MAX = 200 * 1024;
/** More than is held anywhere for a server that is slow. */
const LARGE_BYTES = 500 * 1024;
const PIECES_MAX = 15;
/** Takes of a response that are late: a bound on how long it all takes. */
const DAWDLES_MAX = 30;
/** What it sends before the core has taken what came before. */
const WINDOW_BYTES = 16 * 1024;
/** What HTTP/2 knows nothing of (RFC 9113 §8.2.2), and what the simulated servers mean for us. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'x-hop'];

/** Gives a stream to a worker; null where nobody is there. */
export type OpenStream = (stream: SimStream) => Http2ClientStream | null;

/** A client that asks one thing, on an HTTP/2 stream. */
export class Http2Client implements StreamClient {
  readonly stream: SimStream;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #onOver: () => void;
  readonly #request: RequestFact;
  readonly #hasLength: boolean;
  /** Chance that what came is taken late, and how late. */
  readonly #dawdles: number;
  readonly #dawdleMs: number;
  #dawdled = 0;
  #sentBytes = 0;
  #response: ResponseFact | undefined;
  #ownAnswer = '';
  #isOver = false;

  /** @param isPlain it does its part, in time */
  constructor(
    world: World,
    chance: Chance,
    isPlain: boolean,
    open: OpenStream,
    onOver: () => void,
  ) {
    const { clock, network, ledger } = world;
    this.#world = world;
    this.#chance = chance;
    this.#onOver = onOver;
    this.#dawdles = chance.pick([0, 0, 0.1, 0.5]);
    this.#dawdleMs = isPlain ? 100 : 3_000;
    this.stream = new SimStream(network, chance, this);
    const hasBody = chance.happens(0.5);
    this.#hasLength = hasBody && chance.happens(0.5);
    const isLarge = hasBody && chance.happens(0.15);
    const bodyBytes = isLarge ? LARGE_BYTES : hasBody ? chance.size(BODY_BYTES_MAX) + 1 : 0;
    this.#request = ledger.addRequest({
      method: hasBody
        ? chance.pick(['POST', 'PUT', 'PATCH'])
        : chance.pick(['GET', 'HEAD', 'POST']),
      bodyBytes,
      tunnelBytes: 0,
      hasTrailer: hasBody && !this.#hasLength && chance.happens(0.3),
      connection: this.stream.connection,
      sentAtMs: clock.nowMs(),
    });
    this.#request.isAttack = world.screens && hasBody && chance.happens(0.1);
    this.#request.mustSucceed = world.isWell && isPlain && !this.#request.isAttack;
    clock.after(network.latencyMs(), () => this.#begin(open));
    clock.after(PATIENCE_MS, () => this.#checkPatience());
    if (!isPlain && chance.happens(0.3))
      clock.after(chance.within([0, 3_000]), () => this.#leave());
  }

  /** The upload that is under way, and how much of its body the core has taken. */
  get upload(): { request: RequestFact; takenBytes: number } | null {
    if (this.#isOver || this.#request.settled > 0) return null;
    return { request: this.#request, takenBytes: this.stream.takenBytes };
  }

  delayMs(): number {
    if (this.#dawdled >= DAWDLES_MAX || !this.#chance.happens(this.#dawdles)) return 0;
    this.#dawdled += 1;
    return this.#chance.within([0, this.#dawdleMs]);
  }

  onFields(fields: Fields): void {
    const { invariants, ledger } = this.#world;
    const { connection } = this.stream;
    const request = this.#request;
    const status = Number(fieldOf(fields, ':status'));
    request.status = status;
    invariants.answered(request, connection);
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!;
      if (name === name.toLowerCase() && !HOP_BY_HOP.includes(name)) continue;
      invariants.fail('wellFormed', `a stream got the field ${name}`, connection);
    }
    const serial = fieldOf(fields, 'x-sim-serial');
    if (serial !== undefined) {
      this.#response = ledger.responses[Number(serial)];
      invariants.responseArrived(request, this.#response, status, connection);
    } else if (!(status >= 400)) {
      invariants.fail('wellFormed', `status ${status} is no answer of a server`, connection);
    }
  }

  onData(bytes: Buffer): void {
    const { connection } = this.stream;
    if (this.#response === undefined) this.#ownAnswer += bytes.toString('latin1');
    else this.#world.invariants.responseBody(this.#response, bytes, 0, bytes.length, connection);
  }

  onEnd(trailers: Fields): void {
    const { invariants } = this.#world;
    const { connection } = this.stream;
    if (this.#response !== undefined) {
      const trailer = fieldOf(trailers, 'x-sim-trailer');
      invariants.responseLooksWhole(this.#response, trailer, connection);
    } else {
      const named = /request id: (\S+)/.exec(this.#ownAnswer)?.[1];
      if (named !== undefined && named !== this.#request.id) {
        invariants.fail('ownAnswer', `${this.#request.id} got our answer to ${named}`, connection);
      }
    }
    this.#over('whole', 'it was answered');
  }

  onReset(): void {
    this.#over(this.#request.answers > 0 ? 'broken' : 'unanswered', 'its stream was reset');
  }

  #begin(open: OpenStream): void {
    if (this.#isOver) return;
    const { id, method, bodyBytes } = this.#request;
    const fields = [':method', method, ':scheme', 'https', ':authority', 'sim.example'];
    fields.push(':path', `/${id}`, 'x-request-id', id);
    if (this.#hasLength) fields.push('content-length', String(bodyBytes));
    const owner = open(this.stream);
    if (owner === null) return this.#over('unanswered', 'nobody is there');
    this.stream.owner = owner;
    const hasBody = bodyBytes > 0;
    this.#request.isSent = !hasBody;
    owner.begin(fields, !hasBody, this.#world.clock.nowMs());
    if (hasBody) this.#upload(Math.ceil(bodyBytes / this.#chance.whole(1, PIECES_MAX)));
  }

  #upload(pieceBytes: number): void {
    const request = this.#request;
    const { clock } = this.#world;
    if (this.#isOver) return;
    if (this.stream.unsentBytes > WINDOW_BYTES) {
      clock.after(20, () => this.#upload(pieceBytes));
      return;
    }
    const size = Math.min(pieceBytes, request.bodyBytes - this.#sentBytes, 0x4000);
    const piece = content(request.key, this.#sentBytes, size);
    this.#sentBytes += size;
    // Sent before it is read: we may not hear of that.
    const isLast = this.#sentBytes === request.bodyBytes;
    if (isLast) request.isSent = true;
    this.stream.send(piece);
    if (isLast) this.stream.finish(request.hasTrailer ? ['x-sim-trailer', request.id] : []);
    else clock.after(this.#chance.within([0, 20]), () => this.#upload(pieceBytes));
  }

  #leave(): void {
    if (this.#isOver) return;
    this.stream.cancel();
    this.#over('given up', 'its client left');
  }

  #over(outcome: RequestFact['outcome'], why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#request.outcome = outcome;
    if (outcome !== 'given up') this.#world.invariants.requestOver(this.#request, why);
    this.#onOver();
  }

  #checkPatience(): void {
    if (this.#isOver) return;
    const { id, arrivedOn } = this.#request;
    const { connection } = this.stream;
    this.#world.invariants.fail('progress', `a stream waits for ${id}`, connection, ...arrivedOn);
    this.#leave();
  }
}

function fieldOf(fields: Fields, name: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
  return undefined;
}
