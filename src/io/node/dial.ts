/**
 * A connection to a server on its way, for traffic and for probes alike.
 *
 * A name's addresses race as RFC 8305 ("Happy Eyeballs") has it: the next one begins when the one
 * before has failed, or has said nothing for a quarter of a second, and the first that is open, TLS
 * included, is it. Time and retries are the caller's.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { ServerAddress, ServerTls } from '../../core/ports/server-address.ts';
import type { Resolver } from '../resolver.ts';
import { isShortage } from '../shortage.ts';
import { WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';
import { secureContextOf } from './tls/secure-context.ts';

/** Addresses of one name that are tried for one connection. */
const ADDRESSES_MAX = 8;
/** After this much silence the next address begins too (RFC 8305 §5). */
const NEXT_ADDRESS_MS = 250;
/** One that has answered is given longer for its handshake: a busy server needs no second one. */
const NEXT_AFTER_HANDSHAKE_MS = 1_000;

export type DialStep = 'resolve' | 'connect' | 'tls';

export interface DialEvents {
  /** The name's addresses are there; not called where the address needs no looking up. */
  onResolved?(): void;
  /** The first of the addresses has taken a connection. */
  onConnected?(): void;
  /** Open, TLS included, to an address or socket path. What is written during the call leaves together with the preface. */
  onOpen(socket: net.Socket, host: string): void;
  /** No address could be connected; the error is that of the last one. */
  onFailed(error: NodeJS.ErrnoException, step: DialStep): void;
}

export interface DialOptions {
  /** Protocols offered in a TLS handshake. */
  readonly alpn: readonly string[];
  /** What goes before everything, a TLS handshake too. */
  readonly preface?: (socket: net.Socket) => string;
  /** For sockets without TLS: see `net.OnReadOpts`. */
  readonly onread?: () => net.OnReadOpts;
}

/** Neither end is told within the constructor, and nothing after `onOpen`, `onFailed` or `cancel`. */
export class Dial {
  readonly #address: ServerAddress;
  readonly #resolver: Resolver;
  readonly #options: DialOptions;
  readonly #events: DialEvents;
  readonly #racers = new Set<Racer>();
  #waiting: string[] = [];
  #nextTimer: NodeJS.Timeout | null = null;
  /** What became of one address says something only where there are others. */
  #hasOthers = false;
  #isConnected = false;
  #isOver = false;

  constructor(
    address: ServerAddress,
    resolver: Resolver,
    options: DialOptions,
    events: DialEvents,
  ) {
    this.#address = address;
    this.#resolver = resolver;
    this.#options = options;
    this.#events = events;
    const { host } = address;
    if (!isNamed(address)) this.#start([host]);
    else resolver.resolve(host, (addresses, error) => this.#resolved(addresses, error));
  }

  /** Gives up. An address that was silent until now is remembered for it. */
  cancel(): void {
    if (this.#isOver) return;
    this.#end(null);
  }

  #resolved(addresses: readonly string[], error: NodeJS.ErrnoException | null): void {
    if (this.#isOver) return;
    if (addresses.length === 0) {
      process.nextTick(() => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#events.onFailed(error ?? codedError('ENOTFOUND', 'no address'), 'resolve');
      });
      return;
    }
    this.#events.onResolved?.();
    this.#start(this.#resolver.lateFailuresLast(addresses, this.#address.port));
  }

  #start(addresses: readonly string[]): void {
    this.#waiting = addresses.slice(0, ADDRESSES_MAX);
    this.#hasOthers = addresses.length > 1;
    this.#tryNext();
  }

  #tryNext(): void {
    if (this.#nextTimer !== null) clearTimeout(this.#nextTimer);
    this.#nextTimer = null;
    const host = this.#waiting.shift();
    if (host === undefined) return;
    this.#racers.add(new Racer(this, host, this.#address, this.#options));
    this.#tryNextIn(NEXT_ADDRESS_MS);
  }

  #tryNextIn(ms: number): void {
    if (this.#nextTimer !== null) clearTimeout(this.#nextTimer);
    if (this.#waiting.length > 0) this.#nextTimer = setTimeout(() => this.#tryNext(), ms);
  }

  /** @internal of a racer */
  connected(): void {
    if (this.#address.tls !== null) this.#tryNextIn(NEXT_AFTER_HANDSHAKE_MS);
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#events.onConnected?.();
  }

  /** @internal of a racer */
  opened(racer: Racer, socket: net.Socket): void {
    if (this.#hasOthers) this.#resolver.worked(racer.host, this.#address.port);
    this.#end(racer);
    this.#events.onOpen(socket, racer.host);
  }

  /** @internal of a racer */
  failed(racer: Racer, error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.#racers.delete(racer);
    if (!isShortage(error)) this.#remember(racer);
    if (this.#waiting.length > 0) this.#tryNext();
    else if (this.#racers.size === 0) {
      this.#isOver = true;
      this.#events.onFailed(error, racer.step);
    }
  }

  #end(winner: Racer | null): void {
    this.#isOver = true;
    if (this.#nextTimer !== null) clearTimeout(this.#nextTimer);
    for (const racer of this.#racers) {
      if (racer === winner) continue;
      if (racer.ageMs >= NEXT_ADDRESS_MS) this.#remember(racer);
      racer.close();
    }
    this.#racers.clear();
  }

  /** The next connections try this address last. */
  #remember({ host }: Racer): void {
    if (this.#hasOthers) this.#resolver.failed(host, this.#address.port);
  }
}

/** One address of the race. */
class Racer {
  readonly host: string;
  step: DialStep = 'connect';
  readonly #dial: Dial;
  readonly #options: DialOptions;
  readonly #startedMs = performance.now();
  #socket: net.Socket | null = null;
  #isOver = false;

  constructor(dial: Dial, host: string, address: ServerAddress, options: DialOptions) {
    this.host = host;
    this.#dial = dial;
    this.#options = options;
    try {
      this.#connect(address);
    } catch (error) {
      // What Node refuses to connect to is an address that cannot be connected, whoever calls.
      process.nextTick(() => this.#failed(error as NodeJS.ErrnoException));
    }
  }

  #connect({ path, port, tls: settings }: ServerAddress): void {
    const { host } = this;
    const onread = settings === null ? this.#options.onread?.() : undefined;
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
      this.#dial.connected();
      if (settings === null) this.#open(socket);
      else this.#secure(socket, settings);
    });
  }

  get ageMs(): number {
    return performance.now() - this.#startedMs;
  }

  close(): void {
    this.#isOver = true;
    this.#socket?.on('error', ignore);
    this.#socket?.destroy();
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
    this.step = 'tls';
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
    this.#dial.opened(this, socket);
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
    this.#dial.failed(this, error);
  }
}

/** Whether an address has to be looked up. */
export function isNamed({ host, path }: ServerAddress): boolean {
  return path === '' && net.isIP(host) === 0;
}

/** A name as SNI and certificates have it: without the dot that ends it in DNS (RFC 6066 §3). */
function sniOf(serverName: string): string {
  return serverName.endsWith('.') ? serverName.slice(0, -1) : serverName;
}

function codedError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

function ignore(): void {}
