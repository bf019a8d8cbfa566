/** HTTP/2 frame by frame (RFC 9113 §4), for what no library would send. */
import { once } from 'node:events';
import tls from 'node:tls';
import { Patience } from '../patience.ts';
import { DEADLINE_MS } from './wait.ts';

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const ACK = 1;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields without indexing, without Huffman coding (RFC 7541 §6.2.2). */
export function literals(fields: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    pieces.push(Buffer.from([0]), string(fields[at]!), string(fields[at + 1]!));
  }
  return Buffer.concat(pieces);
}

export const REQUEST = [':method', 'GET', ':scheme', 'https', ':authority', 'a', ':path', '/never'];

export function headers(
  stream: number,
  fields: readonly string[] = REQUEST,
  flags: number = END_STREAM | END_HEADERS,
): Buffer {
  return frame(TYPE.headers, flags, stream, literals(fields));
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const prefix = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>>= 7) prefix.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...prefix, rest]), bytes]);
}

/** A connection on which a test writes its own frames. */
export class FramePeer {
  readonly frames: Frame[] = [];
  isOver = false;
  readonly socket: tls.TLSSocket;
  #unread = Buffer.alloc(0);
  readonly #waiting = new Set<() => void>();

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isOver = true;
        this.#wake();
      });
    }
  }

  /** Connects, and says preface and settings unless `isMute`. */
  static async connect(port: number, isMute = false): Promise<FramePeer> {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
    const socket = tls.connect(options);
    await once(socket, 'secureConnect');
    const peer = new FramePeer(socket);
    if (!isMute) peer.send(Buffer.from(PREFACE), frame(TYPE.settings, 0, 0));
    return peer;
  }

  send(...frames: Buffer[]): this {
    if (!this.isOver) this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** Waits for a frame; undefined where the connection ends before. */
  async next(isIt: (frame: Frame) => boolean): Promise<Frame | undefined> {
    const patience = new Patience(DEADLINE_MS);
    for (;;) {
      const found = this.frames.find(isIt);
      if (found !== undefined || this.isOver) return found;
      if (patience.isOver) throw new Error('no such frame came, nor the end');
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        setTimeout(resolve, 1000).unref();
      });
    }
  }

  /** Whether the other side answers a ping, and so has read all before it. */
  async isAlive(): Promise<boolean> {
    this.send(frame(TYPE.ping, 0, 0, Buffer.from('are you?')));
    const isAnswer = ({ type, flags, payload }: Frame) =>
      type === TYPE.ping && (flags & ACK) !== 0 && payload.toString() === 'are you?';
    return (await this.next(isAnswer)) !== undefined;
  }

  close(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    let unread = Buffer.concat([this.#unread, bytes]);
    while (unread.length >= 9) {
      const end = 9 + unread.readUIntBE(0, 3);
      if (unread.length < end) break;
      this.frames.push({
        type: unread[3]!,
        flags: unread[4]!,
        stream: unread.readUInt32BE(5) & 0x7fffffff,
        payload: unread.subarray(9, end),
      });
      unread = unread.subarray(end);
    }
    this.#unread = unread;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
