import type { Duplex } from 'node:stream';
import { Timer, type TimerOwner, type TimerWheel } from '../../../base/wheel.ts';
import type { Arrival, Peer } from '../../../core/ports/arrival.ts';
import type { Stream, StreamOwner } from '../../../core/ports/stream.ts';
import type { Handshake, HandshakeOwner, Secured } from '../../backend.ts';
import { StreamDuplex } from '../../stream-duplex.ts';
import { type TlsFailure, tlsFailureOf } from '../../tls/failures.ts';
import { HTTP_REQUEST, SPEAK_TLS } from '../../tls/server-settings.ts';
import { takeErrorCode, verifyCodeOf } from './errors.ts';
import type { ServerCallbacks } from './server-callbacks.ts';
import type { ServerSecurity } from './server-security.ts';
import { type Outcome, TlsSession } from './session.ts';
import type { SslContext } from './ssl-context.ts';
import { type Shaker, type TlsContext, TlsStream } from './tls-stream.ts';

/** What handshakes with clients need of their thread. */
export interface ServerContext extends TlsContext {
  readonly callbacks: ServerCallbacks;
  readonly wheel: TimerWheel;
  readonly nodeUses: (by: number) => void;
}

/** OpenSSL's word for a certificate that was shown and is not accepted. */
const NOT_VERIFIED = 'ERR_SSL_CERTIFICATE_VERIFY_FAILED';

/** One accepted connection up to the end of its handshake. */
export class ServerHandshake implements Handshake, TimerOwner, Shaker {
  readonly #context: ServerContext;
  readonly #security: ServerSecurity;
  readonly #peer: Peer;
  readonly #owner: HandshakeOwner;
  readonly #session: TlsSession;
  readonly #stream: TlsStream;
  readonly #timer: Timer;
  #sslContext: SslContext;
  #isOver = false;

  /** @param arrival is read from now on */
  constructor(
    context: ServerContext,
    arrival: Arrival,
    security: ServerSecurity,
    owner: HandshakeOwner,
  ) {
    this.#context = context;
    this.#security = security;
    this.#peer = arrival.peer;
    this.#owner = owner;
    this.#sslContext = security.contexts.fallback;
    this.#session = new TlsSession(context.memory, this.#sslContext, true);
    this.#stream = new TlsStream(context, this.#session, this);
    this.#timer = new Timer(context.wheel, this);
    this.#timer.set(context.clock.nowMs() + security.handshakeMs);
    this.#stream.begin((own) => arrival.toStream(own));
  }

  abort(): void {
    this.#over();
    this.#stream.giveUp();
  }

  onTimer(): void {
    this.#fail('timeout', '');
  }

  shake(nowMs: number): void {
    try {
      const outcome = this.#advance();
      if (outcome === 'failed') this.#refused();
      else {
        this.#stream.flush();
        if (outcome === 'done') this.#done();
      }
    } catch (error) {
      this.#context.contain(error, this, nowMs);
    }
  }

  noHandshake(): void {
    this.#context.memory.clear();
    this.#fail('not_tls', 'ERR_SSL_BAD_RECORD_TYPE');
  }

  left(): void {
    this.#fail('left', '');
  }

  told(): void {}

  /** Perhaps when it was done and the connection already handed on. */
  crashed(): void {
    this.#over();
    this.#context.memory.clear();
    this.#stream.giveUp();
    this.#owner.failed('other', 'an error in openclaw itself');
  }

  #advance(): Outcome {
    const { callbacks } = this.#context;
    callbacks.begin(this.#security, this.#sslContext);
    try {
      return this.#session.handshake();
    } finally {
      this.#sslContext = callbacks.end();
    }
  }

  #refused(): void {
    const { memory } = this.#context;
    const code = takeErrorCode(memory.calls);
    if (code === HTTP_REQUEST) {
      memory.clear();
      this.#stream.giveUp(SPEAK_TLS);
    } else this.#stream.flush();
    memory.clear();
    if (code === NOT_VERIFIED) {
      this.#fail('bad_client_certificate', verifyCodeOf(this.#verifyResult));
    } else this.#fail(tlsFailureOf(code), code);
  }

  get #verifyResult(): bigint {
    return this.#session.verifyResult;
  }

  #done(): void {
    const { clientCertificates } = this.#security;
    let clientCertificate: Buffer | null = null;
    if (clientCertificates !== 'none') {
      clientCertificate = this.#session.peerCertificate;
      const result = this.#verifyResult;
      if (clientCertificate === null && clientCertificates === 'required') {
        return this.#fail('bad_client_certificate', 'NO_CERTIFICATE');
      }
      if (clientCertificate !== null && result !== 0n) {
        return this.#fail('bad_client_certificate', verifyCodeOf(result));
      }
    }
    this.#over();
    this.#stream.opened();
    const { protocol, isResumed } = this.#session;
    this.#owner.secured(
      new OpenSslSecured(this.#context, this.#peer, this.#stream, {
        protocol: protocol === '' ? null : protocol,
        isResumed,
        clientCertificate,
      }),
    );
  }

  #fail(reason: TlsFailure, detail: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#stream.giveUp();
    this.#owner.failed(reason, detail);
  }

  #over(): void {
    this.#isOver = true;
    this.#timer.dispose();
  }
}

/** A connection whose handshake is done. */
class OpenSslSecured implements Secured {
  readonly peer: Peer;
  readonly isSecure = true;
  readonly protocol: string | null;
  readonly isResumed: boolean;
  readonly clientCertificate: Buffer | null;
  readonly #context: ServerContext;
  readonly #stream: TlsStream;

  constructor(
    context: ServerContext,
    peer: Peer,
    stream: TlsStream,
    agreed: Pick<Secured, 'protocol' | 'isResumed' | 'clientCertificate'>,
  ) {
    this.#context = context;
    this.peer = peer;
    this.protocol = agreed.protocol;
    this.isResumed = agreed.isResumed;
    this.clientCertificate = agreed.clientCertificate;
    this.#stream = stream;
  }

  toStream(own: (stream: Stream) => StreamOwner): void {
    this.#stream.owner = own(this.#stream);
  }

  forNodeHttp2(): Duplex {
    const duplex = new StreamDuplex(this.#stream);
    const { nodeUses } = this.#context;
    nodeUses(1);
    duplex.once('close', () => nodeUses(-1));
    this.#stream.owner = duplex;
    return duplex;
  }

  close(): void {
    this.#stream.destroy();
  }
}
