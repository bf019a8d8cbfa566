import net from 'node:net';
import tls from 'node:tls';
import type { Connector, Stream, StreamOwner } from '../core/exchange/ports.ts';
import type { ServerAddress, ServerTls } from '../core/exchange/server.ts';
import type { Resolver } from './resolver.ts';
import { secureContextOf } from './secure-context.ts';
import { type SocketContext, SocketStream, WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';

/** Addresses of one name that are tried for one connection. */
const ADDRESSES_MAX = 8;

/** Opens real connections to servers. */
export class SocketConnector implements Connector {
  readonly #context: SocketContext;
  readonly #resolver: Resolver;

  constructor(context: SocketContext, resolver: Resolver) {
    this.#context = context;
    this.#resolver = resolver;
  }

  connect(address: ServerAddress, owner: StreamOwner, preface: string): Stream {
    const opening = new Opening(this.#context, owner, address, preface);
    if (address.path !== '' || net.isIP(address.host) !== 0) opening.open([address.host]);
    else this.#resolver.resolve(address.host, (addresses, error) => opening.open(addresses, error));
    return opening.stream;
  }
}

/** A connection on its way: tries the addresses one after the other, within the owner's time. */
class Opening implements StreamOwner {
  readonly stream: SocketStream;
  readonly #owner: StreamOwner;
  readonly #context: SocketContext;
  readonly #address: ServerAddress;
  readonly #preface: string;
  #addresses: readonly string[] = [];
  #next = 0;

  constructor(context: SocketContext, owner: StreamOwner, address: ServerAddress, preface: string) {
    this.#preface = preface;
    this.#context = context;
    this.#owner = owner;
    this.#address = address;
    this.stream = new SocketStream(context, this);
  }

  open(addresses: readonly string[], error: NodeJS.ErrnoException | null = null): void {
    if (this.stream.isDestroyed) return;
    this.#addresses = addresses.slice(0, ADDRESSES_MAX);
    if (addresses.length > 0) this.#tryNext();
    else {
      this.stream.failed(error ?? Object.assign(new Error('no address'), { code: 'ENOTFOUND' }));
      this.stream.closed();
    }
  }

  #tryNext(): void {
    const host = this.#addresses[this.#next++]!;
    const { path, port, tls: settings } = this.#address;
    const stream = this.stream;
    const target = path === '' ? { host, port } : { path };
    const common = {
      ...target,
      noDelay: true,
      allowHalfOpen: true,
      highWaterMark: WRITE_HIGH_WATER_BYTES,
    };
    if (settings === null) {
      const socket = net.connect({ ...common, onread: stream.onread });
      stream.attach(socket, 'onread');
      socket.once('connect', () => this.#isConnected(socket));
    } else if (this.#preface === '') this.#secure(settings, common);
    else {
      const socket = net.connect(common);
      stream.attach(socket, 'data');
      socket.once('connect', () => {
        socket.write(this.#preface, 'latin1');
        // What becomes of it is heard through the socket that is put around it.
        const plain = stream.release().on('error', () => {});
        this.#secure(settings, { socket: plain });
      });
    }
  }

  /** Preface and request leave together. */
  #isConnected(socket: net.Socket): void {
    if (this.#preface === '') return this.onOpen(this.#context.clock.nowMs());
    socket.cork();
    socket.write(this.#preface, 'latin1');
    this.onOpen(this.#context.clock.nowMs());
    socket.uncork();
  }

  #secure(settings: ServerTls, target: tls.ConnectionOptions): void {
    const socket = tls.connect({
      ...target,
      secureContext: secureContextOf(settings),
      rejectUnauthorized: settings.verify,
      ...(net.isIP(settings.serverName) === 0 ? { servername: settings.serverName } : {}),
      checkServerIdentity: (_name, certificate) =>
        tls.checkServerIdentity(settings.serverName, certificate),
      ALPNProtocols: ['http/1.1'],
    });
    this.stream.attach(socket, 'data');
    socket.once('secureConnect', () => this.onOpen(this.#context.clock.nowMs()));
  }

  onOpen(nowMs: number): void {
    if (this.stream.isDestroyed) return;
    this.stream.owner = this.#owner;
    this.stream.hearLastWords();
    this.#owner.onOpen(nowMs);
  }

  onClose(cause: Parameters<StreamOwner['onClose']>[0], nowMs: number): void {
    if (this.#next < this.#addresses.length) this.#tryNext();
    else this.#owner.onClose(cause, nowMs);
  }

  /** A peer that ends before it is open: `close` follows. */
  onEnd(): void {
    this.stream.end();
  }

  onBytes(): void {}
  onDrain(): void {}
}
