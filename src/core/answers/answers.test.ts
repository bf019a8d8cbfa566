import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wire } from '../../../test/http1/wire.ts';
import { FAULTS } from '../http1/faults.ts';
import { DEFAULT_HEAD_LIMITS, Head, readResponseHead } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { answerText, reasonOf } from './answers.ts';
import { FAILURES } from './failures.ts';

const ANSWER = {
  status: 503,
  code: 'no_server',
  text: 'no server',
  requestId: 'id-\xe9',
  headerLines: 'Retry-After: 1\r\n',
};

function parse(text: string): { head: Head; body: string } {
  const head = new Head();
  const bytes = Buffer.from(text, 'latin1');
  const at = readResponseHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
  assert.ok(at > 0);
  return { head, body: bytes.toString('latin1', at) };
}

test('an answer is a well-formed response whose length is that of its body', () => {
  const date = 'Date: Sun, 09 Sep 2001 01:46:40 GMT\r\n';
  const { head, body } = parse(answerText(ANSWER, false, 'Connection: close\r\n', date));
  assert.equal(head.status, 503);
  assert.equal(head.value(head.find(NAME.contentLength)), String(body.length));
  assert.equal(head.value(head.find(NAME.connection)), 'close');
  assert.equal(head.value(head.find(NAME.retryAfter)), '1');
  assert.ok(head.has(NAME.date));
  assert.equal(body, '503 Service Unavailable\nno server (no_server)\nrequest id: id-\xe9\n');
});

test('an answer to HEAD has the length of the body that it does not have', () => {
  const whole = answerText(ANSWER, false, '', '');
  const { head, body } = parse(answerText(ANSWER, true, '', ''));
  assert.equal(body, '');
  assert.ok(whole.startsWith(answerText(ANSWER, true, '', '')));
  assert.notEqual(head.value(head.find(NAME.contentLength)), '0');
});

for (const [name, request] of [
  ['whose target is malformed', 'HEAD a/b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['whose target is too long', `HEAD /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['without Host', 'HEAD / HTTP/1.1\r\n\r\n'],
] as const) {
  test(`a HEAD that is refused has no content: ${name}`, () => {
    const wire = new Wire();
    wire.clientSends(Buffer.from(request));
    assert.equal(parse(wire.client.text).body, '');
  });
}

test('a method that could not be read is not that of the request before', () => {
  const wire = new Wire();
  wire.clientSends(Buffer.from('HEAD a/b HTTP/1.1\r\nHost: a\r\n\r\n'));
  wire.reconnect();
  wire.clientSends(Buffer.from('(\r\n\r\n'));
  assert.match(parse(wire.client.text).body, /bad_method/);
});

test('every status that a client can be told has its reason', () => {
  const statuses = [...Object.values(FAULTS).map(([status]) => status as number)];
  for (const [, status] of Object.values(FAILURES)) statuses.push(status);
  for (const status of new Set(statuses)) {
    // 0 and 499 are for logs only: nobody is left to be told.
    if (status !== 0 && status !== 499) assert.notEqual(reasonOf(status), 'Error', String(status));
  }
});

test('the texts are ASCII, for an answer is counted in characters', () => {
  const texts: string[] = [...Object.values(FAULTS).map(([, text]) => text as string)];
  for (const [, , text] of Object.values(FAILURES)) texts.push(text);
  for (const text of texts) assert.match(text, /^[\x20-\x7e]+$/);
});
