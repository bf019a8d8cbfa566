import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../http1/head.ts';
import { clientAddress } from './client-address.ts';
import { Via } from './forward.ts';

const PEER = '10.0.0.1';
const isTrusted = (address: string) => address.startsWith('10.');

function addressFrom(lines: string, peerIsTrusted = true): string {
  const head = new Head();
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 'latin1');
  assert.ok(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) > 0);
  const via = new Via({
    peerAddress: PEER,
    peerIsTrusted,
    scheme: 'http',
    localAuthority: () => '',
  });
  return clientAddress(via, head, isTrusted);
}

const cases: [name: string, lines: string, client: string][] = [
  ['no header: the peer itself', '', PEER],
  ['one hop', 'X-Forwarded-For: 192.0.2.1\r\n', '192.0.2.1'],
  [
    'a forged hop on the left is not looked at',
    'X-Forwarded-For: 127.0.0.1, 192.0.2.1\r\n',
    '192.0.2.1',
  ],
  [
    'trusted proxies on the right are passed over',
    'X-Forwarded-For: 127.0.0.1, 192.0.2.1, 10.0.0.3,10.0.0.2\r\n',
    '192.0.2.1',
  ],
  [
    'several lines are one list',
    'X-Forwarded-For: 192.0.2.1\r\nx-forwarded-for: 10.0.0.2\r\n',
    '192.0.2.1',
  ],
  [
    'a forged line before the one of the proxy is not looked at',
    'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.1\r\n',
    '192.0.2.1',
  ],
  [
    'a chain of trusted proxies only: the first of them',
    'X-Forwarded-For: 10.0.0.9\r\n',
    '10.0.0.9',
  ],
  ['an IPv4 address with a port', 'X-Forwarded-For: 192.0.2.1:4711\r\n', '192.0.2.1'],
  ['an IPv6 address', 'X-Forwarded-For: 2001:db8::1\r\n', '2001:db8::1'],
  ['an IPv6 address in brackets', 'X-Forwarded-For: [2001:db8::1]\r\n', '2001:db8::1'],
  ['an IPv6 address with a port', 'X-Forwarded-For: [2001:db8::1]:80\r\n', '2001:db8::1'],
  ['an IPv4-mapped address is IPv4', 'X-Forwarded-For: ::ffff:192.0.2.1\r\n', '192.0.2.1'],
  [
    'a trusted proxy is known in its mapped spelling',
    'X-Forwarded-For: 192.0.2.1, ::FFFF:10.0.0.2\r\n',
    '192.0.2.1',
  ],
  ['unknown: the last that is known', 'X-Forwarded-For: 192.0.2.1, unknown\r\n', PEER],
  [
    'what is no address ends the chain',
    'X-Forwarded-For: 192.0.2.1, 999.0.0.1, 10.0.0.2\r\n',
    '10.0.0.2',
  ],
  ['colons that are no address', 'X-Forwarded-For: :::\r\n', PEER],
  ['an empty header', 'X-Forwarded-For:\r\n', PEER],
  ['a trailing comma', 'X-Forwarded-For: 192.0.2.1,\r\n', PEER],
  ['Forwarded', 'Forwarded: for=192.0.2.1;proto=http\r\n', '192.0.2.1'],
  [
    'Forwarded with quotes, brackets and port',
    'Forwarded: proto=https ; For="[2001:db8::1]:80"\r\n',
    '2001:db8::1',
  ],
  [
    'Forwarded from right to left',
    'Forwarded: for=127.0.0.1, for=192.0.2.1\r\nForwarded: for=10.0.0.2\r\n',
    '192.0.2.1',
  ],
  [
    'a quote left open does not swallow the element of the proxy',
    'Forwarded: for="127.0.0.1, for=192.0.2.1\r\n',
    '192.0.2.1',
  ],
  ['an obfuscated node', 'Forwarded: for=_hidden\r\n', PEER],
  [
    'X-Forwarded-For comes first',
    'Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n',
    '2.2.2.2',
  ],
  [
    'a chain longer than any real one is cut',
    `X-Forwarded-For: 192.0.2.1${', 10.0.0.2'.repeat(40)}\r\n`,
    '10.0.0.2',
  ],
];

for (const [name, lines, client] of cases) {
  test(`client address, ${name}`, () => assert.equal(addressFrom(lines), client));
}

test('an untrusted peer is the client, whatever it says', () => {
  const lines = 'X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n';
  assert.equal(addressFrom(lines, false), PEER);
});

test('whatever a client writes, the address is the one that the trusted proxy saw', () => {
  const char = fc.constantFrom(...' \t",;=:.[]10fFor%\x80');
  const forged = fc.string({ unit: char, maxLength: 40 });
  fc.assert(
    fc.property(forged, fc.nat({ max: 3 }), (text, trustedHops) => {
      const hops = ['192.0.2.1', ...new Array(trustedHops).fill('10.0.0.2')];
      const list = [text, ...hops].join(', ');
      assert.equal(addressFrom(`X-Forwarded-For: ${list}\r\n`), '192.0.2.1');
      const elements = [text, ...hops.map((hop) => `for=${hop}`)].join(', ');
      assert.equal(addressFrom(`Forwarded: ${elements}\r\n`), '192.0.2.1');
    }),
    { seed: 20260101, numRuns: 1000 },
  );
});
