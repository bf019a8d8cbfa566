import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAtEverySplit } from '../../../test/http1/every-split.ts';
import { cut, FUZZ, places } from '../../../test/http1/messages.ts';
import { readRequests } from '../../../test/http1/read-requests.ts';
import { BodyReader } from './body.ts';
import { BODY } from './framing.ts';

const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

const payload = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const extension = fc.constantFrom('', ';a', ';a=b', ';a="b;c\\""', ' ; a = b', ';a="\xe9"');
const chunk = fc.record({
  payload,
  extension,
  zeros: fc.constantFrom('', '0', '000'),
  isUpper: fc.boolean(),
});
const trailers = fc.array(fc.constantFrom('A: b', 'C:', 'd:\te ', 'E: \xff'), { maxLength: 3 });

test('a chunked body is read back in any pieces, up to its last byte and no further', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), trailers, places, (chunks, lines, at) => {
      const encoded = chunks.map((one) => {
        const hex = one.payload.length.toString(16);
        const size = one.zeros + (one.isUpper ? hex.toUpperCase() : hex);
        return `${size}${one.extension}\r\n${one.payload.toString('latin1')}\r\n`;
      });
      const data = encoded.join('');
      const end = `0\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
      const bytes = Buffer.from(CHUNKED + data + end + NEXT, 'latin1');
      const outcome = readRequests(cut(bytes, at));
      assert.equal(outcome.end, 'between');
      assert.equal(outcome.requests.length, 2);
      assert.equal(outcome.requests[1]!.target, '/next');
      const plain = Buffer.concat(chunks.map((one) => one.payload)).toString('latin1');
      assert.equal(outcome.requests[0]!.payload, plain);
      // What is passed on reads the same.
      const again = Buffer.from(CHUNKED + outcome.requests[0]!.relayed + NEXT, 'latin1');
      const second = readRequests([again]);
      assert.equal(second.requests.length, 2);
      assert.equal(second.requests[0]!.payload, plain);
      assert.equal(second.requests[0]!.relayed, outcome.requests[0]!.relayed);
    }),
    FUZZ,
  );
});

test('a body of a length takes exactly that, in any pieces', () => {
  fc.assert(
    fc.property(payload, places, (body, at) => {
      const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
      const text = body.toString('latin1');
      const { requests, end } = readRequests(cut(Buffer.from(head + text + NEXT, 'latin1'), at));
      assert.equal(end, 'between');
      assert.deepEqual([requests[0]!.payload, requests[0]!.relayed], [text, text]);
      assert.equal(requests[1]!.target, '/next');
    }),
    { ...FUZZ, numRuns: 500 },
  );
});

test('trailers that frame, route, authenticate or control are taken out (RFC 9110 §6.5.1)', () => {
  const forbidden = [
    'Transfer-Encoding: chunked',
    'content-length: 5',
    'HOST: evil',
    'Authorization: x',
    'Set-Cookie: a=b',
    'Content-Type: text/html',
    'Cache-Control: no-store',
    'If-Match: x',
    'X-Forwarded-For: 1.1.1.1',
    'Connection: close',
    'Trailer: A',
    'X_Forwarded_For: 1.1.1.1',
    'content.length: 5',
    'Client-Cert: :AA==:',
    'client_cert-chain: :AA==:',
    'Proxy: x',
    'X-Middleware-Subrequest: x',
  ];
  for (const line of forbidden) {
    const body = `0\r\nA: b\r\n${line}\r\nC: d\r\n\r\n`;
    const { requests } = readAtEverySplit(`${CHUNKED}${body}${NEXT}`);
    assert.equal(requests[0]!.relayed, '0\r\nA: b\r\nC: d\r\n\r\n', line);
    assert.equal(requests[1]!.target, '/next');
  }
});

test('the largest chunk is below 2^48 bytes', () => {
  const body = new BodyReader();
  const take = (text: string) => {
    body.begin(BODY.chunked, 0);
    body.take(Buffer.from(text), 0, text.length, null);
    return body.fault;
  };
  assert.equal(take('ffffffffffff\r\nx'), undefined);
  assert.equal(take('1000000000000\r\nx'), 'bad_chunk');
  assert.equal(take(`${'0'.repeat(60)}1\r\nx`), undefined);
});

test('a reader is as new after begin, whatever came before', () => {
  const whole = '2\r\nhi\r\n0\r\nA: b\r\n\r\n';
  for (let at = 0; at < whole.length; at++) {
    for (const before of [whole.slice(0, at), `${whole.slice(0, at)}\0`]) {
      const body = new BodyReader();
      body.begin(BODY.chunked, 0);
      body.take(Buffer.from(before), 0, before.length, null);
      body.begin(BODY.chunked, 0);
      const upTo = body.take(Buffer.from(whole), 0, whole.length, null);
      assert.deepEqual(
        [body.fault, body.done, body.consumed, upTo, body.trailers],
        [undefined, true, whole.length, whole.indexOf('A'), 'A: b\r\n'],
      );
    }
  }
});

test('a body that the close ends takes all, and is never done', () => {
  const body = new BodyReader();
  body.begin(BODY.untilClose, 0);
  assert.equal(body.take(Buffer.from('0\r\n\r\n'), 0, 5, null), 5);
  assert.equal(body.done, false);
});

test('no body takes nothing', () => {
  const body = new BodyReader();
  body.begin(BODY.none, 0);
  assert.equal(body.done, true);
  assert.equal(body.take(Buffer.from('x'), 0, 1, null), 0);
  assert.equal(body.consumed, 0);
});

const EXTENSIONS_FIT = [
  ';a',
  ';a=b',
  ';a="b"',
  ';a=""',
  ' ;\ta = b \t; c',
  ';a="b\\"c\\\\";d',
  ';a=";x=y\t"',
  ';a="\xe9\\\xe9"',
  ' ; a ; b="c"',
];
const EXTENSIONS_BROKEN = [
  ';',
  ';;',
  ';a;',
  ';a=',
  ';a= ',
  ';a=;b',
  ';a="abc',
  ';a="abc\\"',
  ';a="b"c',
  ';a="b" c',
  ';a="b"="c"',
  ';a b',
  ';a ',
  ';a=b ',
  ';a=b c',
  ';a=b=c',
  ';a=b"c"',
  ';=b',
  ';"a"',
  ';a@b',
  ';a=b@c',
  ' ',
  ' a',
  ';a="b\x00"',
  ';a="b\\\x7f"',
];
/** The fault of a chunk with these extensions, wherever its bytes are cut. */
function chunkFault(extensions: string): string | undefined {
  const bytes = Buffer.from(`5${extensions}\r\nhello\r\n0${extensions}\r\n\r\n`, 'latin1');
  const faults = new Set<string | undefined>();
  for (let cut = 0; cut <= bytes.length; cut++) {
    const body = new BodyReader();
    body.begin(BODY.chunked, 0);
    body.take(bytes, 0, cut, null);
    if (body.fault === undefined) body.take(bytes, cut, bytes.length, null);
    assert.equal(body.done, body.fault === undefined);
    faults.add(body.fault);
  }
  assert.equal(faults.size, 1);
  return [...faults][0];
}
for (const extensions of EXTENSIONS_FIT) {
  test(`chunk extensions that are well-formed: ${JSON.stringify(extensions)}`, () => {
    assert.equal(chunkFault(extensions), undefined);
  });
}
for (const extensions of EXTENSIONS_BROKEN) {
  test(`chunk extensions that are malformed: ${JSON.stringify(extensions)}`, () => {
    assert.equal(chunkFault(extensions), 'bad_chunk');
  });
}

test('a line feed alone in chunk extensions is named as such', () => {
  for (const before of [';a', ';a=b', ';a="b', ';', ' ']) {
    assert.equal(chunkFault(`${before}\n`), 'bare_lf', before);
  }
});
