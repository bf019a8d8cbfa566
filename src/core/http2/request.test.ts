import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { http1Head, trailerLines } from './request.ts';

const GET = [':method', 'GET', ':scheme', 'https', ':authority', 'a.example', ':path', '/x?y'];
const key = () => 'the-key';
const textOf = (fields: readonly string[], hasBody = false) =>
  http1Head(fields, hasBody, key)?.text.split('\r\n').slice(0, -2);

test('a request says in HTTP/1.1 what it said', () => {
  assert.deepEqual(textOf([...GET, 'accept', '*/*', 'te', 'trailers']), [
    'GET /x?y HTTP/1.1',
    'host: a.example',
    'accept: */*',
    'te: trailers',
  ]);
});

test('cookies that came apart are one line again', () => {
  const lines = textOf([...GET, 'cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2']);
  assert.deepEqual(lines?.slice(2), ['accept: */*', 'cookie: a=1; b=2']);
});

test('a body without length is chunked, one with length keeps it', () => {
  assert.ok(textOf(GET, true)?.includes('transfer-encoding: chunked'));
  const lines = textOf([...GET, 'content-length', '5'], true);
  assert.deepEqual(lines?.slice(2), ['content-length: 5']);
});

test('a Host beside :authority must say the same, and does instead of it', () => {
  assert.ok(textOf([...GET, 'host', 'A.Example']));
  assert.equal(textOf([...GET, 'host', 'b.example']), undefined);
  const bare = GET.filter((_, at) => at !== 4 && at !== 5);
  assert.deepEqual(textOf([...bare, 'host', 'c']), ['GET /x?y HTTP/1.1', 'host: c']);
});

test('a WebSocket becomes the upgrade that a server knows', () => {
  const fields = [':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2)];
  assert.deepEqual(textOf([...fields, 'sec-websocket-version', '13'], true), [
    'GET /x?y HTTP/1.1',
    'host: a.example',
    'sec-websocket-version: 13',
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-key: the-key',
  ]);
});

const replaced = (name: string, value: string) => GET.with(GET.indexOf(name) + 1, value);
const without = (name: string) =>
  GET.filter((_, at) => at !== GET.indexOf(name) && at !== GET.indexOf(name) + 1);

const MALFORMED: Record<string, readonly string[]> = {
  'no :method': without(':method'),
  'no :scheme': without(':scheme'),
  'no :path': without(':path'),
  'an empty :path': replaced(':path', ''),
  'a :path that is a whole URI': replaced(':path', 'https://a.example/'),
  'a * that asks for no OPTIONS': replaced(':path', '*'),
  'an empty :authority': replaced(':authority', ''),
  'another scheme': replaced(':scheme', 'ftp'),
  'a pseudo-header field twice': [...GET, ':path', '/z'],
  'a pseudo-header field after others': [...GET, 'a', 'b', ':path', '/z'],
  'an unknown pseudo-header field': [...GET, ':status', '200'],
  'a protocol other than WebSocket': [
    ...replaced(':method', 'CONNECT'),
    ':protocol',
    'connect-udp',
  ],
  'a protocol without CONNECT': [...GET, ':protocol', 'websocket'],
  'a CONNECT with a path': replaced(':method', 'CONNECT'),
  'a line break in :path': replaced(':path', '/\r\nx: y'),
  'a line break in :method': replaced(':method', 'GET / HTTP/1.1\r\nx: y'),
  'a name in upper case': [...GET, 'Accept', 'x'],
  'an empty name': [...GET, '', 'x'],
  'a name with a colon': [...GET, 'a:b', 'x'],
  'a name beyond ASCII': [...GET, 'ä', 'x'],
  'a line break in a value': [...GET, 'a', 'b\r\nc: d'],
  'a NUL in a value': [...GET, 'a', 'b\0c'],
  'a character beyond latin1 in a value': [...GET, 'a', '\u010d\u010a'],
  'a space before a value': [...GET, 'a', ' b'],
  'a tab after a value': [...GET, 'a', 'b\t'],
  connection: [...GET, 'connection', 'close'],
  'keep-alive': [...GET, 'keep-alive', 'timeout=1'],
  'proxy-connection': [...GET, 'proxy-connection', 'close'],
  'transfer-encoding': [...GET, 'transfer-encoding', 'chunked'],
  upgrade: [...GET, 'upgrade', 'h2c'],
  'te that asks for more than trailers': [...GET, 'te', 'trailers, deflate'],
};

for (const [what, fields] of Object.entries(MALFORMED)) {
  test(`malformed: ${what}`, () => assert.equal(textOf(fields), undefined));
}

test('names that a server takes for framing or for the word of a proxy stop here', () => {
  const fields = ['content_length', '5', 'transfer_encoding', 'chunked', 'x_forwarded_for', '::1'];
  const { text } = http1Head([...GET, ...fields, 'x_own', '1', 'proxy', 'x'], false, key)!;
  const bytes = Buffer.from(text, 'latin1');
  const head = new Head();
  assert.equal(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS), bytes.length);
  const passed = Array.from({ length: head.fieldCount }, (_, index) => index)
    .filter((index) => head.ids[index] !== NAME.dropped)
    .map((index) => head.name(index));
  assert.deepEqual(passed, ['host', 'x_own']);
});

test('trailers are lines, and hold no pseudo-header field', () => {
  assert.equal(trailerLines(['x-sum', '42', 'y', '']), 'x-sum: 42\r\ny: \r\n');
  assert.equal(trailerLines([':path', '/']), undefined);
  assert.equal(trailerLines(['transfer-encoding', 'chunked']), undefined);
  assert.equal(trailerLines(['x', 'a\nb']), undefined);
});
