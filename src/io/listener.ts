import { statSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import type { Stream, StreamOwner } from '../core/exchange/ports.ts';
import type { Gate, GateHandle } from './gate.ts';
import { type SocketContext, SocketStream, WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';

/** Where a listener listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket; empty otherwise. */
  readonly path: string;
}

/** What is known of a new connection. */
export interface Peer {
  /** The client's address without port; `unix` for a unix socket. */
  readonly address: string;
  /** `host:port` that it reached; asked of the kernel only when somebody wants to know. */
  readonly localAuthority: () => string;
}

/** Makes the owner of a stream that was accepted. */
export type OnAccept = (stream: Stream, peer: Peer) => StreamOwner;

const BACKLOG = 4096;

/** Where connections pass before anything is made of them. */
export interface Doorway {
  readonly gate: Gate;
  /** An accept failed; it is tried again at the next connection. */
  acceptFailed(): void;
}

/** Accepts clients on one address and hands each over as a stream. */
export class Listener {
  readonly address: ListenAddress;
  readonly #server: net.Server;

  private constructor(address: ListenAddress, context: SocketContext, onAccept: OnAccept) {
    this.address = address;
    this.#server = net.createServer({
      allowHalfOpen: true,
      noDelay: true,
      pauseOnConnect: true,
      highWaterMark: WRITE_HIGH_WATER_BYTES,
    });
    this.#server.on('connection', (socket) => acceptSocket(socket, context, onAccept));
  }

  /**
   * @param context with `reusePort` several threads share one TCP port, and the kernel spreads
   *   connections over them
   */
  static open(
    address: ListenAddress,
    context: SocketContext & { reusePort: boolean },
    doorway: Doorway,
    onAccept: OnAccept,
  ): Promise<Listener> {
    const listener = new Listener(address, context, onAccept);
    return new Promise((resolve, reject) => {
      const server = listener.#server;
      server.once('error', reject);
      const { host, port, path } = address;
      const target =
        path === ''
          ? { host, port, reusePort: context.reusePort, backlog: BACKLOG }
          : { path, backlog: BACKLOG };
      server.listen(target, () => {
        server.off('error', reject);
        server.on('error', () => doorway.acceptFailed());
        takeHandles(server, context, doorway, onAccept);
        resolve(listener);
      });
    });
  }

  /** The port that the system gave where 0 was asked for. */
  get port(): number {
    const bound = this.#server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : this.address.port;
  }

  /** Accepts no more; open connections go on. */
  close(): void {
    this.#server.close();
  }
}

/**
 * Takes a stale unix socket out of the way; one that somebody listens on is left.
 *
 * @throws an error with code ENOTSOCK where something else lies: that is not ours to remove
 */
export function removeStaleSocket(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = net.connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve();
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED') return resolve();
      try {
        if (!statSync(path).isSocket()) throw Object.assign(error, { code: 'ENOTSOCK' });
        unlinkSync(path);
        resolve();
      } catch (cause) {
        reject(cause);
      }
    });
  });
}

/** The parts of Node's TCP and pipe handles that are used here; they are not documented. */
interface Handle extends GateHandle {
  setNoDelay?(on: boolean): void;
}
interface ServerHandle {
  onconnection?: (status: number, client: Handle) => void;
}

/**
 * Makes the sockets of accepted connections ourselves. Node has the `onread` option, which reads
 * without an object for each piece, for sockets it opens but not yet for those it accepts, and
 * a socket made by Node and exchanged for one of ours costs as much again. Measured, `onread`
 * saves a twelfth of the CPU time of a small request. Should a Node come without this seam, the
 * sockets that it makes are taken, and read by `data` events.
 */
function takeHandles(
  server: net.Server,
  context: SocketContext,
  { gate }: Doorway,
  onAccept: OnAccept,
): void {
  const handle = (server as net.Server & { _handle?: ServerHandle })._handle;
  const original = handle?.onconnection;
  if (handle === undefined || typeof original !== 'function') return;
  handle.onconnection = function (this: ServerHandle, status: number, client: Handle) {
    if (status !== 0) return original.call(this, status, client);
    gate.enter(client, () => take(client));
  };
  const take = (client: Handle) => {
    client.setNoDelay?.(true);
    const stream = new SocketStream(context, NOBODY);
    const socket = new net.Socket({
      handle: client,
      allowHalfOpen: true,
      onread: stream.onread,
      highWaterMark: WRITE_HIGH_WATER_BYTES,
    } as unknown as net.SocketConstructorOpts);
    handOver(stream, socket, 'onread', onAccept);
  };
}

function acceptSocket(socket: net.Socket, context: SocketContext, onAccept: OnAccept): void {
  handOver(new SocketStream(context, NOBODY), socket, 'data', onAccept);
  socket.resume();
}

function handOver(
  stream: SocketStream,
  socket: net.Socket,
  reads: 'onread' | 'data',
  onAccept: OnAccept,
): void {
  stream.attach(socket, reads);
  stream.owner = onAccept(stream, {
    address: plainAddress(socket.remoteAddress),
    localAuthority: () => authorityOf(plainAddress(socket.localAddress), socket.localPort),
  });
}

const NOBODY: StreamOwner = {
  onOpen() {},
  onBytes() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};

/** IPv4 in IPv6 clothes becomes IPv4 again. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function authorityOf(address: string, port: number | undefined): string {
  if (port === undefined) return 'localhost';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
