import net from 'node:net';
import tls from 'node:tls';
import type { Handle } from '../handle.ts';
import { WRITE_HIGH_WATER_BYTES } from '../socket-stream.ts';

/** A write under way; Node's request object. */
export interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** A number where the write has ended before `oncomplete` was set. */
  readonly writeStatus?: number | null;
  /** Where its end is told. */
  stream?: { written(status: number): void };
}

/** The parts of Node's handle of an encrypted connection that are used here. */
export interface TlsHandle {
  /** Each gives a request, or a number where the write has ended already: 0, or an error. */
  writeLatin1String(request: null, text: string): WriteRequest | number;
  writeBuffer(request: null, bytes: Uint8Array): WriteRequest | number;
  verifyError(): NodeJS.ErrnoException | null;
  /** For a client that asks for it; without this part nothing is stapled. */
  setOCSPResponse?(response: Uint8Array): void;
}

export interface TlsSocketOptions {
  readonly secureContext: tls.SecureContext;
  readonly requestCert: boolean;
  /** Without one there is no connection. */
  readonly requiresCert: boolean;
  readonly alpnProtocols: Buffer;
  readonly SNICallback:
    | ((name: string, done: (error: null, context?: tls.SecureContext) => void) => void)
    | undefined;
  readonly onread: net.OnReadOpts;
}

/** An accepted connection, of which one is there. */
export interface Unsecured {
  readonly handle: Handle | null;
  readonly socket: net.Socket | null;
}

/** How an accepted connection is secured. */
export interface SecuredSocket {
  readonly socket: tls.TLSSocket;
  /** The connection below, where it is known to be Node's own; null: only documented ways. */
  readonly lower: Handle | null;
  /** Node's socket below, where there is no `lower`. */
  readonly below: net.Socket | null;
}

/** Says a few bytes to a client that speaks no TLS: below the encryption, before its socket closes. */
export function sayInPlain({ lower, below }: SecuredSocket, text: string): void {
  if (below !== null) below.end(text, 'latin1');
  else (lower as unknown as Partial<TlsHandle>).writeLatin1String?.(null, text);
}

/** The socket of an encrypted connection; the handshake goes on by itself. */
export function secure(accepted: Unsecured, options: TlsSocketOptions): SecuredSocket {
  const given = {
    isServer: true,
    secureContext: options.secureContext,
    requestCert: options.requestCert,
    rejectUnauthorized: options.requiresCert,
    ALPNProtocols: options.alpnProtocols,
    SNICallback: options.SNICallback,
    allowHalfOpen: true,
    highWaterMark: WRITE_HIGH_WATER_BYTES,
  };
  const lower = accepted.handle;
  if (lower !== null && HAS_SEAM) {
    const socket = new HandleSocket({ ...given, onread: options.onread, lower });
    return { socket: socket as unknown as tls.TLSSocket, lower, below: null };
  }
  const below = accepted.socket ?? socketOf(lower!);
  return { socket: new tls.TLSSocket(below, given as tls.TLSSocketOptions), lower: null, below };
}

function socketOf(handle: Handle): net.Socket {
  return new net.Socket({
    handle,
    allowHalfOpen: true,
    pauseOnCreate: true,
  } as unknown as net.SocketConstructorOpts);
}

interface Internals {
  _tlsOptions: { lower: Handle };
  connecting: boolean;
  _wrapHandle(socket: null, lower: Handle, isBusy: boolean): TlsHandle;
}
const Base = tls.TLSSocket as unknown as new (socket: undefined, options: object) => Internals;

/** Older handles end the process where they are given no request to write with. */
const SEAM_SINCE_NODE = 26;

const HAS_SEAM =
  Number.parseInt(process.versions.node, 10) >= SEAM_SINCE_NODE &&
  typeof (tls.TLSSocket.prototype as unknown as Internals)._wrapHandle === 'function';

/**
 * An encrypted socket right on an accepted handle. Node makes one on a socket of its own: that is a
 * second socket for each connection, and one that cannot be read with `onread`. What it leaves to
 * its sockets that connect (no socket given, `onread` heeded) serves here too, but for the handle.
 */
class HandleSocket extends Base {
  constructor(options: { lower: Handle; onread: net.OnReadOpts }) {
    super(undefined, options);
    this.connecting = false;
  }

  override _wrapHandle(): TlsHandle {
    return super._wrapHandle(null, this._tlsOptions.lower, false);
  }
}
