/** A raw connection as tests speak on it: exact bytes out, and what comes in read piece by piece. */
import net from 'node:net';
import { Patience } from '../patience.ts';
import { DEADLINE_MS } from './wait.ts';

const LOOK_EVERY_MS = 500;

/** A message as it came over the wire. */
export interface Message {
  /** The first line. */
  line: string;
  status: number;
  /** Values by lower-case name, in the order they came. */
  headers: Record<string, string[]>;
  /** The head as it came, the empty line included. */
  head: string;
  body: Buffer;
  text: string;
  trailers: string;
  /** The sizes of the chunks of a chunked body. */
  chunks: number[];
}

export class Peer {
  readonly socket: net.Socket;
  hasEnded = false;
  isClosed = false;
  error: NodeJS.ErrnoException | undefined;
  /** What came and was not read; joined only when it is looked at. */
  #pieces: Buffer[] = [];
  #unreadBytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#pieces.push(bytes);
      this.#unreadBytes += bytes.length;
      this.#wake();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.#wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static async connect(target: net.NetConnectOpts): Promise<Peer> {
    const socket = net.connect({ ...target, allowHalfOpen: true } as net.NetConnectOpts);
    const peer = new Peer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.setNoDelay(true);
    return peer;
  }

  /** Sends text as latin1, or bytes. */
  send(data: string | Buffer): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return this;
  }

  /** Says that nothing more comes; reading goes on. */
  end(): this {
    this.socket.end();
    return this;
  }

  close(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** All that has come and was not read yet. */
  get unread(): string {
    return this.#joined().toString('latin1');
  }

  async bytes(count: number): Promise<Buffer> {
    await this.#until(`${count} bytes`, () => this.#unreadBytes >= count);
    return this.#take(count);
  }

  /** Reads up to and with a text. */
  async through(text: string): Promise<string> {
    let from = 0;
    await this.#until(JSON.stringify(text), () => {
      const found = this.#joined().indexOf(text, from, 'latin1') !== -1;
      if (!found) from = Math.max(0, this.#unreadBytes - text.length);
      return found;
    });
    const at = this.#joined().indexOf(text, 0, 'latin1') + text.length;
    return this.#take(at).toString('latin1');
  }

  /** Reads a head up to its empty line. */
  async head(): Promise<Message> {
    const head = await this.through('\r\n\r\n');
    const [line, ...lines] = head.slice(0, -4).split('\r\n') as [string, ...string[]];
    const headers: Record<string, string[]> = Object.create(null);
    for (const one of lines) {
      const colon = one.indexOf(':');
      const name = one.slice(0, colon).toLowerCase();
      headers[name] ??= [];
      headers[name].push(one.slice(colon + 1).trim());
    }
    const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(line)?.[1] ?? 0);
    return {
      line,
      status,
      headers,
      head,
      body: Buffer.alloc(0),
      text: '',
      trailers: '',
      chunks: [],
    };
  }

  /** Reads a whole request. */
  async request(): Promise<Message> {
    const message = await this.head();
    return this.withBody(message, false);
  }

  /** Reads a whole response. */
  async response(toHead = false): Promise<Message> {
    const message = await this.head();
    const { status } = message;
    if (toHead || status < 200 || status === 204 || status === 304) return message;
    return this.withBody(message, true);
  }

  async withBody(message: Message, untilEnd: boolean): Promise<Message> {
    const length = message.headers['content-length']?.[0];
    if (message.headers['transfer-encoding'] !== undefined) await this.#chunked(message);
    else if (length !== undefined) message.body = await this.bytes(Number(length));
    else if (untilEnd) message.body = Buffer.from(await this.rest(), 'latin1');
    message.text = message.body.toString('latin1');
    return message;
  }

  /** Everything up to the proper end of the connection, which is then ended from here as well. */
  async rest(): Promise<string> {
    await this.#until('the end', () => this.hasEnded);
    this.socket.end();
    return this.#take(this.#unreadBytes).toString('latin1');
  }

  /** Waits for the other side's proper end, before which nothing more may come. */
  async ended(): Promise<void> {
    const rest = await this.rest();
    if (rest !== '') throw new Error(`bytes before the end: ${JSON.stringify(rest.slice(0, 200))}`);
  }

  /** Waits for the connection to be over, however it ends. */
  async gone(): Promise<void> {
    if (this.hasEnded || this.isClosed) return;
    await this.#until('the connection to be over', () => this.hasEnded || this.isClosed);
  }

  /** Waits without a deadline until there is something to read, or never will be. */
  async arrival(): Promise<void> {
    while (this.#unreadBytes === 0 && !this.hasEnded && !this.isClosed) {
      await new Promise<void>((resolve) => {
        const waiting = this.#waiting;
        waiting.add(function done() {
          waiting.delete(done);
          resolve();
        });
      });
    }
  }

  async #chunked(message: Message): Promise<void> {
    const pieces: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt(await this.through('\r\n'), 16);
      if (size === 0) break;
      message.chunks.push(size);
      pieces.push(await this.bytes(size));
      await this.bytes(2);
    }
    message.body = Buffer.concat(pieces);
    for (;;) {
      const line = await this.through('\r\n');
      if (line === '\r\n') return;
      message.trailers += line;
    }
  }

  #take(count: number): Buffer {
    const joined = this.#joined();
    this.#pieces = count === joined.length ? [] : [joined.subarray(count)];
    this.#unreadBytes -= count;
    return joined.subarray(0, count);
  }

  #joined(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const patience = new Patience(DEADLINE_MS);
    while (!holds()) {
      if (
        this.isClosed ||
        patience.isOver ||
        (this.hasEnded && what !== 'the connection to be over')
      ) {
        const state = this.isClosed ? 'closed' : this.hasEnded ? 'ended' : 'silent';
        throw new Error(
          `waited for ${what}; the connection is ${state} (${this.error?.code ?? 'no error'}), ` +
            `unread: ${JSON.stringify(this.unread.slice(0, 300))}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, LOOK_EVERY_MS);
        const waiting = this.#waiting;
        function done() {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
      });
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
