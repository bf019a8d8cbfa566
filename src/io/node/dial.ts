/** Dials servers by Node's sockets: one attempt is one socket, with TLS around it where asked for. */
import net from 'node:net';
import tls from 'node:tls';
import type { ServerAddress, ServerTls } from '../../core/ports/server-address.ts';
import { type Attempting, type AttemptOwner, Dial, type DialEvents } from '../dial.ts';
import { realClock } from '../real-clock.ts';
import type { Resolver } from '../resolver.ts';
import { WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';
import { secureContextOf } from './tls/secure-context.ts';

export type SocketDial = Dial<net.Socket>;

export interface DialOptions {
  /** Protocols offered in a TLS handshake. */
  readonly alpn: readonly string[];
  /** What goes before everything, a TLS handshake too. */
  readonly preface?: (socket: net.Socket) => string;
  /** For sockets without TLS: see `net.OnReadOpts`. */
  readonly onread?: () => net.OnReadOpts;
}

/** What is written during `onOpen` leaves together with the preface. */
export function dial(
  address: ServerAddress,
  resolver: Resolver,
  options: DialOptions,
  events: DialEvents<net.Socket>,
): SocketDial {
  const attempt = (host: string, owner: AttemptOwner<net.Socket>) =>
    new SocketAttempt(host, address, options, owner);
  return new Dial(address, { clock: realClock, resolver, after }, attempt, events);
}

function after(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, delayMs);
  return () => clearTimeout(timer);
}

class SocketAttempt implements Attempting {
  readonly #owner: AttemptOwner<net.Socket>;
  readonly #options: DialOptions;
  #step: 'connect' | 'tls' = 'connect';
  #socket: net.Socket;
  #isOver = false;

  constructor(
    host: string,
    { path, port, tls: settings }: ServerAddress,
    options: DialOptions,
    owner: AttemptOwner<net.Socket>,
  ) {
    this.#owner = owner;
    this.#options = options;
    const onread = settings === null ? options.onread?.() : undefined;
    const socket = net.connect({
      ...(path === '' ? { host, port } : { path }),
      noDelay: true,
      allowHalfOpen: true,
      // Known to Node, though not to its types.
      ...{ highWaterMark: WRITE_HIGH_WATER_BYTES },
      ...(onread === undefined ? {} : { onread }),
    });
    this.#socket = socket;
    this.#hear(socket);
    socket.once('connect', () => {
      if (this.#isOver) return;
      owner.connected();
      if (settings === null) this.#open(socket);
      else this.#secure(socket, settings);
    });
  }

  close(): void {
    this.#isOver = true;
    this.#socket.on('error', ignore);
    this.#socket.destroy();
  }

  /** Preface and first words leave together. */
  #open(socket: net.Socket): void {
    const preface = this.#options.preface?.(socket) ?? '';
    socket.cork();
    if (preface !== '') socket.write(preface, 'latin1');
    this.#won(socket);
    socket.uncork();
  }

  #secure(plain: net.Socket, settings: ServerTls): void {
    this.#step = 'tls';
    const preface = this.#options.preface?.(plain) ?? '';
    if (preface !== '') plain.write(preface, 'latin1');
    const name = sniOf(settings.serverName);
    let socket: tls.TLSSocket;
    try {
      socket = tls.connect({
        socket: plain,
        ...{ highWaterMark: WRITE_HIGH_WATER_BYTES },
        secureContext: secureContextOf(settings.identity),
        rejectUnauthorized: settings.verify,
        ...(net.isIP(name) === 0 ? { servername: name } : {}),
        checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(name, certificate),
        ALPNProtocols: [...this.#options.alpn],
      });
    } catch (error) {
      return this.#failed(codedError('ERR_TLS_CONTEXT', (error as Error).message));
    }
    // What becomes of the plain one is heard through the one that is put around it.
    this.#letGo(plain);
    plain.on('error', ignore);
    this.#socket = socket;
    this.#hear(socket);
    socket.once('secureConnect', () => {
      if (!this.#isOver) this.#won(socket);
    });
  }

  #won(socket: net.Socket): void {
    this.#isOver = true;
    this.#letGo(socket);
    this.#owner.opened(socket);
  }

  readonly #onError = (error: NodeJS.ErrnoException) => this.#failed(error);
  readonly #onClose = () =>
    this.#failed(codedError('ECONNRESET', 'closed before it was established'));

  #hear(socket: net.Socket): void {
    socket.on('error', this.#onError);
    socket.on('end', this.#onClose);
    socket.on('close', this.#onClose);
  }

  #letGo(socket: net.Socket): void {
    socket.off('error', this.#onError);
    socket.off('end', this.#onClose);
    socket.off('close', this.#onClose);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.close();
    this.#owner.failed(error, this.#step);
  }
}

/** A name as SNI and certificates have it: without the dot that ends it in DNS (RFC 6066 §3). */
function sniOf(serverName: string): string {
  return serverName.endsWith('.') ? serverName.slice(0, -1) : serverName;
}

function codedError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

function ignore(): void {}
