/** What every backend's handshakes with clients have in common, whatever calls OpenSSL. */
import { constants, createHash } from 'node:crypto';
import type { TlsPlan } from '../../plan/tls.ts';

/** How long a session can be resumed; ticket keys live longer. */
export const SESSION_SECONDS: number = 2 * 60 * 60;

export const SERVER_OPTIONS: number =
  // Renegotiation is a weapon of clients (CVE-2011-1473) and gone from TLS 1.3.
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  // Phones without AES instructions put ChaCha20 first, and get it.
  constants.SSL_OP_PRIORITIZE_CHACHA;

/**
 * 32 characters that sessions are known by: a session tells whom the client was taken for, so that
 * under other authorities it must not go on.
 */
export function sessionIdContextOf(plan: TlsPlan): string {
  return createHash('sha256')
    .update(plan.clientCertificates + plan.clientCa)
    .digest('hex')
    .slice(0, 32);
}

/** The protocols on offer to clients, as they stand on the wire (ALPN, RFC 7301 §3.1). */
export function alpnOf(plan: TlsPlan): Buffer {
  return alpnList(plan.http2 ? ['h2', 'http/1.1'] : ['http/1.1']);
}

/** ALPN's spelling of a list of protocols. */
export function alpnList(protocols: readonly string[]): Buffer {
  return Buffer.concat(
    protocols.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)])),
  );
}

/** What OpenSSL makes of GET, HEAD, POST and PUT at the beginning of a connection. */
export const HTTP_REQUEST = 'ERR_SSL_HTTP_REQUEST';
const HELP = '400 Bad Request\nThis port speaks HTTPS: ask for https:// instead. (not_tls)\n';
/** The answer to it, in plain HTTP. */
export const SPEAK_TLS: string =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n' +
  `Content-Length: ${HELP.length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${HELP}`;
