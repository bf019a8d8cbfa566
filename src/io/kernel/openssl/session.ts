import { ffi } from '../ffi.ts';
import { CTRL } from './calls.ts';
import { takeErrorCode } from './errors.ts';
import { RECORD_BYTES, type TlsMemory } from './memory.ts';
import type { SslContext } from './ssl-context.ts';

/** What `SSL_get_error` says. */
const ERROR_SSL = 1;
const ERROR_WANT_READ = 2;
const ERROR_ZERO_RETURN = 6;
const RECEIVED_SHUTDOWN = 2;
/** TLSEXT_NAMETYPE_host_name. */
const HOST_NAME = 0;
/** SSL_VERIFY_*. */
const VERIFY_NONE = 0;
const VERIFY_PEER = 1;

/** What became of a call. */
export type Outcome = 'done' | 'wants' | 'failed';

/** `read`: more has to come first. */
export const WANTS = 0;
/** `read`: the peer has said that nothing more comes (close_notify). */
export const ENDED: number = -1;
/** `read`: what came is not TLS, or not from the peer. */
export const FAILED: number = -2;

/** One `SSL`, which is freed once. What it does it does in the thread's `TlsMemory`. */
export class TlsSession {
  readonly #memory: TlsMemory;
  /** 0n: it was freed. */
  #ssl: bigint;

  /** @throws Error where OpenSSL has no memory for it */
  constructor(memory: TlsMemory, context: SslContext, isServer: boolean) {
    const { calls } = memory;
    this.#memory = memory;
    this.#ssl = calls.SSL_new(context.address);
    if (this.#ssl === 0n) throw new Error(`no TLS session: ${takeErrorCode(calls)}`);
    // The session owns one reference to each.
    calls.BIO_up_ref(memory.input);
    calls.BIO_up_ref(memory.output);
    calls.SSL_set_bio(this.#ssl, memory.input, memory.output);
    if (isServer) calls.SSL_set_accept_state(this.#ssl);
    else calls.SSL_set_connect_state(this.#ssl);
  }

  /** @internal of this room. @throws Error after `free` */
  get address(): bigint {
    const ssl = this.#ssl;
    if (ssl === 0n) throw new Error('a TLS session was used after its end');
    return ssl;
  }

  /** Goes on with the handshake. After `failed`, `takeErrorCode` says why. */
  handshake(): Outcome {
    const { calls } = this.#memory;
    calls.ERR_clear_error();
    const result = calls.SSL_do_handshake(this.address);
    if (result === 1) return 'done';
    return calls.SSL_get_error(this.address, result) === ERROR_WANT_READ ? 'wants' : 'failed';
  }

  /**
   * Decrypts at most one record.
   *
   * @param start where the plaintext goes; all of a record has room there
   * @returns its bytes, or WANTS, ENDED, FAILED
   */
  read(start: number): number {
    const { calls, arena, readStart, readAddress } = this.#memory;
    const address = start === readStart ? readAddress : arena.address(start, RECORD_BYTES);
    const bytes = calls.SSL_read(this.address, address, RECORD_BYTES);
    if (bytes > 0) return bytes;
    return this.#noPlaintext(bytes);
  }

  /**
   * `SSL_get_error` also goes by the thread's queue of errors. To clear that before each read would
   * cost every request a call; so what it says is doubted where the session shows no sign of it.
   */
  #noPlaintext(result: number): number {
    const { calls } = this.#memory;
    const ssl = this.address;
    const error = calls.SSL_get_error(ssl, result);
    if (error === ERROR_WANT_READ) return WANTS;
    if (error === ERROR_ZERO_RETURN) return ENDED;
    if (error !== ERROR_SSL || calls.SSL_in_init(ssl) !== 0) return FAILED;
    calls.ERR_clear_error();
    return (calls.SSL_get_shutdown(ssl) & RECEIVED_SHUTDOWN) === 0 ? WANTS : ENDED;
  }

  /** Encrypts bytes of the arena; all are taken. @returns whether it could */
  write(address: bigint, lengthBytes: number): boolean {
    return this.#memory.calls.SSL_write(this.address, address, lengthBytes) === lengthBytes;
  }

  /** Says that nothing more comes (close_notify); reading goes on. */
  shutdown(): void {
    const { calls } = this.#memory;
    if (calls.SSL_shutdown(this.address) < 0) calls.ERR_clear_error();
  }

  /** The name that the client asked for; empty: none. */
  get serverName(): string {
    return ffi!.toString(this.#memory.calls.SSL_get_servername(this.address, HOST_NAME)) ?? '';
  }

  /** What ALPN agreed on; empty: nothing. */
  get protocol(): string {
    const { calls, arena, wordStart, wordAddress, bytes } = this.#memory;
    const lengthAddress = arena.address(wordStart + 8, 4);
    calls.SSL_get0_alpn_selected(this.address, wordAddress, lengthAddress);
    const address = bytes.readBigUInt64LE(wordStart);
    const length = bytes.readUInt32LE(wordStart + 8);
    return address === 0n ? '' : ffi!.toBuffer(address, length).toString('latin1');
  }

  get isResumed(): boolean {
    return this.#memory.calls.SSL_session_reused(this.address) === 1;
  }

  /** What the verification of the peer's certificate found; 0n: nothing, or there is none. */
  get verifyResult(): bigint {
    return this.#memory.calls.SSL_get_verify_result(this.address);
  }

  /** The peer's, DER; null: it showed none. */
  get peerCertificate(): Buffer | null {
    const { calls } = this.#memory;
    const certificate = calls.SSL_get1_peer_certificate(this.address);
    if (certificate === 0n) return null;
    const bio = this.#memory.newBio();
    calls.i2d_X509_bio(bio, certificate);
    calls.X509_free(certificate);
    return this.#memory.drain(bio);
  }

  /**
   * What a server is told, and held to. Before the handshake.
   *
   * @param serverName asked for (SNI); empty: none is
   * @param alpn protocols on offer, as they stand on the wire
   * @param verifies whether the handshake fails of a certificate that no authority vouches for
   */
  askFor(serverName: string, alpn: Uint8Array, verifies: boolean): void {
    const { calls } = this.#memory;
    const ssl = this.address;
    if (serverName !== '') {
      calls.SSL_ctrl(ssl, CTRL.hostname, BigInt(HOST_NAME), this.#memory.text(serverName));
    }
    calls.SSL_set_alpn_protos(ssl, this.#memory.copy(alpn), alpn.length);
    calls.SSL_set_verify(ssl, verifies ? VERIFY_PEER : VERIFY_NONE, 0n);
  }

  /** Takes up an earlier session. @param resumed an `SSL_SESSION`; it stays its owner's */
  resume(resumed: bigint): void {
    this.#memory.calls.SSL_set_session(this.address, resumed);
  }

  /** @returns an `SSL_SESSION` that a later handshake may take up, the caller's to free; 0n: none */
  takeResumable(): bigint {
    const { calls } = this.#memory;
    const session = calls.SSL_get1_session(this.address);
    if (session === 0n || calls.SSL_SESSION_is_resumable(session) === 1) return session;
    calls.SSL_SESSION_free(session);
    return 0n;
  }

  free(): void {
    const ssl = this.#ssl;
    if (ssl === 0n) return;
    this.#ssl = 0n;
    this.#memory.calls.SSL_free(ssl);
  }
}
