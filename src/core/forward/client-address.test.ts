import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ip, parseIp } from '../../base/ip.ts';
import { NetworkSet } from '../../base/network-set.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../http1/head.ts';
import { ClientSource } from '../limits/client-source.ts';
import { type TrustedHeader, TrustedProxies } from './client-address.ts';
import { ClientInfo } from './client-info.ts';

const PEER = '10.0.0.1';
const TRUSTED = NetworkSet.of(['10.0.0.0/8']);
const REFUSED = 'refused';

function identified(lines: string, header: TrustedHeader = 'auto'): ClientInfo | null {
  const head = new Head();
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 'latin1');
  assert.ok(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS) > 0);
  const clientInfo = new ClientInfo({
    peer: { address: PEER, port: 0, localAuthority: () => '' },
    peerIsTrusted: true,
    scheme: 'http',
  });
  return new TrustedProxies(TRUSTED, false, header).identify(clientInfo, head) ? clientInfo : null;
}

function addressFrom(lines: string, header?: TrustedHeader): string {
  return identified(lines, header)?.clientAddress ?? REFUSED;
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
  ['a client that its proxy hides', 'X-Forwarded-For: 192.0.2.1, unknown\r\n', 'unknown'],
  ['a hop over a unix socket of nginx', 'X-Forwarded-For: unix:, 10.0.0.2\r\n', 'unknown'],
  [
    'what is no address where a proxy wrote',
    'X-Forwarded-For: 192.0.2.1, 999.0.0.1, 10.0.0.2\r\n',
    REFUSED,
  ],
  [
    'what is no address where the client wrote',
    'X-Forwarded-For: x" ;[, 192.0.2.1, 10.0.0.2\r\n',
    '192.0.2.1',
  ],
  ['colons that are no address', 'X-Forwarded-For: :::\r\n', REFUSED],
  ['a port that is none', 'X-Forwarded-For: 192.0.2.1:http\r\n', REFUSED],
  ['IPv4 in brackets', 'X-Forwarded-For: [192.0.2.1]\r\n', REFUSED],
  ['quotes, which this header does not know', 'X-Forwarded-For: "192.0.2.1"\r\n', REFUSED],
  ['an empty header', 'X-Forwarded-For:\r\n', PEER],
  ['a trailing comma', 'X-Forwarded-For: 192.0.2.1,\r\n', '192.0.2.1'],
  ['commas alone', 'X-Forwarded-For: , ,\t,\r\n', PEER],
  [
    'empty elements and lines between hops',
    'X-Forwarded-For: 127.0.0.1, , 192.0.2.1, ,\r\nX-Forwarded-For:\r\nX-Forwarded-For: ,10.0.0.2,,\r\n',
    '192.0.2.1',
  ],
  [
    'an empty X-Forwarded-For beside Forwarded',
    'X-Forwarded-For: ,\r\nForwarded: for=192.0.2.1\r\n',
    '192.0.2.1',
  ],
  [
    'an empty Forwarded beside X-Forwarded-For',
    'X-Forwarded-For: 192.0.2.1\r\nForwarded: , ;;,\r\n',
    '192.0.2.1',
  ],
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
  ['a quote left open', 'Forwarded: for="127.0.0.1, for=192.0.2.1\r\n', REFUSED],
  [
    'a quote left open in the line before that of the proxy',
    'Forwarded: for=127.0.0.1;by="\r\nForwarded: for=192.0.2.1;host=","\r\n',
    REFUSED,
  ],
  [
    'a host that looks like a parameter',
    'Forwarded: proto=http;host="a;for=127.0.0.1";for=192.0.2.1\r\n',
    '192.0.2.1',
  ],
  ['a host that looks like two elements', 'Forwarded: for=192.0.2.1;host="a,b"\r\n', '192.0.2.1'],
  [
    'a host that looks like a whole element',
    'Forwarded: for=192.0.2.1;host="a,for=127.0.0.1"\r\n',
    '192.0.2.1',
  ],
  [
    'an escaped quote ends no text',
    'Forwarded: host="a\\",for=127.0.0.1";for=192.0.2.1\r\n',
    '192.0.2.1',
  ],
  [
    'an escaped backslash before the quote does not escape it',
    'Forwarded: for=127.0.0.1;host="a\\\\", for=192.0.2.1\r\n',
    '192.0.2.1',
  ],
  ['an address with escapes', 'Forwarded: for="\\1\\92.0.2.1"\r\n', '192.0.2.1'],
  ['an obfuscated node', 'Forwarded: for=_hidden\r\n', 'unknown'],
  ['an obfuscated port', 'Forwarded: for="192.0.2.1:_web"\r\n', '192.0.2.1'],
  ['an unknown node with a port', 'Forwarded: For="unknown:80"\r\n', 'unknown'],
  [
    'a node behind an unknown one',
    'Forwarded: for=127.0.0.1, for=unknown, for=10.0.0.2\r\n',
    'unknown',
  ],
  ['an element that names no node', 'Forwarded: for=127.0.0.1, proto=https;host=a\r\n', 'unknown'],
  ['empty elements and pairs', 'Forwarded: ,, ;for=192.0.2.1;; , ;,\r\n', '192.0.2.1'],
  ['a port without quotes', 'Forwarded: for=192.0.2.1:80\r\n', REFUSED],
  ['brackets without quotes', 'Forwarded: for=[2001:db8::1]\r\n', REFUSED],
  ['IPv6 without brackets', 'Forwarded: for="2001:db8::1"\r\n', REFUSED],
  ['IPv4 in brackets in Forwarded', 'Forwarded: for="[192.0.2.1]"\r\n', REFUSED],
  ['a name', 'Forwarded: for=localhost\r\n', REFUSED],
  ['a parameter that stands twice', 'Forwarded: for=192.0.2.1;FOR=127.0.0.1\r\n', REFUSED],
  ['a parameter without a value', 'Forwarded: for\r\n', REFUSED],
  ['an empty value', 'Forwarded: for=;proto=http\r\n', REFUSED],
  ['space around the equals sign', 'Forwarded: for = 192.0.2.1\r\n', REFUSED],
  ['text behind a quote', 'Forwarded: host="a"b;for=192.0.2.1\r\n', REFUSED],
  [
    'a malformed element that nobody would look at',
    'Forwarded: for=x;;=, for=192.0.2.1\r\n',
    REFUSED,
  ],
  [
    'two headers that agree, in their own spellings',
    'X-Forwarded-For: 127.0.0.1, 2001:DB8:0::1, 10.0.0.2\r\nForwarded: for="[2001:db8::1]:80"\r\n',
    '2001:DB8:0::1',
  ],
  [
    'two headers that disagree are both not believed',
    'Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n',
    PEER,
  ],
  [
    'a good header beside a malformed one',
    'X-Forwarded-For: 192.0.2.1\r\nForwarded: for\r\n',
    REFUSED,
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

test('trusted_header: the other header is as if it were not there', () => {
  const lines = 'X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n';
  assert.equal(addressFrom(lines, 'x-forwarded-for'), '192.0.2.1');
  assert.equal(addressFrom(lines, 'forwarded'), '192.0.2.2');
  assert.equal(addressFrom('X-Forwarded-For: 192.0.2.1\r\n', 'forwarded'), PEER);
  assert.equal(addressFrom('Forwarded: for=192.0.2.1\r\n', 'x-forwarded-for'), PEER);
  const broken = 'X-Forwarded-For: x\r\nForwarded: for=192.0.2.2\r\n';
  assert.equal(addressFrom(broken, 'forwarded'), '192.0.2.2');
});

test('headers of peers are believed by who they are and by what they write', () => {
  const source = (ip: Ip | null) => new ClientSource(ip, { low: 0, high: 0 });
  const [proxy, other, unix] = [parseIp(PEER), parseIp('192.0.2.1'), null].map(source);
  const byNetwork = new TrustedProxies(TRUSTED, false, 'auto');
  assert.deepEqual(
    [proxy!, other!, unix!].map((one) => byNetwork.believesHeadersOf(one)),
    [true, false, false],
  );
  const bySocket = new TrustedProxies(NetworkSet.of([]), true, 'auto');
  assert.deepEqual(
    [proxy!, other!, unix!].map((one) => bySocket.believesHeadersOf(one)),
    [false, false, true],
  );
  const byPreface = new TrustedProxies(TRUSTED, true, 'proxy');
  assert.ok(byPreface.has(proxy!));
  assert.ok(!byPreface.believesHeadersOf(proxy!));
});

test('whatever a client writes, the address is the one that the trusted proxy saw, or none', () => {
  const char = fc.constantFrom(...' \t",;=:.[]\\10fFor%\x80');
  const forged = fc.string({ unit: char, maxLength: 40 });
  fc.assert(
    fc.property(forged, fc.nat({ max: 3 }), (text, trustedHops) => {
      const hops = ['192.0.2.1', ...new Array(trustedHops).fill('10.0.0.2')];
      const list = [text, ...hops].join(', ');
      assert.equal(addressFrom(`X-Forwarded-For: ${list}\r\n`), '192.0.2.1');
      const elements = [text, ...hops.map((hop) => `for=${hop}`)].join(', ');
      assert.ok(['192.0.2.1', REFUSED].includes(addressFrom(`Forwarded: ${elements}\r\n`)));
    }),
    { seed: 20260101, numRuns: 1000 },
  );
});
