import type { TlsVersion } from '../../../plan/tls.ts';
import { CTRL, type OpenSsl } from './calls.ts';
import { takeError } from './errors.ts';
import type { TlsMemory } from './memory.ts';

const VERSIONS: Readonly<Record<TlsVersion, bigint>> = {
  TLSv1: 0x301n,
  'TLSv1.1': 0x302n,
  'TLSv1.2': 0x303n,
  'TLSv1.3': 0x304n,
};
/**
 * SSL_MODE_RELEASE_BUFFERS: an idle connection holds none. SSL_MODE_NO_AUTO_CHAIN: what is sent is
 * what the file has; to look for more would cost each handshake a search.
 */
const MODE = 0x10n | 0x8n;
const NO_START_LINE = 108n;
const LIB_PEM = 9n;

/** OpenSSL counts who uses one: a session may outlive the object that it was made with. */
const unused = new FinalizationRegistry<[calls: OpenSsl, address: bigint]>(([calls, address]) =>
  calls.SSL_CTX_free(address),
);

/** An `SSL_CTX`: what the sessions of one kind have in common. */
export class SslContext {
  /** @internal of this room */
  readonly address: bigint;
  readonly #memory: TlsMemory;

  constructor(memory: TlsMemory, method: bigint) {
    const { calls } = memory;
    this.#memory = memory;
    this.address = calls.SSL_CTX_new(method);
    if (this.address === 0n) throw takeError(calls, 'a TLS context');
    unused.register(this, [calls, this.address]);
    this.control(CTRL.mode, MODE);
  }

  /** @returns what the control call does, mostly 0 for a failure */
  control(command: number, number: bigint, address = 0n): bigint {
    return this.#memory.calls.SSL_CTX_ctrl(this.address, command, number, address);
  }

  setVersions(min: TlsVersion, max: TlsVersion): void {
    this.control(CTRL.minVersion, VERSIONS[min]);
    this.control(CTRL.maxVersion, VERSIONS[max]);
  }

  /**
   * As Node does it: one list, of which TLS 1.3 has what begins with `TLS_`.
   *
   * @throws Error where OpenSSL knows none of them
   */
  setCiphers(ciphers: string): void {
    const { calls } = this.#memory;
    const all = ciphers.split(':').filter((name) => name !== '');
    const suites = all.filter((name) => /^!?TLS_/.test(name)).join(':');
    const list = all.filter((name) => !/^!?TLS_/.test(name)).join(':');
    if (suites !== '') {
      const isSet = calls.SSL_CTX_set_ciphersuites(this.address, this.#memory.text(suites)) === 1;
      if (!isSet) throw takeError(calls, 'the cipher suites');
    }
    const isSet = calls.SSL_CTX_set_cipher_list(this.address, this.#memory.text(list)) === 1;
    if (list === '') {
      calls.ERR_clear_error();
      this.control(CTRL.minVersion, VERSIONS['TLSv1.3']);
    } else if (!isSet) throw takeError(calls, 'the ciphers');
  }

  /** @throws Error where OpenSSL does not know one of them */
  setGroups(groups: string): void {
    if (groups === 'auto') return;
    const isSet = this.control(CTRL.groupsList, 0n, this.#memory.text(groups)) === 1n;
    if (!isSet) throw takeError(this.#memory.calls, 'the groups');
  }

  /**
   * A certificate with its chain, beside those of other kinds of key.
   *
   * @throws Error where a text is no PEM, or the key belongs to another certificate
   */
  addCertificate(cert: string, key: string): void {
    const { calls } = this.#memory;
    const chain = certificatesOf(this.#memory, cert, 'the certificate');
    try {
      for (const [index, one] of chain.entries()) {
        const isTaken =
          index === 0
            ? calls.SSL_CTX_use_certificate(this.address, one) === 1
            : this.control(CTRL.chainCertificate, 1n, one) === 1n;
        if (!isTaken) throw takeError(calls, 'the certificate');
      }
    } finally {
      for (const one of chain) calls.X509_free(one);
    }
    this.#useKey(key);
  }

  #useKey(key: string): void {
    const { calls } = this.#memory;
    const bio = this.#memory.bioOf(key);
    // An empty passphrase: without any OpenSSL would ask for one at the terminal.
    const privateKey = calls.PEM_read_bio_PrivateKey(bio, 0n, 0n, this.#memory.text(''));
    calls.BIO_free(bio);
    if (privateKey === 0n) throw takeError(calls, 'the key');
    const isTaken = calls.SSL_CTX_use_PrivateKey(this.address, privateKey) === 1;
    calls.EVP_PKEY_free(privateKey);
    if (!isTaken) throw takeError(calls, 'the key');
  }

  /**
   * Authorities by which the peer's certificate is verified.
   *
   * @param areNamed whether the peer is told of them, so that it can choose its certificate
   * @throws Error where the text is no PEM
   */
  addAuthorities(pem: string, areNamed: boolean): void {
    const { calls } = this.#memory;
    const store = calls.SSL_CTX_get_cert_store(this.address);
    for (const one of certificatesOf(this.#memory, pem, 'the authorities')) {
      calls.X509_STORE_add_cert(store, one);
      if (areNamed) calls.SSL_CTX_add_client_CA(this.address, one);
      calls.X509_free(one);
    }
    calls.ERR_clear_error();
  }
}

/** All certificates of a text, at least one; the caller frees each. */
export function certificatesOf(memory: TlsMemory, pem: string, what: string): bigint[] {
  const { calls } = memory;
  const bio = memory.bioOf(pem);
  const found: bigint[] = [];
  for (;;) {
    const read = found.length === 0 ? calls.PEM_read_bio_X509_AUX : calls.PEM_read_bio_X509;
    const one = read(bio, 0n, 0n, 0n);
    if (one === 0n) break;
    found.push(one);
  }
  calls.BIO_free(bio);
  const error = calls.ERR_peek_last_error();
  const isEnd = (error & 0x7fffffn) === NO_START_LINE && ((error >> 23n) & 0xffn) === LIB_PEM;
  if (found.length > 0 && (isEnd || error === 0n)) {
    calls.ERR_clear_error();
    return found;
  }
  for (const one of found) calls.X509_free(one);
  throw takeError(calls, what);
}
