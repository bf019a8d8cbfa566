/**
 * Everything that a reload must not disturb, without end: requests on kept-alive and on new
 * connections, uploads that last, WebSockets that stay open.
 */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

export interface Seen {
  keptAlive: number;
  newConnections: number;
  uploads: number;
  messages: number;
  /** What went wrong, with how often it did. */
  failures: Record<string, number>;
  /** Of requests on kept-alive connections, milliseconds, as they came. */
  latenciesMs: number[];
}

export interface LoadOptions {
  keptAliveClients: number;
  newConnectionClients: number;
  uploads: number;
  webSockets: number;
}

/** Between two requests of one client. */
const PAUSE_MS = 2;
/** An upload sends this much at a time, so many times, and begins anew. */
const PIECE = Buffer.alloc(1000);
const PIECES = 200;
const PIECE_EVERY_MS = 5;
/** Latencies kept; older ones go. */
const LATENCIES_MAX = 2_000_000;

export class Load {
  readonly seen: Seen = {
    keptAlive: 0,
    newConnections: 0,
    uploads: 0,
    messages: 0,
    failures: {},
    latenciesMs: [],
  };
  readonly #url: string;
  readonly #agent: http.Agent;
  readonly #webSockets: WebSocket[];
  readonly #running: Promise<void>[];
  #isOver = false;

  /** @param url of an openclaw whose servers answer a POST with the size of its body */
  constructor(url: string, options: LoadOptions) {
    this.#url = url;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: options.keptAliveClients });
    this.#webSockets = Array.from({ length: options.webSockets }, () => this.#webSocket());
    this.#running = [
      ...Array.from({ length: options.keptAliveClients }, () => this.#clients('keptAlive')),
      ...Array.from({ length: options.newConnectionClients }, () =>
        this.#clients('newConnections'),
      ),
      ...Array.from({ length: options.uploads }, () => this.#uploads()),
    ];
  }

  /** Ends when every WebSocket is open and each kind of request has been answered. */
  async begun(): Promise<void> {
    const isOpen = ({ readyState }: WebSocket) => readyState === WebSocket.OPEN;
    const { seen } = this;
    while (!this.#webSockets.every(isOpen) || seen.keptAlive === 0 || seen.newConnections === 0) {
      if (this.failed > 0) throw new Error(JSON.stringify(seen.failures));
      await sleep(PAUSE_MS);
    }
  }

  get failed(): number {
    return Object.values(this.seen.failures).reduce((sum, count) => sum + count, 0);
  }

  /** Sends a message on each WebSocket and waits for its echo. */
  async echo(text: string): Promise<void> {
    await Promise.all(
      this.#webSockets.map(async (socket) => {
        const echoed = new Promise((resolve) => socket.once('message', resolve));
        socket.send(text);
        if (String(await echoed) !== text) this.#failed('another echo than what was sent');
        this.seen.messages += 1;
      }),
    );
  }

  /** Uploads end as they would. */
  async stop(): Promise<Seen> {
    this.#isOver = true;
    await Promise.all(this.#running);
    for (const socket of this.#webSockets) socket.close();
    this.#agent.destroy();
    return this.seen;
  }

  #webSocket(): WebSocket {
    const socket = new WebSocket(this.#url.replace('http', 'ws'));
    socket.on('error', (error) => this.#failed(`WebSocket: ${error.message}`));
    socket.on('close', (code) => {
      if (!this.#isOver) this.#failed(`WebSocket closed with ${code}`);
    });
    return socket;
  }

  async #clients(kind: 'keptAlive' | 'newConnections'): Promise<void> {
    const agent = kind === 'keptAlive' ? this.#agent : false;
    while (!this.#isOver) {
      const startedMs = performance.now();
      const answer = await this.#post(agent, async (request) => void request.end('hello'));
      if (answer !== '5') this.#failed(`${kind}: ${answer}`);
      this.seen[kind] += 1;
      if (kind === 'keptAlive' && this.seen.latenciesMs.length < LATENCIES_MAX) {
        this.seen.latenciesMs.push(performance.now() - startedMs);
      }
      await sleep(PAUSE_MS);
    }
  }

  async #uploads(): Promise<void> {
    while (!this.#isOver) {
      const answer = await this.#post(false, async (request) => {
        for (let piece = 0; piece < PIECES; piece++) {
          request.write(PIECE);
          await sleep(PIECE_EVERY_MS);
        }
        request.end();
      });
      if (answer !== String(PIECE.length * PIECES)) this.#failed(`upload: ${answer}`);
      this.seen.uploads += 1;
    }
  }

  /** @returns the body of the answer; what went wrong where it is not 200 */
  #post(
    agent: http.Agent | false,
    send: (request: http.ClientRequest) => Promise<void>,
  ): Promise<string> {
    return new Promise((resolve) => {
      const request = http.request(this.#url, { method: 'POST', agent }, (response) => {
        let body = '';
        response.setEncoding('latin1').on('data', (piece: string) => {
          body += piece;
        });
        response.once('error', () => resolve('broken off'));
        response.once('end', () => {
          resolve(response.statusCode === 200 ? body : `${response.statusCode} ${body}`);
        });
      });
      request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      send(request).catch((error: Error) => resolve(error.message));
    });
  }

  #failed(what: string): void {
    this.seen.failures[what] = (this.seen.failures[what] ?? 0) + 1;
  }
}
