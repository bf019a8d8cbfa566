import { randomBytes } from 'node:crypto';
import tls from 'node:tls';
import type { CertificatePlan, TlsPlan } from '../../../plan/tls.ts';
import type { TicketKey, TicketKeys } from '../../../table/ticket-keys.ts';
import { ContextsByName } from '../../tls/contexts-by-name.ts';
import { SERVER_OPTIONS, SESSION_SECONDS, sessionIdContextOf } from '../../tls/server-settings.ts';

/** Node's contexts, one for each certificate. */
export class ServerContexts extends ContextsByName<tls.SecureContext> {
  /** @throws Error from OpenSSL if a certificate, key or list is invalid */
  constructor(plan: TlsPlan, tickets: TicketKeys) {
    super(plan.certificates, (group) => contextOf(plan, group, tickets));
  }
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
    secureOptions: SERVER_OPTIONS,
    sessionTimeout: SESSION_SECONDS,
    sessionIdContext: sessionIdContextOf(plan),
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
