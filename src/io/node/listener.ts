import net from 'node:net';
import { isGone } from '../../core/ports/arrival.ts';
import type { ListenAddress } from '../../plan/listen.ts';
import type { Listener } from '../backend.ts';
import type { Gate } from '../gate.ts';
import { duplicate } from '../kernel/duplicate.ts';
import { keepingPath } from '../unix-socket.ts';
import { type AcceptContext, NodeAccepted } from './accepted.ts';

import { type Handle, onHandleClosed } from './handle.ts';
import { type SocketContext, WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';

type OnAccept = (accepted: NodeAccepted) => void;

export const BACKLOG = 4096;

export interface ListenerContext extends AcceptContext {
  readonly reusePort: boolean;
  /** Decides when a connection is let in; absent: at once. */
  readonly gate?: Gate;
}

/** A listening socket of Node. */
export class NodeListener implements Listener {
  readonly address: ListenAddress;
  readonly given: number | null;
  readonly #server: net.Server;

  private constructor(
    address: ListenAddress,
    context: ListenerContext,
    onAccept: OnAccept,
    given: number | null,
  ) {
    this.address = address;
    this.given = given;
    this.#server = net.createServer({
      allowHalfOpen: true,
      noDelay: true,
      pauseOnConnect: true,
      highWaterMark: WRITE_HIGH_WATER_BYTES,
    });
    this.#server.on('connection', (socket) => {
      letIn(
        context,
        () => onAccept(NodeAccepted.ofSocket(context, socket)),
        () => socket.destroy(),
      );
    });
  }

  /**
   * @param context with `reusePort` several threads share one TCP port, and the kernel spreads
   *   connections over them
   * @param given number of a socket that listens there already, to accept on that one; it stays
   *   open when this listener is closed, where descriptors can be duplicated
   */
  static open(
    address: ListenAddress,
    context: ListenerContext,
    onAccept: OnAccept,
    given: number | null = null,
  ): Promise<NodeListener> {
    const accept = (accepted: NodeAccepted) => {
      if (isGone(accepted.peer, address.path)) accepted.close();
      else onAccept(accepted);
    };
    const listener = new NodeListener(address, context, accept, given);
    return new Promise((resolve, reject) => {
      const server = listener.#server;
      server.once('error', reject);
      const { host, port, path } = address;
      const own = path === '' ? { host, port, reusePort: context.reusePort } : { path };
      const where = given === null ? own : { fd: duplicate(given) ?? given };
      server.listen({ ...where, backlog: BACKLOG }, () => {
        server.off('error', reject);
        // Without a descriptor left libuv accepts and closes, so that the next ones are tried.
        server.on('error', () => {});
        takeHandles(server, context, accept);
        resolve(listener);
      });
    });
  }

  get port(): number {
    const bound = this.#server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : this.address.port;
  }

  get fd(): number {
    return fdOf(this.#server);
  }

  close(): void {
    this.#server.close();
  }

  leave(): void {
    if (this.given === null) keepingPath(this.address.path, () => this.close());
    else this.close();
  }
}

/** The descriptor of a server that listens. */
export function fdOf(server: net.Server): number {
  return (server as net.Server & { _handle: { fd: number } })._handle.fd;
}

interface ServerHandle {
  onconnection?: (status: number, client: Handle) => void;
}

/**
 * Takes accepted connections before Node makes sockets of them. Node has the `onread` option, which reads
 * without an object for each piece, for sockets it opens but not yet for those it accepts, and
 * a socket made by Node and exchanged for one of ours costs as much again. Measured, `onread`
 * saves a twelfth of the CPU time of a small request. Should a Node come without this seam, the
 * sockets that it makes are taken, and read by `data` events.
 */
function takeHandles(server: net.Server, context: ListenerContext, onAccept: OnAccept): void {
  const handle = (server as net.Server & { _handle?: ServerHandle })._handle;
  const original = handle?.onconnection;
  if (handle === undefined || typeof original !== 'function') return;
  handle.onconnection = function (this: ServerHandle, status: number, client: Handle) {
    if (status !== 0) return original.call(this, status, client);
    const turnAway = () => client.close();
    const accept = () => onAccept(NodeAccepted.ofHandle(context, client));
    const { gate } = context;
    if (gate === undefined) return letIn(context, accept, turnAway);
    const enter = () => {
      onHandleClosed(client, () => gate.leave());
      letIn(context, accept, turnAway);
    };
    letIn(context, () => gate.enter({ letIn: enter, turnAway }), turnAway);
  };
}

/** @param close where letting it in throws */
function letIn({ contain, clock }: SocketContext, accept: () => void, close: () => void): void {
  try {
    accept();
  } catch (error) {
    contain(error, { crashed: close }, clock.nowMs());
  }
}
