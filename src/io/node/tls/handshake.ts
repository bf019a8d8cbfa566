import type tls from 'node:tls';
import { Timer, type TimerOwner, type TimerWheel } from '../../../base/wheel.ts';
import type { ClientCertificates } from '../../../plan/tls.ts';
import { type TlsFailure, tlsFailureOf } from '../../tls/failures.ts';
import type { Accepted } from '../accepted.ts';
import type { ServerContexts } from './server-contexts.ts';
import { type SecuredSocket, sayInPlain, secure, type TlsHandle } from './tls-socket.ts';
import { TlsStream } from './tls-stream.ts';

/** What a listener's handshakes are made with; another object after the certificates changed. */
export interface Security {
  readonly contexts: ServerContexts;
  /** ALPN: the protocols on offer, as they stand on the wire (RFC 7301 §3.1). */
  readonly alpnProtocols: Buffer;
  readonly clientCertificates: ClientCertificates;
  readonly handshakeMs: number;
}

/** What OpenSSL makes of GET, HEAD, POST and PUT at the beginning of a connection. */
const HTTP_REQUEST = 'ERR_SSL_HTTP_REQUEST';
const HELP = '400 Bad Request\nThis port speaks HTTPS: ask for https:// instead. (not_tls)\n';
const SPEAK_TLS =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n' +
  `Content-Length: ${HELP.length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${HELP}`;

/** ALPN's spelling of a list of protocols. */
export function alpnOf(protocols: readonly string[]): Buffer {
  return Buffer.concat(
    protocols.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)])),
  );
}

/** Hears how a handshake ends; one of the two is called, once. */
export interface HandshakeOwner {
  secured(secured: Secured, handshake: Handshake): void;
  /** @param detail what OpenSSL says of it */
  failed(reason: TlsFailure, detail: string, handshake: Handshake): void;
}

/** A connection whose handshake is done. */
export interface Secured {
  readonly accepted: Accepted;
  readonly socket: tls.TLSSocket;
  /** For HTTP/1: to be attached in the same turn, or bytes are lost. */
  readonly stream: TlsStream;
  readonly secured: SecuredSocket;
  /** What ALPN agreed on; null: the client did not ask. */
  readonly protocol: string | null;
  readonly isResumed: boolean;
  /** The client's, verified, DER; null: it brought none. */
  readonly clientCertificate: Buffer | null;
}

/** One accepted connection up to the end of its handshake. */
export class Handshake implements TimerOwner {
  readonly accepted: Accepted;
  readonly #owner: HandshakeOwner;
  readonly #timer: Timer;
  readonly #security: Security;
  readonly #secured: SecuredSocket;
  readonly #stream: TlsStream;
  #error: NodeJS.ErrnoException | undefined;
  #isOver = false;
  readonly #onError = (error: NodeJS.ErrnoException) => {
    this.#error = error;
    // The socket below is open until this turn ends, and OpenSSL has said nothing on it.
    if (error.code === HTTP_REQUEST) sayInPlain(this.#secured, SPEAK_TLS);
  };
  readonly #onEnd = () => this.#guarded(() => this.#fail('left', ''));
  readonly #onClose = () => {
    const error = this.#error;
    const reason = error === undefined ? 'left' : tlsFailureOf(error.code);
    this.#guarded(() => this.#fail(reason, detailOf(error)));
  };

  constructor(
    accepted: Accepted,
    security: Security,
    wheel: TimerWheel,
    nowMs: number,
    owner: HandshakeOwner,
  ) {
    this.accepted = accepted;
    this.#owner = owner;
    this.#security = security;
    this.#stream = new TlsStream(accepted.context);
    const { contexts, alpnProtocols, clientCertificates } = security;
    this.#secured = secure(accepted, {
      secureContext: contexts.fallback,
      requestCert: clientCertificates !== 'none',
      requiresCert: clientCertificates === 'required',
      alpnProtocols,
      SNICallback: contexts.areMany
        ? (name, done) =>
            this.#guarded(() => {
              const context = contexts.contextFor(name);
              this.#staple(context ?? contexts.fallback);
              done(null, context);
            })
        : undefined,
      onread: this.#stream.onread,
    });
    // Of many, which one is shown is known when the client has asked for a name.
    if (!contexts.areMany) this.#staple(contexts.fallback);
    const { socket } = this.#secured;
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.once('secure', () => this.#guarded(() => this.#done()));
    this.#timer = new Timer(wheel, this);
    this.#timer.set(nowMs + security.handshakeMs);
  }

  /** Ends it without a word. */
  abort(): void {
    this.#over();
    this.#secured.socket.destroy();
  }

  onTimer(): void {
    this.#fail('timeout', '');
  }

  /** Perhaps when it was done and the connection already handed on. */
  crashed(): void {
    this.#over();
    this.#secured.socket.destroy();
    this.#owner.failed('other', 'an error in openclaw itself', this);
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { clock, contain } = this.accepted.context;
      contain(error, this, clock.nowMs());
    }
  }

  #staple(context: tls.SecureContext): void {
    const { clock } = this.accepted.context;
    const response = this.#security.contexts.stapleFor(context, clock.wallMs());
    if (response !== undefined) handleOf(this.#secured.socket)?.setOCSPResponse?.(response);
  }

  #done(): void {
    if (this.#isOver) return;
    const { socket } = this.#secured;
    const { clientCertificates } = this.#security;
    let clientCertificate: Buffer | null = null;
    if (clientCertificates !== 'none') {
      clientCertificate = socket.getPeerX509Certificate()?.raw ?? null;
      const isMissing = clientCertificate === null;
      const refusal = isMissing ? missing(clientCertificates) : refusalOf(socket);
      if (refusal !== undefined) return this.#fail('bad_client_certificate', refusal);
    }
    this.#over();
    socket.off('error', this.#onError);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    // From here on errors of the connection are told as such, and not as a failed handshake.
    const internals = socket as unknown as SocketInternals;
    internals._releaseControl?.();
    internals.secureConnecting = false;
    this.#owner.secured(
      {
        accepted: this.accepted,
        socket,
        secured: this.#secured,
        stream: this.#stream,
        protocol: socket.alpnProtocol || null,
        isResumed: socket.isSessionReused(),
        clientCertificate,
      },
      this,
    );
  }

  #fail(reason: TlsFailure, detail: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#secured.socket.destroy();
    this.#owner.failed(reason, detail, this);
  }

  #over(): void {
    this.#isOver = true;
    this.#timer.dispose();
  }
}

/** What Node's own TLS server does to its sockets after the handshake. */
interface SocketInternals {
  _releaseControl?(): void;
  secureConnecting: boolean;
}

/** A resumed session says "valid" of a certificate that nobody brought. */
function missing(wanted: ClientCertificates): string | undefined {
  return wanted === 'required' ? 'NO_CERTIFICATE' : undefined;
}

/** Why the client's certificate is not accepted; undefined where it is. */
function refusalOf(socket: tls.TLSSocket): string | undefined {
  const error = handleOf(socket)?.verifyError();
  return error === null || error === undefined ? undefined : (error.code ?? error.message);
}

function handleOf(socket: tls.TLSSocket): TlsHandle | null {
  return (socket as unknown as { _handle: TlsHandle | null })._handle;
}

function detailOf(error: NodeJS.ErrnoException | undefined): string {
  return error === undefined ? '' : (error.code ?? error.message);
}
