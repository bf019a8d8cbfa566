import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import type { ServerTls } from '../../../core/ports/server-address.ts';
import { alpnList } from '../../tls/server-settings.ts';
import type { ClientContexts } from './client-contexts.ts';
import { takeErrorCode, verifyCodeOf, verifyTextOf } from './errors.ts';
import type { ResumableSessions } from './resumable-sessions.ts';
import { TlsSession } from './session.ts';
import { type OwnedStream, type Shaker, type TlsContext, TlsStream } from './tls-stream.ts';

/** What handshakes with servers need of their thread. */
export interface ClientContext extends TlsContext {
  readonly contexts: ClientContexts;
  readonly sessions: ResumableSessions;
}

/** Hears how a handshake with a server ends; one of the two is called, once, and never within the call that began it. */
export interface ClientHandshakeOwner {
  /** Its owner is to be set, or `takeOver` to be called with it, in the same turn. */
  opened(stream: TlsStream): void;
  /** With the codes of Node's errors. */
  failed(error: NodeJS.ErrnoException): void;
}

const ALPN = alpnList(['http/1.1']);
/** OpenSSL's word for a certificate that no authority vouches for. */
const NOT_VERIFIED = 'ERR_SSL_CERTIFICATE_VERIFY_FAILED';

/** A connection to a server up to the end of its handshake. Time is the caller's. */
export class ClientHandshake implements Shaker {
  readonly #context: ClientContext;
  readonly #settings: ServerTls;
  readonly #owner: ClientHandshakeOwner;
  readonly #session: TlsSession;
  readonly #stream: TlsStream;
  /** With whom a session may be taken up. */
  readonly #key: string;
  #isOver = false;

  /**
   * @param lower open, its owner is this from now on
   * @param address sessions are taken up with the same one only
   * @throws Error with the code ERR_TLS_CONTEXT where the identity is no good
   */
  constructor(
    context: ClientContext,
    lower: OwnedStream,
    address: string,
    settings: ServerTls,
    owner: ClientHandshakeOwner,
  ) {
    const { identity, verify, serverName } = settings;
    this.#context = context;
    this.#settings = settings;
    this.#owner = owner;
    this.#key = `${address} ${serverName} ${verify} ${identity.digest}`;
    this.#session = newSession(context, settings);
    const resumed = context.sessions.get(this.#key);
    if (resumed !== 0n) this.#session.resume(resumed);
    this.#stream = new TlsStream(context, this.#session, this);
    this.#stream.begin((own) => {
      lower.owner = own(lower);
    });
    this.#begin();
  }

  /** Gives it up; its owner hears nothing more. */
  close(): void {
    this.#isOver = true;
    this.#stream.giveUp();
  }

  shake(nowMs: number): void {
    try {
      this.#shake();
    } catch (error) {
      this.#context.contain(error, this, nowMs);
    }
  }

  noHandshake(): void {
    this.#context.memory.clear();
    this.#fail(codedError('ERR_SSL_WRONG_VERSION_NUMBER', 'the server speaks no TLS'));
  }

  left(): void {
    this.#fail(codedError('ECONNRESET', 'closed before it was established'));
  }

  /** A session ticket, most likely. */
  told(): void {
    this.#remember();
  }

  crashed(): void {
    this.#context.memory.clear();
    this.#fail(codedError('ERR_TLS_HANDSHAKE', 'an error in openclaw itself'));
  }

  #begin(): void {
    const outcome = this.#session.handshake();
    if (outcome === 'wants') return this.#stream.flush();
    const { memory, defer } = this.#context;
    const code = takeErrorCode(memory.calls);
    memory.clear();
    defer(() => this.#fail(codedError(code, 'the handshake could not begin')));
  }

  #shake(): void {
    const outcome = this.#session.handshake();
    if (outcome === 'failed') return this.#refused();
    this.#stream.flush();
    if (outcome === 'done') this.#done();
  }

  #refused(): void {
    const { memory } = this.#context;
    const code = takeErrorCode(memory.calls);
    this.#stream.flush();
    memory.clear();
    const result = this.#session.verifyResult;
    if (code !== NOT_VERIFIED) return this.#fail(codedError(code, code));
    this.#fail(codedError(verifyCodeOf(result), verifyTextOf(memory.calls, result)));
  }

  #done(): void {
    const error = this.#refusal();
    if (error !== undefined) return this.#fail(error);
    this.#isOver = true;
    this.#remember();
    this.#stream.opened();
    this.#owner.opened(this.#stream);
  }

  /** Why the server is not the one that was asked for. A session that goes on was asked before. */
  #refusal(): NodeJS.ErrnoException | undefined {
    if (!this.#settings.verify || this.#session.isResumed) return undefined;
    const der = this.#session.peerCertificate;
    if (der === null) return codedError('ERR_TLS_HANDSHAKE', 'the server showed no certificate');
    const certificate = new X509Certificate(der).toLegacyObject();
    const name = bare(this.#settings.serverName);
    return tls.checkServerIdentity(name, certificate as unknown as tls.PeerCertificate);
  }

  #remember(): void {
    const session = this.#session.takeResumable();
    if (session !== 0n) this.#context.sessions.put(this.#key, session);
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.giveUp();
    this.#owner.failed(error);
  }
}

function newSession(context: ClientContext, { identity, serverName, verify }: ServerTls) {
  try {
    const session = new TlsSession(context.memory, context.contexts.contextOf(identity), false);
    const name = bare(serverName);
    session.askFor(isIP(name) === 0 ? name : '', ALPN, verify);
    return session;
  } catch (error) {
    throw codedError('ERR_TLS_CONTEXT', (error as Error).message);
  }
}

/** A name as SNI and certificates have it: without the dot that ends it in DNS (RFC 6066 §3). */
function bare(serverName: string): string {
  return serverName.endsWith('.') ? serverName.slice(0, -1) : serverName;
}

function codedError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
