import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { refusalOf } from './refusal.ts';

const TOKEN = 'a-token-of-some-length';

function ask(
  remoteAddress: string | undefined,
  headers: Record<string, string>,
  { token = '', method = 'GET', isPublic = false } = {},
): string {
  const request = { socket: { remoteAddress }, headers, method } as unknown as IncomingMessage;
  return refusalOf(request, token, isPublic)?.error ?? 'let in';
}

test('without a token only this machine is answered, under a name of its own', () => {
  const here = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'];
  for (const address of here) assert.equal(ask(address, { host: 'localhost:9901' }), 'let in');
  const elsewhere = ['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', '0.0.0.0', '::', '1127.0.0.1', ''];
  for (const address of [...elsewhere, undefined]) {
    assert.equal(ask(address, { host: 'localhost' }), 'loopback_only', String(address));
  }
});

test('dns-rebinding: a name that resolves to this machine is not a name of this machine', () => {
  const ours = ['localhost', 'LOCALHOST:9901', '127.0.0.1:9901', '127.1.2.3', '[::1]', '[::1]:80'];
  for (const host of ours) assert.equal(ask('127.0.0.1', { host }), 'let in', host);
  const theirs = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'localhost:80:80',
    'localhost#',
    'xlocalhost',
    '[::2]',
    '[::1',
    '127.1',
    '0x7f000001',
    '',
  ];
  for (const host of theirs) assert.equal(ask('127.0.0.1', { host }), 'host_not_loopback', host);
  assert.equal(ask('127.0.0.1', {}), 'host_not_loopback', 'no host at all');
});

test('with a token nobody is let in without it, this machine no more than others', () => {
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    'Bearer a b',
  ];
  for (const address of ['127.0.0.1', '10.0.0.1']) {
    for (const authorization of wrong) {
      assert.equal(
        ask(address, { authorization }, { token: TOKEN }),
        'token_needed',
        authorization,
      );
    }
    const right = { authorization: `Bearer ${TOKEN}` };
    assert.equal(ask(address, right, { token: TOKEN }), 'let in');
    assert.equal(ask(address, {}, { token: TOKEN, isPublic: true }), 'let in');
  }
});

test('a page of another site changes nothing, token or not', () => {
  const host = 'localhost:9901';
  for (const token of ['', TOKEN]) {
    const authorization = `Bearer ${token}`;
    const post = (headers: Record<string, string>) =>
      ask('127.0.0.1', { host, authorization, ...headers }, { token, method: 'POST' });
    assert.equal(post({}), 'let in', 'a command sends no Origin');
    assert.equal(post({ origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }), 'let in');
    for (const origin of [
      'http://evil.example',
      'null',
      'http://localhost:1',
      'http://127.0.0.1',
    ]) {
      assert.equal(post({ origin }), 'cross_site', origin);
    }
    assert.equal(post({ 'sec-fetch-site': 'cross-site' }), 'cross_site');
  }
});
