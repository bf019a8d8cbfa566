import net from 'node:net';
import type { StreamOwner } from '../../core/ports/stream.ts';
import { type SocketContext, SocketStream, WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';

/** What is known of a new connection. */
export interface Peer {
  /** The client's address without port; `unix` for a unix socket. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** `host:port` that it reached; asked of the kernel only when somebody wants to know. */
  readonly localAuthority: () => string;
}

/** The parts of Node's TCP and pipe handles that are used here; they are not documented. */
export interface Handle {
  setNoDelay?(on: boolean): void;
  getpeername?(into: Name): number;
  getsockname?(into: Name): number;
  readonly writeQueueSize?: number;
  close(done?: () => void): void;
  /** TCP only: closes with a reset. */
  reset?(done?: () => void): void;
}
interface Name {
  address?: string;
  port?: number;
}

/**
 * A connection that was accepted and of which nothing was read: what is spoken on it is for its
 * taker to say. It is either read as it is, by `toStream`, or secured (tls/handshake.ts), or closed.
 * Whoever has to read something before TLS begins takes the stream first, and then makes
 * `Accepted.after` of it.
 */
export class Accepted {
  readonly context: SocketContext;
  readonly peer: Peer;
  /** Nobody said that the client speaks TLS to a proxy. */
  readonly isSecure = false;
  /** Node's handle, where its seam is there: see `takeHandles` in listener.ts. */
  readonly handle: Handle | null;
  /** Node's socket, where the seam is not there or something was read already. */
  readonly socket: net.Socket | null;

  private constructor(
    context: SocketContext,
    peer: Peer,
    handle: Handle | null,
    socket: net.Socket | null,
  ) {
    this.context = context;
    this.peer = peer;
    this.handle = handle;
    this.socket = socket;
  }

  static ofHandle(context: SocketContext, handle: Handle): Accepted {
    handle.setNoDelay?.(true);
    return new Accepted(context, peerOfHandle(handle), handle, null);
  }

  static ofSocket(context: SocketContext, socket: net.Socket): Accepted {
    const peer = {
      address: plainAddress(socket.remoteAddress),
      port: socket.remotePort ?? 0,
      localAuthority: () => authorityOf(socket.localAddress, socket.localPort),
    };
    return new Accepted(context, peer, null, socket);
  }

  /**
   * The connection anew, after its taker read what stood before the rest, a PROXY header.
   *
   * @param stream from `toStream`; its owner hears of it no more
   * @param early bytes that came behind what was read
   */
  static after(before: Accepted, stream: SocketStream, early: Buffer, peer: Peer): Accepted {
    const socket = stream.release();
    if (early.length > 0) socket.unshift(Buffer.from(early));
    return new Accepted(before.context, peer, null, socket);
  }

  /** The bytes as they come. @param own makes the owner of the stream */
  toStream(own: (stream: SocketStream) => StreamOwner): void {
    const stream = new SocketStream(this.context, NOBODY);
    const socket = this.socket ?? socketOf(this.handle!, stream);
    stream.attach(socket, this.socket === null ? 'onread' : 'data');
    stream.owner = own(stream);
    if (this.socket !== null) socket.resume();
  }

  /** Nothing stands before TLS. */
  forHandshake(): Accepted {
    return this;
  }

  close(): void {
    if (this.handle !== null) this.handle.close();
    else this.socket!.destroy();
  }
}

function socketOf(handle: Handle, stream: SocketStream): net.Socket {
  return new net.Socket({
    handle,
    allowHalfOpen: true,
    onread: stream.onread,
    highWaterMark: WRITE_HIGH_WATER_BYTES,
  } as unknown as net.SocketConstructorOpts);
}

function peerOfHandle(handle: Handle): Peer {
  const name: Name = {};
  handle.getpeername?.(name);
  return {
    address: plainAddress(name.address),
    port: name.port ?? 0,
    localAuthority: () => {
      const local: Name = {};
      handle.getsockname?.(local);
      return authorityOf(local.address, local.port);
    },
  };
}

export const NOBODY: StreamOwner = {
  onOpen() {},
  onBytes() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
  crashed() {},
};

/** IPv4 in IPv6 clothes becomes IPv4 again. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

export function authorityOf(bound: string | undefined, port: number | undefined): string {
  if (bound === undefined || port === undefined) return 'localhost';
  const address = plainAddress(bound);
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
