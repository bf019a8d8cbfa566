import tls from 'node:tls';
import type { TlsIdentity } from '../../../core/ports/server-address.ts';

/** They live as long as the plan that holds the identity. */
const contexts = new WeakMap<TlsIdentity, tls.SecureContext>();

/**
 * The TLS context for connections to a server; one for each identity and thread.
 *
 * @throws the error of OpenSSL, where a text is no PEM
 */
export function secureContextOf(identity: TlsIdentity): tls.SecureContext {
  let context = contexts.get(identity);
  if (context === undefined) {
    const { ca, cert, key } = identity;
    context = tls.createSecureContext({
      ...(ca === '' ? {} : { ca }),
      ...(cert === '' ? {} : { cert }),
      ...(key === '' ? {} : { key }),
    });
    contexts.set(identity, context);
  }
  return context;
}
