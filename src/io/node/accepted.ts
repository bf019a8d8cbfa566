import net from 'node:net';
import type { TimerWheel } from '../../base/wheel.ts';
import { type Arrival, authorityOf, type Peer, plainAddress } from '../../core/ports/arrival.ts';
import { NOBODY, type Stream, type StreamOwner } from '../../core/ports/stream.ts';
import { AfterHeader, type SecureStream } from '../after-header.ts';
import type { Accepted, Handshake, HandshakeOwner, Security } from '../backend.ts';
import { type Handle, peerOfHandle } from './handle.ts';
import { type SocketContext, SocketStream, WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';
import { NodeHandshake, type NodeSecurity } from './tls/handshake.ts';

/** What the connections of one thread share. */
export interface AcceptContext extends SocketContext {
  readonly wheel: TimerWheel;
}

/** A connection on Node's handle, or on its socket. */
export class NodeAccepted implements Accepted {
  readonly context: AcceptContext;
  readonly peer: Peer;
  readonly isSecure: boolean;
  /** Node's handle, where its seam is there: see `takeHandles` in listener.ts. */
  readonly handle: Handle | null;
  /** Node's socket, where the seam is not there or something was read already. */
  readonly socket: net.Socket | null;
  #stream: SocketStream | null = null;

  private constructor(
    context: AcceptContext,
    { peer, isSecure }: Pick<Arrival, 'peer' | 'isSecure'>,
    handle: Handle | null,
    socket: net.Socket | null,
  ) {
    this.context = context;
    this.peer = peer;
    this.isSecure = isSecure;
    this.handle = handle;
    this.socket = socket;
  }

  static ofHandle(context: AcceptContext, handle: Handle): NodeAccepted {
    handle.setNoDelay?.(true);
    const whose = { peer: peerOfHandle(handle), isSecure: false };
    return new NodeAccepted(context, whose, handle, null);
  }

  static ofSocket(
    context: AcceptContext,
    socket: net.Socket,
    whose: Pick<Arrival, 'peer' | 'isSecure'> = { peer: peerOfSocket(socket), isSecure: false },
  ): NodeAccepted {
    return new NodeAccepted(context, whose, null, socket);
  }

  toStream(own: (stream: Stream) => StreamOwner): void {
    const stream = new SocketStream(this.context, NOBODY);
    this.#stream = stream;
    const socket = this.socket ?? socketOf(this.handle!, stream);
    stream.attach(socket, this.socket === null ? 'onread' : 'data');
    stream.owner = own(stream);
    if (this.socket !== null) socket.resume();
  }

  secure(security: Security, owner: HandshakeOwner): Handshake {
    return new NodeHandshake(this, security as NodeSecurity, owner);
  }

  afterHeader(early: Buffer, whose: Pick<Arrival, 'peer' | 'isSecure'>): Accepted {
    return new AfterHeader(this.#stream!, early, whose, secureAfter(this.context));
  }

  close(): void {
    if (this.handle !== null) this.handle.close();
    else this.socket!.destroy();
  }
}

/** TLS reads from Node's socket, and first what is put back into it. */
function secureAfter(context: AcceptContext): SecureStream<SocketStream> {
  return (after, security, owner) => {
    const socket = after.stream.release();
    if (after.early.length > 0) socket.unshift(Buffer.from(after.early));
    return NodeAccepted.ofSocket(context, socket, after).secure(security, owner);
  };
}

function socketOf(handle: Handle, stream: SocketStream): net.Socket {
  return new net.Socket({
    handle,
    allowHalfOpen: true,
    onread: stream.onread,
    highWaterMark: WRITE_HIGH_WATER_BYTES,
  } as unknown as net.SocketConstructorOpts);
}

function peerOfSocket(socket: net.Socket): Peer {
  return {
    address: plainAddress(socket.remoteAddress),
    port: socket.remotePort ?? 0,
    localAuthority: () => authorityOf(socket.localAddress, socket.localPort),
  };
}
