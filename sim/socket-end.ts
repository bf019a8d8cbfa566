/**
 * One end of a WebSocket: sends frames, cut anywhere, and reads those of the other end by a parser of
 * its own. What is wrong with them is said to `fail`.
 */
import type { Chance } from './chance.ts';
import { content, isContent } from './content.ts';
import type { Endpoint } from './network.ts';

const BINARY = 0x82;
const CLOSE = 0x88;
const NORMAL = 1000;
const GOING_AWAY = 1001;
const FRAMES_MAX = 12;
const PAYLOAD_BYTES_MAX = 70_000;
const GAP_MS = [0, 600] as const;

export interface SocketEndOptions {
  readonly stream: Endpoint;
  readonly chance: Chance;
  /** A client masks what it sends. */
  readonly isClient: boolean;
  /** Of the content of both ends. */
  readonly key: number;
  readonly fail: (what: string) => void;
  /** Both ends have said close. */
  readonly onClosed: () => void;
}

export class SocketEnd {
  readonly #options: SocketEndOptions;
  #framesLeft: number;
  /** The rest of the frame that is being sent. */
  #unsent = Buffer.alloc(0);
  #sentBytes = 0;
  #closeIsDue = false;
  #hasSaidClose = false;
  #hasHeardClose = false;
  /** What came and is no whole header yet. */
  #header: number[] = [];
  #payloadLeft = 0;
  #heardBytes = 0;
  #close: number[] | null = null;
  #isOver = false;

  constructor(options: SocketEndOptions) {
    this.#options = options;
    this.#framesLeft = options.chance.whole(0, FRAMES_MAX);
  }

  start(): void {
    this.#soon();
  }

  /** The connection is gone. */
  over(): void {
    this.#isOver = true;
  }

  drained(): void {
    if (this.#unsent.length > 0) this.#sendPiece();
  }

  take(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#isOver) {
      if (this.#payloadLeft > 0) at = this.#takePayload(bytes, at, end);
      else if (this.#hasHeardClose) {
        this.#options.fail(`${end - at} bytes follow a close frame`);
        return;
      } else this.#takeHeader(bytes[at++]!);
    }
  }

  #takePayload(bytes: Buffer, at: number, end: number): number {
    const upTo = Math.min(end, at + this.#payloadLeft);
    this.#payloadLeft -= upTo - at;
    if (this.#close !== null) {
      for (let from = at; from < upTo; from++) this.#close.push(bytes[from]!);
      if (this.#payloadLeft === 0) this.#closed();
      return upTo;
    }
    const { key, isClient, fail } = this.#options;
    if (!isContent(key + (isClient ? 1 : 0), this.#heardBytes, bytes, at, upTo)) {
      fail(`a frame's payload is wrong after ${this.#heardBytes} bytes`);
      this.#isOver = true;
    }
    this.#heardBytes += upTo - at;
    return upTo;
  }

  #takeHeader(byte: number): void {
    const { isClient, fail } = this.#options;
    const header = this.#header;
    header.push(byte);
    if (header.length < 2) return;
    const short = header[1]! & 127;
    const lengthEnd = short === 126 ? 4 : short === 127 ? 10 : 2;
    const isMasked = header[1]! >= 128;
    if (header.length < lengthEnd + (isMasked ? 4 : 0)) return;
    if ((header[0] !== BINARY && header[0] !== CLOSE) || isMasked === isClient) {
      fail(`a frame begins with ${header.slice(0, 2)}`);
      this.#isOver = true;
    }
    const long = header.slice(2, lengthEnd).reduce((sum, one) => sum * 256 + one, 0);
    this.#payloadLeft = lengthEnd === 2 ? short : long;
    if (header[0] === CLOSE) this.#close = isMasked ? header.slice(lengthEnd) : [0, 0, 0, 0];
    this.#header = [];
  }

  #closed(): void {
    const [one = 0, two = 0, , , first = 0, second = 0] = this.#close!;
    const code = ((one ^ first) << 8) | (two ^ second);
    if (code !== NORMAL && code !== GOING_AWAY) this.#options.fail(`a close frame says ${code}`);
    this.#hasHeardClose = true;
    this.#closeIsDue = true;
    if (this.#unsent.length === 0) this.#sendClose();
  }

  #soon(): void {
    const { stream, chance } = this.#options;
    stream.network.clock.after(chance.within(GAP_MS), () => this.#next());
  }

  #next(): void {
    const { chance, isClient } = this.#options;
    if (this.#isOver || this.#hasSaidClose || this.#options.stream.isClosed) return;
    if (this.#closeIsDue || (this.#framesLeft === 0 && isClient)) return this.#sendClose();
    // A server goes on listening until its client has closed.
    if (this.#framesLeft === 0) return;
    this.#framesLeft -= 1;
    this.#unsent = this.#frame(Math.min(chance.size(PAYLOAD_BYTES_MAX), 0xffff));
    this.#sendPiece();
  }

  #frame(bytes: number): Buffer<ArrayBuffer> {
    const { key, isClient } = this.#options;
    const payload = content(key + (isClient ? 0 : 1), this.#sentBytes, bytes);
    this.#sentBytes += bytes;
    return Buffer.concat([header(BINARY, bytes, isClient), payload]);
  }

  #sendPiece(): void {
    const { stream, chance } = this.#options;
    if (this.#isOver || stream.isClosed) return;
    const isAll = chance.happens(0.6);
    const size = isAll ? this.#unsent.length : chance.whole(1, this.#unsent.length);
    stream.writeBytes(this.#unsent, 0, size);
    this.#unsent = this.#unsent.subarray(size);
    if (this.#unsent.length === 0) this.#soon();
    else stream.network.clock.after(chance.within([0, 50]), () => this.#goOn());
  }

  #goOn(): void {
    if (this.#unsent.length > 0 && this.#options.stream.pendingBytes === 0) this.#sendPiece();
  }

  #sendClose(): void {
    const { stream, isClient, onClosed } = this.#options;
    if (this.#isOver || stream.isClosed) return;
    if (!this.#hasSaidClose) {
      this.#hasSaidClose = true;
      const code = Buffer.from([NORMAL >> 8, NORMAL & 255]);
      const frame = Buffer.concat([header(CLOSE, 2, isClient), code]);
      stream.writeBytes(frame, 0, frame.length);
    }
    if (this.#hasHeardClose) onClosed();
  }
}

/** The mask is all zero: the payload stays as it is. */
function header(first: number, bytes: number, isMasked: boolean): Buffer {
  const mask = isMasked ? [0, 0, 0, 0] : [];
  const bit = isMasked ? 128 : 0;
  if (bytes < 126) return Buffer.from([first, bit | bytes, ...mask]);
  return Buffer.from([first, bit | 126, bytes >> 8, bytes & 255, ...mask]);
}
