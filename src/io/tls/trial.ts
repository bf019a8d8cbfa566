/**
 * What OpenSSL thinks of certificates, keys and lists, asked in the control thread before a data
 * thread is told of them. Every backend has the same OpenSSL, so Node's own contexts can tell.
 */
import type { TlsIdentity } from '../../core/ports/server-address.ts';
import type { TlsPlan } from '../../plan/tls.ts';
import { securityOf } from '../node/tls/handshake.ts';
import { secureContextOf } from '../node/tls/secure-context.ts';

/** @throws Error of OpenSSL where a certificate, key or list for clients is no good */
export function tryServing(plan: TlsPlan): void {
  securityOf(plan);
}

/** @throws Error of OpenSSL where a text is no PEM, or certificate and key do not belong together */
export function tryIdentity(identity: TlsIdentity): void {
  secureContextOf(identity);
}
