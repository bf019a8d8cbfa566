/**
 * Why TLS handshakes with clients fail. The reasons are stable: they stand in the log, in metrics
 * and in docs/errors.md, which a test holds against this table.
 */
export const TLS_FAILURES = {
  not_tls: [
    'the client does not speak TLS',
    'It uses http:// on a TLS port, or is a scanner. For plain HTTP, see security.tls.redirect_http.',
  ],
  unsupported_version: [
    'the client supports none of the TLS versions accepted here',
    'Its TLS is too old: update it. security.tls.protocols has the accepted versions.',
  ],
  no_shared_cipher: [
    'client and security.tls have no cipher in common',
    'Widen security.tls.ciphers, or leave it out for the intermediate list; a certificate with an RSA key beside one with an EC key helps old clients.',
  ],
  no_shared_group: [
    'client and security.tls have no group for the key exchange in common',
    'Widen security.tls.curves, or leave it out.',
  ],
  no_shared_protocol: [
    'the client offers neither HTTP/1.1 nor HTTP/2 (ALPN)',
    'It wants another protocol on this port. If it offers only h2, security.tls.http2 must be on.',
  ],
  certificate_refused: [
    'the client does not accept the certificate',
    'Check that it has the name the client requested, has not expired, and comes with its chain: openssl s_client -connect HOST:PORT -servername NAME.',
  ],
  no_client_certificate: [
    'the client sent no certificate, and security.tls.client_ca_path requires one',
    'Give the client a certificate signed by one of those authorities.',
  ],
  bad_client_certificate: [
    "the client's certificate could not be verified with security.tls.client_ca_path",
    'The detail says why: reissue it, or add its authority to the file.',
  ],
  timeout: [
    'the handshake was not complete within timeout.request',
    'A slow or silent client; many from one address are an attack.',
  ],
  left: ['the client closed the connection during the handshake', 'Nothing to do.'],
  other: ['the handshake failed for another reason', "The detail is OpenSSL's message."],
} as const satisfies Record<string, readonly [text: string, help: string]>;

export type TlsFailure = keyof typeof TLS_FAILURES;

/** Its place in the list is what the table counts a reason by. */
export const TLS_REASONS = Object.keys(TLS_FAILURES) as readonly TlsFailure[];

const BY_CODE: Readonly<Record<string, TlsFailure>> = {
  ERR_SSL_HTTP_REQUEST: 'not_tls',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'not_tls',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not_tls',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'not_tls',
  ERR_SSL_BAD_RECORD_TYPE: 'not_tls',
  ERR_SSL_UNEXPECTED_MESSAGE: 'not_tls',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'unsupported_version',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'unsupported_version',
  ERR_SSL_VERSION_TOO_LOW: 'unsupported_version',
  ERR_SSL_NO_SHARED_CIPHER: 'no_shared_cipher',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'no_shared_cipher',
  ERR_SSL_NO_SUITABLE_KEY_SHARE: 'no_shared_group',
  ERR_SSL_NO_SUITABLE_GROUPS: 'no_shared_group',
  ERR_SSL_NO_SHARED_GROUPS: 'no_shared_group',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'no_shared_protocol',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'no_client_certificate',
  ECONNRESET: 'left',
  EPIPE: 'left',
};

/** Alerts by which a client says that it wants none of our certificate (RFC 8446 §6.2). */
const REFUSALS =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA)$/;

/** @param code of the error that ended a handshake */
export function tlsFailureOf(code: string | undefined): TlsFailure {
  if (code === undefined) return 'other';
  return BY_CODE[code] ?? (REFUSALS.test(code) ? 'certificate_refused' : 'other');
}
