/** What handshakes with clients are made with, as data that goes from thread to thread. */

/** A certificate as texts, not paths: all data threads take the same one over at the same time. */
export interface CertificatePlan {
  /** The certificate and its chain, PEM. */
  readonly cert: string;
  readonly key: string;
  /** Names it is for, in lower case; `*.` stands for any one label. */
  readonly names: readonly string[];
  readonly ocsp: Staple | null;
}

/** What the authority's OCSP responder says of a certificate, sent along with it (RFC 6066 §8). */
export interface Staple {
  /** DER. */
  readonly response: Uint8Array;
  /** Milliseconds since 1970; afterwards clients would refuse it. */
  readonly untilMs: number;
}

/** Whether clients are asked for a certificate; one that is brought has to be valid in any case. */
export type ClientCertificates = 'none' | 'optional' | 'required';

/** In Node's and OpenSSL's spelling. */
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** TLS to clients. */
export interface TlsPlan {
  /** The first is for clients that ask for no name, or for one that is not here. */
  readonly certificates: readonly CertificatePlan[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** In the syntax of OpenSSL. */
  readonly ciphers: string;
  /** Groups for the key exchange, in the syntax of OpenSSL. */
  readonly curves: string;
  /** Authorities that a client's certificate must be signed by, PEM; empty: it is asked for none. */
  readonly clientCa: string;
  readonly clientCertificates: ClientCertificates;
  readonly http2: boolean;
  /** From the accepted connection to the end of the handshake. */
  readonly handshakeMs: number;
  /** `Strict-Transport-Security` for every response, with its CRLF; empty: not sent. */
  readonly hstsLine: string;
  /** Of TicketKeys. */
  readonly ticketMemory: SharedArrayBuffer;
}
