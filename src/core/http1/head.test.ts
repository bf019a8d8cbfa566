import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAtEverySplit } from '../../../test/http1/every-split.ts';
import { cut, FUZZ, places, requestBytes } from '../../../test/http1/messages.ts';
import { readRequests } from '../../../test/http1/read-requests.ts';
import {
  DEFAULT_HEAD_LIMITS,
  FAULTY,
  FIELDS_MAX,
  Head,
  INCOMPLETE,
  METHOD_BYTES_MAX,
  readRequestHead,
  readResponseHead,
} from './head.ts';
import { KNOWN_BY_FIRST, NAME } from './names.ts';
import { HeadReader } from './reader.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';

function read(text: string, limits = DEFAULT_HEAD_LIMITS): { head: Head; at: number } {
  const head = new Head();
  const bytes = Buffer.from(text, 'latin1');
  return { head, at: readRequestHead(head, bytes, 0, bytes.length, limits) };
}

test('a head gives method, target, version and fields as they stand', () => {
  const text = 'PATCH /a?b HTTP/1.1\r\nhOsT:\t a.test \r\nX-Y:\r\nx-y: \xe9 \t\xff\t\r\n\r\n';
  const { head, at } = read(`${text}body`);
  assert.equal(at, text.length);
  assert.deepEqual([head.method, head.target(), head.minorVersion], ['PATCH', '/a?b', 1]);
  assert.deepEqual([head.name(0), head.value(0)], ['hOsT', 'a.test']);
  assert.deepEqual([head.name(1), head.value(1)], ['X-Y', '']);
  assert.deepEqual([head.name(2), head.value(2)], ['x-y', '\xe9 \t\xff']);
  assert.equal(head.fieldCount, 3);
  assert.equal(head.find(NAME.host), 0);
  assert.equal(head.find(NAME.connection), -1);
});

test('every known name is found in any case, and none that only resembles it', () => {
  for (const names of KNOWN_BY_FIRST) {
    for (const { id, bytes } of names ?? []) {
      const name = Buffer.from(bytes).toString();
      for (const spelling of [name, name.toUpperCase(), name[0]!.toUpperCase() + name.slice(1)]) {
        const { head } = read(`GET / HTTP/1.1\r\n${spelling}: x\r\n\r\n`);
        assert.equal(head.ids[0], id, spelling);
        assert.ok(head.has(id));
      }
      for (const other of [`${name}s`, name.slice(0, -1), `x${name}`, name.replace(/.$/, '_')]) {
        const { head } = read(`GET / HTTP/1.1\r\n${other}: x\r\n\r\n`);
        assert.notEqual(head.ids[0], id, other);
      }
    }
  }
});

test('repeated names are told from single ones', () => {
  const { head } = read(`${GET}Connection: a\r\nX: 1\r\nX: 2\r\nconnection: b\r\n\r\n`);
  assert.equal(head.repeated, 1 << NAME.connection);
  assert.equal(head.joined(NAME.connection), 'a, b');
});

test('a head is read the same where it lies among other bytes', () => {
  const text = `\r\n${GET}A: b\r\n\r\n`;
  const bytes = Buffer.from(`junk\r\n${text}more: \r\n\r\n`);
  const head = new Head();
  assert.equal(readRequestHead(head, bytes, 6, bytes.length, DEFAULT_HEAD_LIMITS), 6 + text.length);
  assert.equal(head.start, 8);
  for (let end = 6; end < 6 + text.length; end++) {
    assert.equal(readRequestHead(head, bytes, 6, end, DEFAULT_HEAD_LIMITS), INCOMPLETE);
  }
});

test('what is settled by the first bytes is not unsettled by those that follow', () => {
  fc.assert(
    fc.property(requestBytes, (bytes) => {
      const head = new Head();
      let settled = INCOMPLETE;
      let fault = '';
      for (let end = 0; end <= bytes.length; end++) {
        const at = readRequestHead(head, bytes, 0, end, DEFAULT_HEAD_LIMITS);
        if (settled !== INCOMPLETE) assert.equal(at, settled);
        if (fault !== '') assert.equal(head.fault, fault);
        settled = at;
        if (at === FAULTY) fault = head.fault;
      }
    }),
    { ...FUZZ, numRuns: 300 },
  );
});

const SMALL = { headBytes: 100, targetBytes: 30, fields: 3 };

