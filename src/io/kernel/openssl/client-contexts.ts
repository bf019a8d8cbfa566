import tls from 'node:tls';
import type { TlsIdentity } from '../../../core/ports/server-address.ts';
import { CTRL } from './calls.ts';
import type { TlsMemory } from './memory.ts';
import { certificatesOf, SslContext } from './ssl-context.ts';

/** SSL_SESS_CACHE_CLIENT and SSL_SESS_CACHE_NO_INTERNAL: `ResumableSessions` has them. */
const NO_CACHE_OF_ITS_OWN = 0x1n | 0x300n;

/** What connections to servers are secured with: a context for each identity, in one thread. */
export class ClientContexts {
  readonly #memory: TlsMemory;
  /** They live as long as the plan that holds the identity. */
  readonly #contexts = new WeakMap<TlsIdentity, SslContext>();
  /** An `X509_STORE` of all authorities that Node trusts; 0n: not needed until now. */
  #authorities = 0n;

  constructor(memory: TlsMemory) {
    this.#memory = memory;
  }

  /** @throws Error of OpenSSL, where a text is no PEM or the key belongs to another certificate */
  contextOf(identity: TlsIdentity): SslContext {
    let context = this.#contexts.get(identity);
    if (context === undefined) {
      context = this.#make(identity);
      this.#contexts.set(identity, context);
    }
    return context;
  }

  #make({ ca, cert, key }: TlsIdentity): SslContext {
    const { calls } = this.#memory;
    const context = new SslContext(this.#memory, calls.TLS_client_method());
    context.setVersions(tls.DEFAULT_MIN_VERSION, tls.DEFAULT_MAX_VERSION);
    context.setCiphers(tls.DEFAULT_CIPHERS);
    context.setGroups(tls.DEFAULT_ECDH_CURVE);
    context.control(CTRL.sessionCacheMode, NO_CACHE_OF_ITS_OWN);
    if (ca !== '') context.addAuthorities(ca, false);
    else calls.SSL_CTX_set1_cert_store(context.address, this.#trusted());
    if (cert !== '') context.addCertificate(cert, key);
    return context;
  }

  #trusted(): bigint {
    if (this.#authorities !== 0n) return this.#authorities;
    const { calls } = this.#memory;
    this.#authorities = calls.X509_STORE_new();
    const pem = tls.getCACertificates('default').join('\n');
    for (const one of certificatesOf(this.#memory, pem, 'the authorities of Node')) {
      calls.X509_STORE_add_cert(this.#authorities, one);
      calls.X509_free(one);
    }
    return this.#authorities;
  }
}
