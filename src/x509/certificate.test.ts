import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type CertificateFault,
  inspectAuthorities,
  inspectCertificate,
  inspectKeyMode,
  inspectNames,
  inspectPair,
  readCertificates,
  readKey,
} from './certificate.ts';

const read = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../test/fixtures/certificates', name));

const CRT = read('nameless.crt');
const KEY = read('nameless.key');
const OTHER = read('weak.crt');
const CERTIFICATE = new X509Certificate(CRT);
const ENDS_MS = CERTIFICATE.validToDate.getTime();
const BEGINS_MS = CERTIFICATE.validFromDate.getTime();
const DAY_MS = 86_400_000;

const certificates = (bytes: Buffer) => {
  const reading = readCertificates(bytes);
  assert.ok(reading.ok);
  return reading.value;
};
const key = (bytes: Buffer) => {
  const reading = readKey(bytes);
  assert.ok(reading.ok);
  return reading.value;
};
const refused = (reading: ReturnType<typeof readCertificates> | ReturnType<typeof readKey>) => {
  assert.ok(!reading.ok);
  return `${reading.fault.message} / ${reading.fault.help}`;
};
const told = (faults: CertificateFault[]) =>
  faults.map(({ severity, message }) => `${severity}: ${message}`);

test('a chain is read in its order, whatever stands around it', () => {
  const both = Buffer.concat([Buffer.from('subject=\r\n'), CRT, Buffer.from('\n# end\n'), OTHER]);
  const subjects = certificates(both).map(({ subject }) => subject);
  assert.deepEqual(subjects, ['CN=nameless.example', 'CN=weak.example']);
});

test('what is no certificate is named for what it is', () => {
  const request = '-----BEGIN CERTIFICATE REQUEST-----\nxx\n-----END CERTIFICATE REQUEST-----\n';
  const damaged = CRT.toString().replace(/\n[\w+/]{8}/, '\n########');
  assert.match(refused(readCertificates(KEY)), /private key and no certificate .* swapped/);
  assert.match(refused(readCertificates(CERTIFICATE.raw)), /in DER.*openssl x509 -inform der/);
  assert.match(refused(readCertificates(Buffer.from(request))), /a request for a certificate/);
  assert.match(refused(readCertificates(Buffer.from(damaged))), /its certificate is damaged/);
  assert.match(refused(readCertificates(Buffer.from('hello'))), /no certificate in PEM/);
  assert.match(refused(readCertificates(Buffer.alloc(0))), /the file is empty/);
  assert.match(refused(readCertificates(CRT.subarray(0, 100))), /no certificate in PEM/);
  const pkcs12 = Buffer.from([0x30, 0x82, 0x0a, 0x3f, 2, 1, 3, 0x30]);
  assert.match(refused(readCertificates(pkcs12)), /PKCS#12.*openssl pkcs12/);
});

test('what is no usable key is named for what it is', () => {
  const whole = createPrivateKey(KEY);
  const locked = whole.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'hidden',
  });
  const der = whole.export({ type: 'pkcs8', format: 'der' });
  const { publicKey } = generateKeyPairSync('ed25519');
  const half = publicKey.export({ type: 'spki', format: 'pem' });
  const damaged = KEY.toString().replace(/\n[\w+/]{8}/, '\n########');
  assert.match(refused(readKey(CRT)), /certificate and no private key .* swapped/);
  assert.match(refused(readKey(Buffer.from(locked))), /passphrase.*openssl pkey/);
  assert.match(refused(readKey(der)), /in DER.*openssl pkey/);
  assert.match(refused(readKey(Buffer.from(half))), /the public key, not the private one/);
  assert.match(refused(readKey(Buffer.from(damaged))), /private key is damaged/);
  assert.match(refused(readKey(Buffer.from('hello'))), /no private key in PEM/);
});

test('expiry is warned about for thirty days, and then an error', () => {
  const at = (nowMs: number) => told(inspectCertificate([CERTIFICATE], nowMs));
  assert.deepEqual(at(ENDS_MS - 31 * DAY_MS), []);
  assert.match(at(ENDS_MS - 29.5 * DAY_MS)[0]!, /^warning: expires on \d{4}-.*, in 29 days$/);
  assert.match(at(ENDS_MS - 1)[0]!, /^warning: .* in less than a day$/);
  assert.match(at(ENDS_MS)[0]!, /^error: expired on /);
  assert.match(at(ENDS_MS + 1.5 * DAY_MS)[0]!, /^error: .* 1 day ago$/);
});

test('a certificate of the future is an error that names the clock', () => {
  const [fault] = inspectCertificate([CERTIFICATE], BEGINS_MS - DAY_MS);
  assert.equal(fault?.severity, 'error');
  assert.match(fault!.message, /^not valid before 20/);
  assert.match(fault!.help, /the clock, which says 20/);
});

test('of several authorities the one that is valid longest counts', () => {
  const older = new X509Certificate(read('older.crt'));
  const afterItsEndMs = older.validToDate.getTime() + DAY_MS;
  assert.equal(inspectAuthorities([older], afterItsEndMs)[0]?.severity, 'error');
  assert.deepEqual(inspectAuthorities([older, CERTIFICATE], afterItsEndMs), []);
});

test('a key belongs to the first certificate of its file', () => {
  const [own, other] = [certificates(CRT), certificates(OTHER)];
  assert.deepEqual(inspectPair(own, key(KEY)), []);
  assert.deepEqual(inspectPair([...own, ...other], key(KEY)), []);
  assert.deepEqual(told(inspectPair(other, key(KEY))), [
    'error: the key and the certificate do not belong together',
  ]);
  assert.deepEqual(told(inspectPair([...other, ...own], key(KEY))), [
    'error: the certificate of this key is number 2 of the file',
  ]);
});

test('a certificate without alternative names is warned about', () => {
  assert.equal(inspectNames(certificates(CRT)).length, 1);
  assert.deepEqual(inspectNames(certificates(OTHER)), []);
});

test('a key that everybody can read is warned about', () => {
  assert.deepEqual(inspectKeyMode(0o100640), []);
  assert.equal(inspectKeyMode(0o100644)[0]?.severity, 'warning');
});
