/** Answers as `openssl ocsp` wrote them, about test/fixtures/certificates/nameless.crt. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectOcsp, readOcsp } from './ocsp.ts';

const read = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../test/fixtures/certificates', name));
const LEAF = new X509Certificate(read('nameless.crt'));
const GOOD = read('nameless.ocsp');
const UNTIL_MS = Date.UTC(2126, 9, 30, 18, 9, 32);

const statuses = (bytes: Buffer) => {
  const reading = readOcsp(bytes);
  assert.ok(reading.ok);
  return reading.value;
};
const faults = (bytes: Buffer, leaf: X509Certificate, nowMs: number) =>
  inspectOcsp(statuses(bytes), leaf, nowMs).map(
    ({ severity, message }) => `${severity} ${message}`,
  );

test('an answer says of which certificate it is, how that stands, and until when', () => {
  const serial = BigInt(`0x${LEAF.serialNumber}`);
  assert.deepEqual(statuses(GOOD), [{ serial, status: 'good', untilMs: UNTIL_MS }]);
  assert.equal(statuses(read('revoked.ocsp'))[0]!.status, 'revoked');
});

test('what cannot be shown is told, and why', () => {
  assert.deepEqual(faults(GOOD, LEAF, UNTIL_MS - 1), []);
  assert.match(faults(GOOD, LEAF, UNTIL_MS)[0]!, /^warning it was good until 2126-10-30/);
  assert.match(faults(read('revoked.ocsp'), LEAF, 0)[0]!, /^warning .*is revoked/);
  const other = new X509Certificate(read('weak.crt'));
  assert.match(faults(GOOD, other, 0)[0]!, /^error it is about another certificate/);
});

test('a refusal of the responder and what is no answer are told apart', () => {
  const refusal = readOcsp(Buffer.from([0x30, 0x03, 0x0a, 0x01, 0x06]));
  assert.ok(!refusal.ok && /refused to answer \(6\)/.test(refusal.fault.message));
  for (const bytes of [read('nameless.crt'), Buffer.alloc(0), Buffer.from('hello')]) {
    const reading = readOcsp(bytes);
    assert.ok(!reading.ok && /no answer of an OCSP responder/.test(reading.fault.message));
  }
});

test('an answer that is cut off or changed anywhere is an answer or none, and nothing breaks', () => {
  for (let at = 0; at < GOOD.length; at++) {
    assert.ok(!readOcsp(GOOD.subarray(0, Math.min(at, 120))).ok);
    const changed = Buffer.from(GOOD);
    changed[at]! ^= 0xff;
    readOcsp(changed);
  }
});
