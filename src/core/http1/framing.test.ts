import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BODY, type BodyKind, Framing, frameRequest, frameResponse } from './framing.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead, readResponseHead } from './head.ts';
import { isHost } from './target.ts';

function framed(lines: string, version = 'HTTP/1.1'): Framing & { head: Head } {
  const head = new Head();
  const bytes = Buffer.from(`GET / ${version}\r\nHost: a\r\n${lines}\r\n`, 'latin1');
  assert.ok(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) > 0);
  const framing = new Framing();
  assert.equal(frameRequest(head, framing), undefined);
  return Object.assign(framing, { head });
}

const keeping: [version: string, lines: string, keeps: boolean][] = [
  ['HTTP/1.1', '', true],
  ['HTTP/1.1', 'Connection: close\r\n', false],
  ['HTTP/1.1', 'Connection: keep-alive\r\nConnection: Close\r\n', false],
  ['HTTP/1.1', 'Connection: closed\r\n', true],
  ['HTTP/1.1', 'Connection:\tclose \r\n', false],
  ['HTTP/1.1', 'Connection: x,close,y\r\n', false],
  ['HTTP/1.1', 'Connection: "close"\r\n', true],
  ['HTTP/1.0', '', false],
  ['HTTP/1.0', 'Connection: Keep-Alive\r\n', true],
  ['HTTP/1.0', 'Connection: keep-alive, close\r\n', false],
  ['HTTP/1.0', 'Proxy-Connection: keep-alive\r\n', false],
];

for (const [version, lines, keeps] of keeping) {
  test(`${version} ${JSON.stringify(lines)} ${keeps ? 'keeps' : 'closes'} the connection`, () => {
    assert.equal(framed(lines, version).keepAlive, keeps);
  });
}

test('Connection names fields whole, in any case, and not those that route or frame', () => {
  const { head } = framed('Connection: x-A,host,Via,b\r\nX-a: 1\r\nX-AB: 2\r\nVia: 3\r\nB: 4\r\n');
  assert.deepEqual([...head.named.subarray(0, head.fieldCount)], [0, 0, 1, 0, 0, 1]);
});

test('what an earlier head named is forgotten', () => {
  const head = new Head();
  const framing = new Framing();
  const read = (lines: string) => {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
    frameRequest(head, framing);
  };
  read('A: 1\r\nConnection: a\r\nUpgrade: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n');
  assert.equal(head.named[1], 1);
  read('A: 1\r\nConnection: b\r\n');
  assert.equal(head.named[1], 0);
  assert.deepEqual(
    [framing.upgrade, framing.expectContinue, framing.body],
    [false, false, BODY.none],
  );
});

test('expectations are 100-continue, in any case and as often as may be', () => {
  assert.equal(framed('Expect: 100-CONTINUE\r\n').expectContinue, true);
  assert.equal(framed('Expect: 100-continue\r\nExpect: 100-continue\r\n').expectContinue, true);
  assert.equal(framed('Expect: 100-continue\r\n', 'HTTP/1.0').expectContinue, false);
});

const hosts: [text: string, isHost: boolean][] = [
  ['', true],
  ['a', true],
  ['a.test:80', true],
  ['a:', true],
  ['[::1]', true],
  ['[::1]:', true],
  ['[::1]:80', true],
  ['[v1.x]', true],
  ['%41', true],
  ['a,b', false],
  [':80', false],
  ['a:b', false],
  ['a:80:80', false],
  ['a b', false],
  ['a/b', false],
  ['a?b', false],
  ['a@b', false],
  ['a\\b', false],
  ['"a"', false],
  ['a\xe9', false],
  ['[', false],
  ['[]', false],
  ['[::1', false],
  ['::1]', false],
  ['a[::1]', false],
  ['[::1]a', false],
  ['[::1]:80]', false],
  ['[a/b]', false],
];

for (const [text, is] of hosts) {
  test(`${JSON.stringify(text)} is ${is ? 'a' : 'no'} host`, () => {
    // What stands around it must not matter.
    for (const around of ['', ':', '8', '[', ']']) {
      const bytes = Buffer.from(around + text + around, 'latin1');
      assert.equal(isHost(bytes, around.length, around.length + text.length), is);
    }
  });
}

function framedResponse(text: string, method = 'GET'): Framing {
  const head = new Head();
  const bytes = Buffer.from(`${text}\r\n`, 'latin1');
  assert.ok(readResponseHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) > 0);
  const framing = new Framing();
  assert.equal(frameResponse(head, framing, method), undefined);
  return framing;
}

const CL = 'Content-Length: 5\r\n';
const TE = 'Transfer-Encoding: chunked\r\n';
const bodies: [response: string, method: string, body: BodyKind, keeps: boolean][] = [
  [`HTTP/1.1 200 OK\r\n${CL}`, 'GET', BODY.length, true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n', 'GET', BODY.none, true],
  [`HTTP/1.1 200 OK\r\n${TE}`, 'GET', BODY.chunked, true],
  ['HTTP/1.1 200 OK\r\n', 'GET', BODY.untilClose, false],
  ['HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n', 'GET', BODY.untilClose, false],
  ['HTTP/1.1 200 OK\r\n', 'HEAD', BODY.none, true],
  [`HTTP/1.1 200 OK\r\n${CL}`, 'HEAD', BODY.none, true],
  [`HTTP/1.1 200 OK\r\n${TE}`, 'HEAD', BODY.none, true],
  [`HTTP/1.1 204 No\r\n${CL}`, 'GET', BODY.none, true],
  [`HTTP/1.1 304 No\r\n${TE}`, 'GET', BODY.none, true],
  ['HTTP/1.1 304 No\r\n', 'GET', BODY.none, true],
  ['HTTP/1.1 205 Reset\r\n', 'GET', BODY.untilClose, false],
  [`HTTP/1.1 100 Continue\r\n${CL}`, 'GET', BODY.none, true],
  [`HTTP/1.0 200 OK\r\n${CL}`, 'GET', BODY.length, false],
  [`HTTP/1.0 200 OK\r\n${CL}Connection: keep-alive\r\n`, 'GET', BODY.length, true],
  [`HTTP/1.1 200 OK\r\n${CL}Connection: close\r\n`, 'GET', BODY.length, false],
];

for (const [response, method, body, keeps] of bodies) {
  test(`${JSON.stringify(response)} to ${method} is framed by RFC 9112 §6.3`, () => {
    const framing = framedResponse(response, method);
    assert.deepEqual([framing.body, framing.keepAlive], [body, keeps]);
  });
}

test("a server's Keep-Alive says how long it waits", () => {
  const seconds = (value: string) =>
    framedResponse(`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\n`).keepAliveSeconds;
  assert.equal(seconds('timeout=5, max=100'), 5);
  assert.equal(seconds('max=1, Timeout = "7"'), 7);
  assert.equal(seconds('300'), -1);
});
