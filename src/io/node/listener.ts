import { linkSync, renameSync, statSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import type { ListenAddress } from '../../plan/listen.ts';
import { duplicate } from '../kernel/duplicate.ts';
import { Accepted, type Handle } from './accepted.ts';
import type { Gate } from './gate.ts';
import { type SocketContext, WRITE_HIGH_WATER_BYTES } from './socket-stream.ts';

/** Decides what is spoken on a connection that was accepted. */
export type OnAccept = (accepted: Accepted) => void;

const BACKLOG = 4096;

export interface ListenerContext extends SocketContext {
  readonly reusePort: boolean;
  /** Decides when a connection is let in; absent: at once. */
  readonly gate?: Gate;
}

/** Accepts clients on one address and hands each over as it is. */
export class Listener {
  readonly address: ListenAddress;
  /** The socket that was given; null: it opened its own. */
  readonly given: number | null;
  readonly #server: net.Server;

  private constructor(
    address: ListenAddress,
    context: SocketContext,
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
        () => onAccept(Accepted.ofSocket(context, socket)),
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
  ): Promise<Listener> {
    const listener = new Listener(address, context, onAccept, given);
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
        takeHandles(server, context, onAccept);
        resolve(listener);
      });
    });
  }

  /** The port that the system gave where 0 was asked for. */
  get port(): number {
    const bound = this.#server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : this.address.port;
  }

  /** The socket's number in this process. */
  get fd(): number {
    return fdOf(this.#server);
  }

  /** Accepts no more; open connections go on. */
  close(): void {
    this.#server.close();
  }

  /**
   * Accepts no more, but others do: a unix socket keeps its place in the file system, which closing
   * it takes away.
   */
  leave(): void {
    if (this.given === null) keepingPath(this.address.path, () => this.close());
    else this.close();
  }
}

/**
 * Opens a socket that listens on an address, and from which nobody accepts yet: who connects waits
 * in it. To be closed with `closeSync`.
 *
 * @returns its number in this process
 */
export function openSocket({ host, port, path }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    const where = path === '' ? { host, port, reusePort: true } : { path };
    // The loop has not turned yet when this is called, so that nothing was accepted.
    server.listen({ ...where, backlog: BACKLOG }, () => {
      const fd = duplicate(fdOf(server));
      keepingPath(path, () => server.close());
      if (fd === null) reject(Object.assign(new Error('no descriptor left'), { code: 'EMFILE' }));
      else resolve(fd);
    });
  });
}

function fdOf(server: net.Server): number {
  return (server as net.Server & { _handle: { fd: number } })._handle.fd;
}

/** Closes who listens on a unix socket, which would take it out of the file system. */
function keepingPath(path: string, close: () => void): void {
  if (path === '') return close();
  const meanwhile = `${path}.${process.pid}`;
  linkSync(path, meanwhile);
  close();
  renameSync(meanwhile, path);
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
    const close = () => client.close();
    const enter = () => letIn(context, () => onAccept(Accepted.ofHandle(context, client)), close);
    if (context.gate === undefined) enter();
    else letIn(context, () => context.gate!.enter(client, enter), close);
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
