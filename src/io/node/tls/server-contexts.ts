/**
 * What TLS handshakes with clients are made with: a context for each certificate, found by the name
 * that the client asks for (SNI, RFC 6066 §3).
 */
import { constants, createHash, randomBytes } from 'node:crypto';
import tls from 'node:tls';
import type { CertificatePlan, Staple, TlsPlan } from '../../../plan/tls.ts';
import type { TicketKey, TicketKeys } from '../../../table/ticket-keys.ts';

/** How long a session can be resumed; ticket keys live longer. */
const SESSION_SECONDS = 2 * 60 * 60;

const OPTIONS =
  // Renegotiation is a weapon of clients (CVE-2011-1473) and gone from TLS 1.3.
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  // Phones without AES instructions put ChaCha20 first, and get it.
  constants.SSL_OP_PRIORITIZE_CHACHA;

export class ServerContexts {
  /** For whoever asks for no name, or for none that is here. */
  readonly fallback: tls.SecureContext;
  /** Whether the name that a client asks for makes a difference. */
  readonly areMany: boolean;
  readonly #byName = new Map<string, tls.SecureContext>();
  /** By what follows `*`. */
  readonly #byDomain = new Map<string, tls.SecureContext>();
  readonly #staples = new Map<tls.SecureContext, Staple>();

  /** @throws Error from OpenSSL if a certificate, key or list is invalid */
  constructor(plan: TlsPlan, tickets: TicketKeys) {
    const [first, ...others] = plan.certificates as [CertificatePlan, ...CertificatePlan[]];
    const isTwin = (one: CertificatePlan) => hasSameNames(one, first);
    const twins = others.filter(isTwin);
    this.fallback = contextOf(plan, [first, ...twins], tickets);
    // Which of twins is shown is known to OpenSSL alone, and what is stapled must be about it.
    if (first.ocsp !== null && twins.length === 0) this.#staples.set(this.fallback, first.ocsp);
    for (const name of first.names) this.#enter(name, this.fallback);
    for (const one of others.filter((other) => !isTwin(other))) {
      const context = contextOf(plan, [one], tickets);
      if (one.ocsp !== null) this.#staples.set(context, one.ocsp);
      for (const name of one.names) this.#enter(name, context);
    }
    this.areMany = others.some((other) => !isTwin(other));
  }

  /** @param name as the client sent it; undefined: `fallback` serves it */
  contextFor(name: string): tls.SecureContext | undefined {
    const asked = name.toLowerCase();
    const dot = asked.indexOf('.');
    const context =
      this.#byName.get(asked) ?? (dot === -1 ? undefined : this.#byDomain.get(asked.slice(dot)));
    return context === this.fallback ? undefined : context;
  }

  /** What is to be stapled to the certificate of a context now; undefined: nothing. */
  stapleFor(context: tls.SecureContext, wallMs: number): Uint8Array | undefined {
    if (this.#staples.size === 0) return undefined;
    const staple = this.#staples.get(context);
    return staple !== undefined && staple.untilMs > wallMs ? staple.response : undefined;
  }

  /** Where two certificates have a name, the first one keeps it. */
  #enter(name: string, context: tls.SecureContext): void {
    const [names, key] = name.startsWith('*.')
      ? [this.#byDomain, name.slice(1)]
      : [this.#byName, name];
    if (!names.has(key)) names.set(key, context);
  }
}

/**
 * Certificates with other keys for the names of the first one stand beside it in one context, and
 * OpenSSL takes the kind of key that the client knows. For the names of others Node takes one
 * certificate alone out of a context, so that there the first one is used.
 */
function hasSameNames(one: CertificatePlan, other: CertificatePlan): boolean {
  return (
    one.names.length > 0 && one.names.toSorted().join(' ') === other.names.toSorted().join(' ')
  );
}

function contextOf(
  plan: TlsPlan,
  group: readonly CertificatePlan[],
  tickets: TicketKeys,
): tls.SecureContext {
  const context = tls.createSecureContext({
    cert: group.map(({ cert }) => cert),
    key: group.map(({ key }) => key),
    ca: plan.clientCa === '' ? [] : [plan.clientCa],
    minVersion: plan.minVersion,
    maxVersion: plan.maxVersion,
    ciphers: plan.ciphers,
    ecdhCurve: plan.curves,
    dhparam: 'auto',
    secureOptions: OPTIONS,
    sessionTimeout: SESSION_SECONDS,
    // A session tells whom the client was taken for: under other authorities it must not go on.
    sessionIdContext: createHash('sha256')
      .update(plan.clientCertificates + plan.clientCa)
      .digest('hex')
      .slice(0, 32),
  });
  useTickets(context, tickets);
  return context;
}

/** The part of Node's native context that is used here; it is not documented. */
interface NativeContext {
  enableTicketKeyCallback?(): void;
  onticketkeycallback?: (name: Buffer, iv: Buffer, isNew: boolean) => TicketAnswer;
}
type TicketAnswer = [verdict: number, hmac: Buffer, aes: Buffer, name?: Buffer, iv?: Buffer];

const FULL_HANDSHAKE = 0;
const USE = 1;
/** The ticket is read, and the client gets a new one. */
const RENEW = 2;

/**
 * Node's documented `ticketKeys` is one key for a context: to change it makes every ticket that is
 * out there worthless. The callback that OpenSSL has for this is there, and Node's own tests use
 * it. Should a Node come without it, that one key is used, and lives as long as the context.
 */
function useTickets(context: tls.SecureContext, tickets: TicketKeys): void {
  const native = context.context as NativeContext & { setTicketKeys(keys: Buffer): void };
  if (typeof native.enableTicketKeyCallback !== 'function') {
    native.setTicketKeys(bytesOf(tickets.current));
    return;
  }
  native.enableTicketKeyCallback();
  native.onticketkeycallback = (name, _iv, isNew) => {
    const { current } = tickets;
    if (isNew) return [USE, current.hmac, current.aes, current.name, randomBytes(16)];
    const key = tickets.find(name);
    if (key === undefined) return [FULL_HANDSHAKE, current.hmac, current.aes];
    return [key === current ? USE : RENEW, key.hmac, key.aes];
  };
}

function bytesOf(key: TicketKey): Buffer {
  return Buffer.concat([key.name, key.hmac, key.aes]);
}
