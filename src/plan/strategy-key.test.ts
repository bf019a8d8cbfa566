import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StrategyKey } from '../core/balance/strategy.ts';
import { ClientInfo } from '../core/forward/client-info.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../core/http1/head.ts';
import { keyOfStrategy } from './strategy-key.ts';

const VIA = new ClientInfo({
  peer: { address: '192.0.2.1', port: 0, localAuthority: () => '' },
  peerIsTrusted: false,
  scheme: 'http',
});

function keyOf(by: StrategyKey, target: string, ...lines: string[]): number {
  const head = new Head();
  const text = [`GET ${target} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n');
  const bytes = Buffer.from(text, 'latin1');
  assert.ok(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) > 0);
  return keyOfStrategy('consistent_hash', by)!(VIA, head);
}

test('one path has one key, however it is spelt', () => {
  const key = keyOf('path', '/a/~b');
  for (const target of [
    '/a/~b?q',
    'http://a/a/~b',
    'HTTPS://b:1/a/~b?q',
    '/%61/%7eb',
    '/x/../a/~b',
  ]) {
    assert.equal(keyOf('path', target), key, target);
  }
  for (const target of ['/a/~c', '/a', '/', '/a%2F~b']) {
    assert.notEqual(keyOf('path', target), key, target);
  }
  assert.equal(keyOf('path', 'http://a'), keyOf('path', '/'));
});

test('a cookie is found in whichever Cookie line it stands', () => {
  const by = { cookie: 'user' };
  const key = keyOf(by, '/', 'Cookie: user=ann');
  assert.equal(keyOf(by, '/', 'Cookie: a=1; user=ann ; b=2'), key);
  assert.equal(keyOf(by, '/', 'Cookie: a=1', 'X: user=bob', 'cookie: b=2; user=ann'), key);
  assert.notEqual(keyOf(by, '/', 'Cookie: a=1', 'Cookie: user=bob'), key);
  assert.equal(keyOf(by, '/', 'Cookie: users=ann'), keyOf('address', '/'));
});

test('lines of one header are one list, as a hop before us may have made of them', () => {
  const by = { header: 'x-tenant' };
  const key = keyOf(by, '/', 'X-Tenant: a, b');
  assert.equal(keyOf(by, '/', 'X-Tenant: a', 'Y: 1', 'x-tenant: b'), key);
  assert.notEqual(keyOf(by, '/', 'X-Tenant: a'), key);
  assert.equal(keyOf(by, '/'), keyOf('address', '/'));
});

test('the host is that of a target in absolute form, which a server gets', () => {
  const by = { header: 'host' };
  const key = keyOf(by, '/');
  assert.equal(keyOf(by, 'http://a'), key);
  assert.equal(keyOf(by, 'http://a/x?y'), key);
  assert.notEqual(keyOf(by, 'http://b/'), key);
  assert.equal(keyOf(by, '*'), key);
});
