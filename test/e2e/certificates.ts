/** Certificates for tests, made on the spot: dates run out. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Files {
  readonly cert_path: string;
  readonly key_path: string;
}

/** @param names alternative names as openssl writes them, such as DNS:example.com */
export function selfSigned(
  folder: string,
  file: string,
  names: readonly string[],
  key: 'ec' | 'rsa' = 'ec',
): Files {
  const files = filesOf(folder, file);
  openssl([
    ...['req', '-x509', '-nodes', '-days', '90', '-subj', `/CN=${file}`, ...keyArgs(key)],
    ...['-addext', `subjectAltName=${names.join(',')}`],
    ...['-keyout', files.key_path, '-out', files.cert_path],
  ]);
  return files;
}

export function authority(folder: string, file: string): Files {
  const files = filesOf(folder, file);
  openssl([
    ...['req', '-x509', '-nodes', '-days', '90', '-subj', `/CN=${file}`, ...keyArgs('ec')],
    ...['-keyout', files.key_path, '-out', files.cert_path],
  ]);
  return files;
}

/** What the authority's responder says of a certificate, as a file; good for `days`, or revoked. */
export function ocspAnswer(
  by: Files,
  of: Files,
  folder: string,
  days: number,
  isRevoked = false,
): string {
  const path = (name: string) => join(folder, name);
  const serial = /=(\w+)/.exec(openssl(['x509', '-in', of.cert_path, '-noout', '-serial']))![1];
  const state = isRevoked ? 'R\t361231235959Z\t260101000000Z' : 'V\t361231235959Z\t';
  writeFileSync(path('index.txt'), `${state}\t${serial}\tunknown\t/CN=x\n`);
  const request = path('request.der');
  const issuer = ['-issuer', by.cert_path, '-cert', of.cert_path];
  openssl(['ocsp', ...issuer, '-no_nonce', '-reqout', request]);
  const answer = path('answer.ocsp');
  openssl([
    ...['ocsp', '-index', path('index.txt'), '-CA', by.cert_path, '-rsigner', by.cert_path],
    ...['-rkey', by.key_path, '-reqin', request, '-respout', answer, '-ndays', String(days)],
  ]);
  return answer;
}

/** @param names alternative names as openssl writes them */
export function signedBy(
  by: Files,
  folder: string,
  file: string,
  names: readonly string[] = [],
): Files {
  const files = filesOf(folder, file);
  const request = join(folder, `${file}.csr`);
  openssl([
    ...['req', '-new', '-nodes', '-subj', `/CN=${file}`, ...keyArgs('ec')],
    ...['-keyout', files.key_path, '-out', request],
  ]);
  const extensions = join(folder, `${file}.ext`);
  const alternatives = names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`;
  writeFileSync(extensions, `basicConstraints=CA:FALSE\n${alternatives}`);
  openssl([
    ...['x509', '-req', '-days', '90', '-in', request, '-CA', by.cert_path, '-CAkey', by.key_path],
    ...['-CAcreateserial', '-extfile', extensions, '-out', files.cert_path],
  ]);
  return files;
}

/** What `openssl` prints, both outputs. */
export function openssl(args: readonly string[], input = ''): string {
  const ran = spawnSync('openssl', args, { encoding: 'utf8', input, timeout: 15_000 });
  assert.equal(ran.error, undefined, 'openssl is not installed: apt-get install openssl');
  return ran.stdout + ran.stderr;
}

function keyArgs(key: 'ec' | 'rsa'): string[] {
  return key === 'ec'
    ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    : ['-newkey', 'rsa:2048'];
}

function filesOf(folder: string, file: string): Files {
  return { cert_path: join(folder, `${file}.crt`), key_path: join(folder, `${file}.key`) };
}
