import { ffi } from '../ffi.ts';
import type { OpenSsl } from './calls.ts';

/**
 * What has failed, in the words of Node: `ERR_SSL_` and OpenSSL's reason. Leaves no error behind.
 *
 * @returns empty: OpenSSL does not say
 */
export function takeErrorCode(calls: OpenSsl): string {
  const error = calls.ERR_get_error();
  calls.ERR_clear_error();
  if (error === 0n) return '';
  const reason = ffi!.toString(calls.ERR_reason_error_string(error)) ?? `ERROR ${error}`;
  return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

/** The same as an error to be thrown. @param what could not be used */
export function takeError(calls: OpenSsl, what: string): Error {
  const code = takeErrorCode(calls);
  return Object.assign(new Error(`${what}: ${code}`), { code });
}

/** Node's names of what `X509_verify_cert` finds (x509_vfy.h), by OpenSSL's number. */
const VERIFY_CODES: Readonly<Record<number, string>> = {
  2: 'UNABLE_TO_GET_ISSUER_CERT',
  3: 'UNABLE_TO_GET_CRL',
  4: 'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  5: 'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  6: 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  7: 'CERT_SIGNATURE_FAILURE',
  8: 'CRL_SIGNATURE_FAILURE',
  9: 'CERT_NOT_YET_VALID',
  10: 'CERT_HAS_EXPIRED',
  11: 'CRL_NOT_YET_VALID',
  12: 'CRL_HAS_EXPIRED',
  13: 'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  14: 'ERROR_IN_CERT_NOT_AFTER_FIELD',
  15: 'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  16: 'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  17: 'OUT_OF_MEM',
  18: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  19: 'SELF_SIGNED_CERT_IN_CHAIN',
  20: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  21: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  22: 'CERT_CHAIN_TOO_LONG',
  23: 'CERT_REVOKED',
  24: 'INVALID_CA',
  25: 'PATH_LENGTH_EXCEEDED',
  26: 'INVALID_PURPOSE',
  27: 'CERT_UNTRUSTED',
  28: 'CERT_REJECTED',
  62: 'HOSTNAME_MISMATCH',
};

/** @param result of `SSL_get_verify_result`, other than 0 */
export function verifyCodeOf(result: bigint): string {
  return VERIFY_CODES[Number(result)] ?? 'UNSPECIFIED';
}

/** What OpenSSL says of it to people. */
export function verifyTextOf(calls: OpenSsl, result: bigint): string {
  return ffi!.toString(calls.X509_verify_cert_error_string(result)) ?? 'certificate refused';
}
