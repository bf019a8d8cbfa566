import type { ClientCertificates, TlsPlan } from '../../../plan/tls.ts';
import { TicketKeys } from '../../../table/ticket-keys.ts';
import type { Security } from '../../backend.ts';
import { ContextsByName } from '../../tls/contexts-by-name.ts';
import {
  alpnOf,
  SERVER_OPTIONS,
  SESSION_SECONDS,
  sessionIdContextOf,
} from '../../tls/server-settings.ts';
import { CTRL } from './calls.ts';
import type { TlsMemory } from './memory.ts';
import type { ServerCallbacks, Shaking } from './server-callbacks.ts';
import { SslContext } from './ssl-context.ts';

/** SSL_VERIFY_*. */
const VERIFY: Readonly<Record<ClientCertificates, number>> = { none: 0, optional: 1, required: 3 };
/** SSL_SESS_CACHE_OFF: sessions are in the clients' tickets. */
const NO_CACHE = 0n;

/** What handshakes with clients are made with. */
export class ServerSecurity implements Security, Shaking {
  readonly handshakeMs: number;
  readonly contexts: ContextsByName<SslContext>;
  readonly tickets: TicketKeys;
  readonly alpn: Buffer;
  readonly clientCertificates: ClientCertificates;

  /** @throws Error from OpenSSL if a certificate, key or list is invalid */
  constructor(memory: TlsMemory, callbacks: ServerCallbacks, plan: TlsPlan) {
    this.handshakeMs = plan.handshakeMs;
    this.tickets = TicketKeys.open(plan.ticketMemory);
    this.alpn = alpnOf(plan);
    this.clientCertificates = plan.clientCertificates;
    this.contexts = new ContextsByName(plan.certificates, (group) => {
      const context = contextOf(memory, plan);
      for (const { cert, key } of group) context.addCertificate(cert, key);
      return context;
    });
    for (const context of this.contexts.all) callbacks.register(context, this);
  }
}

function contextOf(memory: TlsMemory, plan: TlsPlan): SslContext {
  const { calls } = memory;
  const context = new SslContext(memory, calls.TLS_server_method());
  const { address } = context;
  calls.SSL_CTX_set_options(address, BigInt(SERVER_OPTIONS));
  context.setVersions(plan.minVersion, plan.maxVersion);
  context.setCiphers(plan.ciphers);
  context.setGroups(plan.curves);
  context.control(CTRL.dhAuto, 1n);
  context.control(CTRL.sessionCacheMode, NO_CACHE);
  calls.SSL_CTX_set_timeout(address, BigInt(SESSION_SECONDS));
  const sessionId = Buffer.from(sessionIdContextOf(plan), 'latin1');
  calls.SSL_CTX_set_session_id_context(address, memory.copy(sessionId), sessionId.length);
  calls.SSL_CTX_set_verify(address, VERIFY[plan.clientCertificates], 0n);
  if (plan.clientCa !== '') context.addAuthorities(plan.clientCa, true);
  return context;
}