test('limits are exact, in whatever pieces a head comes', () => {
  const headOf = (size: number) => `${GET}A: ${'b'.repeat(size - GET.length - 7)}\r\n\r\n`;
  assert.equal(readAtEverySplit(headOf(100), { limits: SMALL }).end, 'between');
  assert.equal(readAtEverySplit(headOf(101), { limits: SMALL }).end, 'head_too_large');
  assert.equal(readAtEverySplit(headOf(300), { limits: SMALL }).end, 'head_too_large');
  const withTarget = (size: number) => `GET /${'a'.repeat(size - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  assert.equal(readAtEverySplit(withTarget(30), { limits: SMALL }).end, 'between');
  assert.equal(readAtEverySplit(withTarget(31), { limits: SMALL }).end, 'target_too_long');
  assert.equal(readAtEverySplit(withTarget(500), { limits: SMALL }).end, 'target_too_long');
  const withFields = (count: number) => `${GET}${'A: b\r\n'.repeat(count - 1)}\r\n`;
  assert.equal(readAtEverySplit(withFields(3), { limits: SMALL }).end, 'between');
  assert.equal(readAtEverySplit(withFields(4), { limits: SMALL }).end, 'too_many_fields');
  const withMethod = (size: number) => `${'M'.repeat(size)} / HTTP/1.1\r\nHost: a\r\n\r\n`;
  assert.equal(readAtEverySplit(withMethod(METHOD_BYTES_MAX)).end, 'between');
  assert.equal(readAtEverySplit(withMethod(METHOD_BYTES_MAX + 1)).end, 'method_too_long');
});

test('empty lines before a head do not count for its size', () => {
  const head = `${GET}A: ${'b'.repeat(100 - GET.length - 7)}\r\n\r\n`;
  const { requests, end } = readAtEverySplit('\r\n'.repeat(50) + head, { limits: SMALL });
  assert.equal(requests.length, 1);
  assert.equal(end, 'between');
});

test('empty lines before a head have a bound of their own', () => {
  const lines = '\r\n'.repeat(51);
  assert.equal(readAtEverySplit(lines, { limits: SMALL }).end, 'head_too_large');
  assert.equal(readAtEverySplit(`${lines}${GET}\r\n`, { limits: SMALL }).end, 'head_too_large');
  const apart = `${'\r\n'.repeat(50)}${GET}\r\n`.repeat(3);
  assert.equal(readAtEverySplit(apart, { limits: SMALL }).requests.length, 3);
});

test('a fault within the limit comes before the size beyond it', () => {
  const text = `${GET}A : b\r\n${'c'.repeat(200)}`;
  assert.equal(readAtEverySplit(text, { limits: SMALL }).end, 'space_before_colon');
});

test('as many header lines as the largest limit allows are all kept', () => {
  const limits = { headBytes: 1e6, targetBytes: 100, fields: FIELDS_MAX };
  const lines = Array.from({ length: FIELDS_MAX }, (_, index) => `A${index}: ${index}\r\n`);
  const { head, at } = read(`GET / HTTP/1.1\r\n${lines.join('')}\r\n`, limits);
  assert.ok(at > 0);
  assert.equal(head.fieldCount, FIELDS_MAX);
  assert.equal(head.value(FIELDS_MAX - 1), String(FIELDS_MAX - 1));
});

test('a head without a line feed is refused as soon as the limit is reached', () => {
  for (const text of [`${GET}A: ${'b'.repeat(100)}`, `GET /${'a'.repeat(200)}`]) {
    const reader = new HeadReader(new Head(), readRequestHead, SMALL);
    const results = [...text.slice(0, SMALL.headBytes)].map((char) =>
      reader.take(Buffer.from(char), 0, 1),
    );
    assert.equal(results.indexOf(FAULTY), SMALL.headBytes - 1);
  }
});

test('empty lines alone are no partial head', () => {
  const head = new Head();
  const reader = new HeadReader(head, readRequestHead, DEFAULT_HEAD_LIMITS);
  const take = (text: string) => reader.take(Buffer.from(text), 0, text.length);
  assert.equal(take('\r\n'), INCOMPLETE);
  assert.equal(reader.isPartial, false);
  assert.equal(take('\r'), INCOMPLETE);
  assert.equal(reader.isPartial, true);
  assert.equal(take('\n'), INCOMPLETE);
  assert.equal(reader.isPartial, false);
  assert.equal(take(GET), INCOMPLETE);
  assert.equal(reader.isPartial, true);
  assert.ok(take('\r\n') > 0);
  assert.equal(reader.isPartial, false);
});

test('many heads in one stream are read in any pieces', () => {
  const text = Array.from({ length: 5 }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const bytes = Buffer.from(text.join('\r\n'));
  const whole = readAtEverySplit(bytes);
  assert.deepEqual(
    whole.requests.map((request) => request.target),
    ['/0', '/1', '/2', '/3', '/4'],
  );
  fc.assert(
    fc.property(places, (at) => assert.deepEqual(readRequests(cut(bytes, at)), whole)),
    { ...FUZZ, numRuns: 200 },
  );
});

function readResponse(text: string): { head: Head; at: number } {
  const head = new Head();
  const bytes = Buffer.from(text, 'latin1');
  return { head, at: readResponseHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) };
}

test('a status is one of those that HTTP has (RFC 9110 §15)', () => {
  for (const status of [100, 205, 599])
    assert.ok(readResponse(`HTTP/1.1 ${status} Odd\r\n\r\n`).at > 0);
  for (const status of ['099', '600', '999']) {
    const { head, at } = readResponse(`HTTP/1.1 ${status} Odd\r\n\r\n`);
    assert.deepEqual([at, head.fault], [FAULTY, 'bad_status_line']);
  }
});

test('a status line may lack its reason, and the space before it', () => {
  for (const line of ['HTTP/1.1 404 Not \xe9 Found', 'HTTP/1.0 404 ', 'HTTP/1.1 404']) {
    const { head, at } = readResponse(`${line}\r\n\r\n`);
    assert.equal(at, line.length + 4);
    assert.equal(head.status, 404);
  }
});

test('white space before a colon is taken out of a response in place, in any pieces', () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Length \t: 5\r\nX: y\r\n\r\n';
  for (let at = 0; at <= text.length; at++) {
    const head = new Head();
    const reader = new HeadReader(head, readResponseHead, DEFAULT_HEAD_LIMITS);
    let result = INCOMPLETE;
    for (const piece of [text.slice(0, at), text.slice(at)]) {
      if (piece !== '') result = reader.take(Buffer.from(piece), 0, piece.length);
    }
    assert.equal(result, text.length);
    assert.equal(head.value(head.find(NAME.contentLength)), '5');
    assert.equal(head.value(1), 'y');
  }
});
