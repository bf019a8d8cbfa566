/**
 * The functions of OpenSSL 3 that are called, as Node's own binary exports them. Addresses are
 * `u64`; what a macro of OpenSSL's headers is made of is an `SSL_ctrl`, named in `CTRL`.
 */
import { ffi, functionsOf } from '../ffi.ts';

const pointer = 'u64';
const int = 'i32';
const long = 'i64';
const size = 'u64';
type Type = 'u64' | 'i32' | 'i64' | 'void';

function of<const A extends readonly Type[], const R extends Type>(result: R, ...types: A) {
  return { arguments: types, return: result };
}

const functions = functionsOf({
  ERR_clear_error: of('void'),
  ERR_get_error: of(size),
  ERR_peek_last_error: of(size),
  ERR_reason_error_string: of(pointer, size),
  CRYPTO_malloc: of(pointer, size, pointer, int),

  BIO_s_mem: of(pointer),
  BIO_new: of(pointer, pointer),
  BIO_up_ref: of(int, pointer),
  BIO_free: of(int, pointer),
  BIO_read: of(int, pointer, pointer, int),
  BIO_write: of(int, pointer, pointer, int),
  BIO_ctrl: of(long, pointer, int, long, pointer),

  PEM_read_bio_X509: of(pointer, pointer, pointer, pointer, pointer),
  PEM_read_bio_X509_AUX: of(pointer, pointer, pointer, pointer, pointer),
  PEM_read_bio_PrivateKey: of(pointer, pointer, pointer, pointer, pointer),
  X509_free: of('void', pointer),
  i2d_X509_bio: of(int, pointer, pointer),
  X509_verify_cert_error_string: of(pointer, long),
  EVP_PKEY_free: of('void', pointer),
  X509_STORE_new: of(pointer),
  X509_STORE_add_cert: of(int, pointer, pointer),
  X509_STORE_free: of('void', pointer),

  EVP_aes_128_cbc: of(pointer),
  EVP_sha256: of(pointer),
  EVP_EncryptInit_ex: of(int, pointer, pointer, pointer, pointer, pointer),
  EVP_DecryptInit_ex: of(int, pointer, pointer, pointer, pointer, pointer),
  HMAC_Init_ex: of(int, pointer, pointer, int, pointer, pointer),

  TLS_server_method: of(pointer),
  TLS_client_method: of(pointer),
  SSL_CTX_new: of(pointer, pointer),
  SSL_CTX_free: of('void', pointer),
  SSL_CTX_ctrl: of(long, pointer, int, long, pointer),
  SSL_CTX_callback_ctrl: of(long, pointer, int, pointer),
  SSL_CTX_set_options: of(size, pointer, size),
  SSL_CTX_set_cipher_list: of(int, pointer, pointer),
  SSL_CTX_set_ciphersuites: of(int, pointer, pointer),
  SSL_CTX_use_certificate: of(int, pointer, pointer),
  SSL_CTX_use_PrivateKey: of(int, pointer, pointer),
  SSL_CTX_get_cert_store: of(pointer, pointer),
  SSL_CTX_set1_cert_store: of('void', pointer, pointer),
  SSL_CTX_add_client_CA: of(int, pointer, pointer),
  SSL_CTX_set_verify: of('void', pointer, int, pointer),
  SSL_CTX_set_session_id_context: of(int, pointer, pointer, int),
  SSL_CTX_set_timeout: of(long, pointer, long),
  SSL_CTX_set_alpn_select_cb: of('void', pointer, pointer, pointer),

  SSL_new: of(pointer, pointer),
  SSL_free: of('void', pointer),
  SSL_ctrl: of(long, pointer, int, long, pointer),
  SSL_set_bio: of('void', pointer, pointer, pointer),
  SSL_set_accept_state: of('void', pointer),
  SSL_set_connect_state: of('void', pointer),
  SSL_set_SSL_CTX: of(pointer, pointer, pointer),
  SSL_set_verify: of('void', pointer, int, pointer),
  SSL_set_alpn_protos: of(int, pointer, pointer, int),
  SSL_do_handshake: of(int, pointer),
  SSL_read: of(int, pointer, pointer, int),
  SSL_write: of(int, pointer, pointer, int),
  SSL_shutdown: of(int, pointer),
  SSL_get_error: of(int, pointer, int),
  SSL_in_init: of(int, pointer),
  SSL_get_shutdown: of(int, pointer),
  SSL_get_servername: of(pointer, pointer, int),
  SSL_get0_alpn_selected: of('void', pointer, pointer, pointer),
  SSL_session_reused: of(int, pointer),
  SSL_get_verify_result: of(long, pointer),
  SSL_get1_peer_certificate: of(pointer, pointer),
  SSL_get1_session: of(pointer, pointer),
  SSL_set_session: of(int, pointer, pointer),
  SSL_SESSION_is_resumable: of(int, pointer),
  SSL_SESSION_free: of('void', pointer),
});

export type OpenSsl = NonNullable<typeof functions>;

/** Null where Node does not export all of it, or has no `node:ffi`. */
export const openssl: OpenSsl | null =
  process.versions.openssl?.startsWith('3.') === true ? functions : null;

/** Whether this Node exports the OpenSSL that the engine needs. */
export const hasOpenSsl: boolean = openssl !== null;

/** Where callbacks into JavaScript are registered; they live as long as the thread. */
export const library = openssl === null ? null : ffi!.dlopen(null, {}).lib;

/** `cmd` of the functions that end in `ctrl` (ssl.h, tls1.h, bio.h of OpenSSL 3.5). */
export const CTRL = {
  bioReset: 1,
  bioPending: 10,
  mode: 33,
  sessionCacheMode: 44,
  servernameCallback: 53,
  hostname: 55,
  statusCallback: 63,
  statusResponse: 71,
  ticketKeyCallback: 72,
  chainCertificate: 89,
  groupsList: 92,
  dhAuto: 118,
  minVersion: 123,
  maxVersion: 124,
} as const;
