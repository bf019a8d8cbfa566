import type { Duplex } from 'node:stream';
import type tls from 'node:tls';
import { Timer, type TimerOwner, type TimerWheel } from '../../../base/wheel.ts';
import type { Peer } from '../../../core/ports/arrival.ts';
import type { Stream, StreamOwner } from '../../../core/ports/stream.ts';
import type { ClientCertificates, TlsPlan } from '../../../plan/tls.ts';
import { TicketKeys } from '../../../table/ticket-keys.ts';
import type { Handshake, HandshakeOwner, Secured, Security } from '../../backend.ts';
import { type TlsFailure, tlsFailureOf } from '../../tls/failures.ts';
import { alpnOf, HTTP_REQUEST, SPEAK_TLS } from '../../tls/server-settings.ts';
import type { SocketContext } from '../socket-stream.ts';
import { ServerContexts } from './server-contexts.ts';
import {
  type SecuredSocket,
  sayInPlain,
  secure,
  type TlsHandle,
  type Unsecured,
} from './tls-socket.ts';
import { TlsStream } from './tls-stream.ts';

/** What a listener's handshakes are made with; another object after the certificates changed. */
export interface NodeSecurity extends Security {
  readonly contexts: ServerContexts;
  /** ALPN: the protocols on offer, as they stand on the wire (RFC 7301 §3.1). */
  readonly alpnProtocols: Buffer;
  readonly clientCertificates: ClientCertificates;
}

/** @throws Error from OpenSSL if a certificate, key or list is invalid */
export function securityOf(plan: TlsPlan): NodeSecurity {
  return {
    contexts: new ServerContexts(plan, TicketKeys.open(plan.ticketMemory)),
    alpnProtocols: alpnOf(plan),
    clientCertificates: plan.clientCertificates,
    handshakeMs: plan.handshakeMs,
  };
}

/** An accepted connection, with what a handshake on it needs. */
export interface SecuredLater extends Unsecured {
  readonly context: SocketContext & { readonly wheel: TimerWheel };
  readonly peer: Peer;
}

/** One accepted connection up to the end of its handshake. */
export class NodeHandshake implements Handshake, TimerOwner {
  readonly #accepted: SecuredLater;
  readonly #owner: HandshakeOwner;
  readonly #timer: Timer;
  readonly #security: NodeSecurity;
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

  constructor(accepted: SecuredLater, security: NodeSecurity, owner: HandshakeOwner) {
    this.#accepted = accepted;
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
    const { wheel, clock } = accepted.context;
    this.#timer = new Timer(wheel, this);
    this.#timer.set(clock.nowMs() + security.handshakeMs);
  }

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
    this.#owner.failed('other', 'an error in openclaw itself');
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { clock, contain } = this.#accepted.context;
      contain(error, this, clock.nowMs());
    }
  }

  #staple(context: tls.SecureContext): void {
    const { clock } = this.#accepted.context;
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
    const { peer } = this.#accepted;
    this.#owner.secured(new NodeSecured(peer, this.#secured, this.#stream, clientCertificate));
  }

  #fail(reason: TlsFailure, detail: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#secured.socket.destroy();
    this.#owner.failed(reason, detail);
  }

  #over(): void {
    this.#isOver = true;
    this.#timer.dispose();
  }
}

/** A connection whose handshake is done. */
class NodeSecured implements Secured {
  readonly peer: Peer;
  readonly isSecure = true;
  readonly protocol: string | null;
  readonly isResumed: boolean;
  readonly clientCertificate: Buffer | null;
  readonly #secured: SecuredSocket;
  readonly #stream: TlsStream;

  constructor(
    peer: Peer,
    secured: SecuredSocket,
    stream: TlsStream,
    clientCertificate: Buffer | null,
  ) {
    const { socket } = secured;
    this.peer = peer;
    this.protocol = socket.alpnProtocol || null;
    this.isResumed = socket.isSessionReused();
    this.clientCertificate = clientCertificate;
    this.#secured = secured;
    this.#stream = stream;
  }

  toStream(own: (stream: Stream) => StreamOwner): void {
    this.#stream.attach(this.#secured);
    this.#stream.owner = own(this.#stream);
  }

  forNodeHttp2(): Duplex {
    return this.#secured.socket;
  }

  close(): void {
    this.#secured.socket.destroy();
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
