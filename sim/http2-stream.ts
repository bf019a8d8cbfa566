import { type Http2Port, type Http2PortOwner, RESET } from '../src/core/clients/http2-port.ts';
import type { Fields } from '../src/core/http2/request.ts';
import type { Chance } from './chance.ts';
import type { Network } from './network.ts';

/** The client's end of a stream. */
export interface StreamClient {
  onFields(fields: Fields): void;
  onData(bytes: Buffer): void;
  /** The response is whole. */
  onEnd(trailers: Fields): void;
  /** The stream is gone before that. */
  onReset(): void;
  /** How long it lets what came wait before it takes it. */
  delayMs(): number;
}

type Frame =
  | { readonly type: 'fields'; readonly fields: Fields }
  | { readonly type: 'data'; bytes: Buffer }
  | { readonly type: 'end'; readonly trailers: Fields };

const POISON = 0x23;

/**
 * A client's HTTP/2 stream as the core uses it, with no library below: what is written takes its
 * time and is cut, and either side may be gone at any moment.
 */
export class SimStream implements Http2Port {
  /** null: the stream was not opened yet. */
  owner: Http2PortOwner | null = null;
  /** Bytes that the core wrote and the client has not taken. */
  pendingBytes = 0;
  /** Body bytes that the core was given. */
  takenBytes = 0;
  readonly connection: number;
  readonly #network: Network;
  readonly #chance: Chance;
  readonly #client: StreamClient;
  /** On the way to the client. */
  readonly #down: Frame[] = [];
  /** On the way to the core; null is its end. */
  readonly #up: (Buffer | null)[] = [];
  #upTrailers: Fields = [];
  #isTaking = false;
  #isGiving = false;
  #isPaused = false;
  #writes = 0;
  /** The core hears no more. */
  #isOver = false;
  /** The client hears no more. */
  #isLeft = false;

  constructor(network: Network, chance: Chance, client: StreamClient) {
    this.#network = network;
    this.#chance = chance;
    this.#client = client;
    this.connection = network.identify();
  }

  inform(_fields: Fields): void {
    this.#note('informs');
  }

  respond(fields: Fields, isEnd: boolean): void {
    if (this.#isOver) return;
    this.#note(`responds ${fields[1]}`);
    this.#down.push({ type: 'fields', fields });
    if (isEnd) this.#down.push({ type: 'end', trailers: [] });
    this.#take();
  }

  write(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#writes += 1;
    this.#note(`writes ${bytes.length}`);
    if (this.#network.sabotage.losesStreamPieces && this.#writes % 7 === 0) return;
    this.pendingBytes += bytes.length;
    // Not copied: the contract says that it stays as it is.
    this.#down.push({ type: 'data', bytes });
    this.#take();
  }

  end(bytes: Buffer | null, trailers: Fields | null): void {
    if (this.#isOver) return;
    if (bytes !== null) this.write(bytes);
    this.#note('ends');
    this.#down.push({ type: 'end', trailers: trailers ?? [] });
    this.#take();
  }

  reset(code: number): void {
    if (this.#isOver) return;
    this.#note(`resets ${code}`);
    if (code !== RESET.none && this.#network.sabotage.endsStreamsProperly) {
      return this.end(null, null);
    }
    // A reset without an error lets out what was written before.
    if (code === RESET.none) this.#isOver = true;
    else this.#reset();
    this.#closed();
  }

  pause(): void {
    if (this.#network.sabotage.ignoresStreamPause !== true) this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#give();
  }

  /** The client sends a piece of the request's body. */
  send(bytes: Buffer): void {
    this.#up.push(bytes);
    this.#give();
  }

  /** The client has sent all of the request. */
  finish(trailers: Fields): void {
    this.#upTrailers = trailers;
    this.#up.push(null);
    this.#give();
  }

  /** Bytes that wait for the core to take them. */
  get unsentBytes(): number {
    return this.#up.reduce((sum, piece) => sum + (piece?.length ?? 0), 0);
  }

  /** The client leaves. */
  cancel(): void {
    this.#isLeft = true;
    if (this.#isOver) return;
    this.#note('the client is gone');
    this.#closed();
  }

  /** The thread that had it is dead: nobody there hears of anything. */
  lost(): void {
    this.#isOver = true;
    this.#reset();
  }

  #reset(): void {
    this.#isOver = true;
    this.#down.length = 0;
    this.pendingBytes = 0;
    this.#network.clock.after(this.#network.latencyMs(), () => {
      if (this.#isLeft) return;
      this.#isLeft = true;
      this.#client.onReset();
    });
  }

  #closed(): void {
    const { clock } = this.#network;
    this.#isOver = true;
    this.#up.length = 0;
    clock.after(0, () => this.owner?.closed(false, clock.nowMs()));
  }

  #give(): void {
    if (this.#isGiving || this.#up.length === 0) return;
    this.#isGiving = true;
    this.#network.clock.after(this.#network.latencyMs(), () => {
      this.#isGiving = false;
      if (this.#isOver || this.#isPaused || this.#up.length === 0) return;
      this.#giveOne(this.#up.shift()!);
      this.#give();
    });
  }

  #giveOne(piece: Buffer | null): void {
    const nowMs = this.#network.clock.nowMs();
    if (piece === null) {
      this.#note('got the end');
      if (this.#upTrailers.length > 0) this.owner?.receivedTrailers(this.#upTrailers);
      this.owner?.ended(nowMs);
      return;
    }
    this.#note(`got ${piece.length}`);
    this.takenBytes += piece.length;
    const lent = Buffer.from(piece);
    this.owner?.received(lent, nowMs);
    lent.fill(POISON);
  }

  #take(): void {
    if (this.#isTaking || this.#isLeft || this.#down.length === 0) return;
    this.#isTaking = true;
    const delayMs = this.#network.latencyMs() + this.#client.delayMs();
    this.#network.clock.after(delayMs, () => {
      this.#isTaking = false;
      if (this.#isLeft || this.#down.length === 0) return;
      this.#takeOne(this.#down[0]!);
      this.#take();
    });
  }

  #takeOne(frame: Frame): void {
    if (frame.type === 'data') return this.#takeData(frame);
    this.#down.shift();
    if (frame.type === 'fields') return this.#client.onFields(frame.fields);
    this.#isLeft = true;
    this.#client.onEnd(frame.trailers);
    if (!this.#isOver) this.#closed();
  }

  #takeData(frame: { bytes: Buffer }): void {
    const { clock, weather } = this.#network;
    let { length } = frame.bytes;
    if (length > 1 && this.#chance.happens(weather.cut)) length = this.#chance.whole(1, length);
    const piece = frame.bytes.subarray(0, length);
    if (length === frame.bytes.length) this.#down.shift();
    else frame.bytes = frame.bytes.subarray(length);
    this.pendingBytes -= length;
    this.#client.onData(piece);
    if (this.pendingBytes > 0 || this.#isOver) return;
    clock.after(0, () => {
      if (!this.#isOver && this.pendingBytes === 0) this.owner?.drained(clock.nowMs());
    });
  }

  #note(text: string): void {
    this.#network.trace.note(this.connection, `stream ${text}`);
  }
}
