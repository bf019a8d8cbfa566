import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FUZZ } from '../../../test/http1/messages.ts';
import { Wire, type WireOptions } from '../../../test/http1/wire.ts';
import { DEFAULT_RESPONSE_LIMITS } from '../http1/head.ts';
import { parseAbsoluteTarget } from '../http1/target.ts';

const DATE = 'Date: Sun, 09 Sep 2001 01:46:40 GMT';
const OWN_DATE = 'Date: Tue, 15 Nov 1994 08:12:31 GMT';

interface Given {
  method?: string;
  version?: string;
  /** Header lines of the request, each with its CRLF. */
  lines?: string;
  /** Whether the server closes after the response. */
  closes?: boolean;
}

/** What a client is sent for the bytes of a server that come in these pieces. */
function relay(pieces: readonly string[], given: Given): { text: string; state: string } {
  const { method = 'GET', version = 'HTTP/1.1', lines = '', closes = false } = given;
  const wire = new Wire();
  wire.clientSends(Buffer.from(`${method} / ${version}\r\nHost: a.test\r\n${lines}\r\n`));
  for (const piece of pieces) wire.serverSends(piece);
  if (closes) wire.serverEnds();
  return { text: wire.client.text, state: wire.client.state };
}

/** The same, with the response cut at every place, which must not matter. */
function clientGets(response: string, given: Given = {}): string {
  const whole = relay([response], given);
  assert.deepEqual(relay([...response], given), whole);
  for (let at = 1; at < response.length; at++) {
    assert.deepEqual(relay([response.slice(0, at), response.slice(at)], given), whole);
  }
  return whole.text;
}

const responses: [name: string, response: string, client: string, given?: Given][] = [
  [
    'a response without Date gets one',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
    `HTTP/1.1 200 OK\r\n${DATE}\r\nContent-Length: 2\r\n\r\nhi`,
  ],
  [
    'a response with all it needs goes on as it came',
    `HTTP/1.1 200 All Right\r\nX: \xe9\t \r\n${OWN_DATE}\r\ncontent-length:2\r\n\r\nhi`,
    `HTTP/1.1 200 All Right\r\nX: \xe9\t \r\n${OWN_DATE}\r\ncontent-length:2\r\n\r\nhi`,
  ],
  [
    'what belongs to the hop, and what Connection names, stops here',
    `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nA: 1\r\nConnection: a, Keep-Alive\r\n${OWN_DATE}\r\nAB: 2\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nAB: 2\r\nContent-Length: 0\r\n\r\n`,
  ],
  [
    'Connection cannot take Content-Length away',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\nConnection: content-length\r\n\r\nhi`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`,
  ],
  [
    'a server that speaks HTTP/1.0 is passed on in HTTP/1.1',
    `HTTP/1.0 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`,
  ],
  [
    'a status line without its last space gets it (RFC 9112 §4)',
    `HTTP/1.1 200\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`,
    `HTTP/1.1 200 \r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`,
  ],
  [
    'an interim status line without its last space gets it',
    `HTTP/1.1 103\r\nLink: a\r\n\r\nHTTP/1.0 204\r\n${OWN_DATE}\r\n\r\n`,
    `HTTP/1.1 103 \r\nLink: a\r\n\r\nHTTP/1.1 204 \r\n${OWN_DATE}\r\n\r\n`,
  ],
  [
    'white space before a colon is taken away (RFC 9112 §5.1)',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length \t: 2\r\nX :y\r\n\r\nhi`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length:\t  2\r\nX: y\r\n\r\nhi`,
  ],
  [
    '204 has neither body nor length (RFC 9110 §8.6, RFC 9112 §6.1)',
    `HTTP/1.1 204 No Content\r\n${OWN_DATE}\r\nContent-Length: 5\r\n\r\n`,
    `HTTP/1.1 204 No Content\r\n${OWN_DATE}\r\n\r\n`,
  ],
  [
    '204 has no coding either',
    `HTTP/1.1 204 No Content\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `HTTP/1.1 204 No Content\r\n${OWN_DATE}\r\n\r\n`,
  ],
  [
    '304 keeps its length and has no body (RFC 9110 §15.4.5)',
    `HTTP/1.1 304 Not Modified\r\n${OWN_DATE}\r\nContent-Length: 5\r\n\r\n`,
    `HTTP/1.1 304 Not Modified\r\n${OWN_DATE}\r\nContent-Length: 5\r\n\r\n`,
  ],
  [
    'HEAD keeps the length and has no body (RFC 9110 §9.3.2)',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 5\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 5\r\n\r\n`,
    { method: 'HEAD' },
  ],
  [
    'HEAD keeps the coding',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    { method: 'HEAD' },
  ],
  [
    'HEAD in HTTP/1.0 does not hear of a coding',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nConnection: close\r\n${OWN_DATE}\r\n\r\n`,
    { method: 'HEAD', version: 'HTTP/1.0', lines: 'Connection: keep-alive\r\n' },
  ],
  [
    'a chunked body goes on as it came',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n\r\n`,
  ],
  [
    'trailers go on without those that must not be there (RFC 9110 §6.5.1)',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nContent-Length: 5\r\nSet-Cookie: x\r\nC:d\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n`,
  ],
  [
    '426 says which protocol it wants (RFC 9110 §15.5.22)',
    `HTTP/1.1 426 Upgrade Required\r\n${OWN_DATE}\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n`,
    `HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\n${OWN_DATE}\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n`,
  ],
  [
    'interim responses go on, without a length',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 3\r\nConnection: x\r\nX: y\r\n\r\nHTTP/1.1 204 No Content\r\n${OWN_DATE}\r\n\r\n`,
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n${OWN_DATE}\r\n\r\n`,
  ],
  [
    'interim responses do not go to HTTP/1.0 (RFC 9110 §15.2)',
    `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n${OWN_DATE}\r\n\r\n`,
    `HTTP/1.1 204 No Content\r\nConnection: close\r\n${OWN_DATE}\r\n\r\n`,
    { version: 'HTTP/1.0' },
  ],
  [
    '101 opens a tunnel that was asked for',
    'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: y\r\n\r\nbytes\r\n',
    'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\nbytes\r\n',
    { lines: 'Connection: upgrade\r\nUpgrade: websocket\r\n' },
  ],
  [
    'a body that the close ends closes for HTTP/1.0',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\n\r\nhi`,
    `HTTP/1.1 200 OK\r\nConnection: close\r\n${OWN_DATE}\r\n\r\nhi`,
    { version: 'HTTP/1.0', lines: 'Connection: keep-alive\r\n', closes: true },
  ],
  [
    'a chunked body loses its framing for HTTP/1.0',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nConnection: close\r\n${OWN_DATE}\r\n\r\nhi`,
    { version: 'HTTP/1.0', lines: 'Connection: keep-alive\r\n' },
  ],
  [
    'bytes behind the response are no part of it',
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 Poison\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`,
  ],
];

for (const [name, response, client, given] of responses) {
  test(`response: ${name}`, () => assert.equal(clientGets(response, given), client));
}

test('response: a body that the close ends is chunked for HTTP/1.1', () => {
  const { text, state } = relay(['HTTP/1.1 200 OK\r\n\r\nh', 'ello'], { closes: true });
  assert.equal(
    text,
    `HTTP/1.1 200 OK\r\n${DATE}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4\r\nello\r\n0\r\n\r\n`,
  );
  assert.equal(state, 'open');
});

test('response: a truncated body does not end as if it were whole', () => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel';
  const { text, state } = relay([chunked], { closes: true });
  assert.ok(text.endsWith('5\r\nhel'));
  assert.notEqual(state, 'open');
  assert.equal(relay([chunked], { closes: true, version: 'HTTP/1.0' }).state, 'destroyed');
});

const broken: [name: string, response: string][] = [
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi'],
  [
    'length and coding',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
  ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['bare CR', 'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n'],
  ['NUL', 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n'],
  ['text before a colon', 'HTTP/1.1 200 OK\r\nA b: c\r\n\r\n'],
  ['status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
  ['upgrade that nobody asked for', 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
  ['endless head', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(40_000)}`],
];

for (const [name, response] of broken) {
  test(`a broken response is 502: ${name}`, () => {
    const step = Math.ceil(response.length / 100);
    for (let at = step; at <= response.length; at += step) {
      const pieces = [response.slice(0, at), response.slice(at), '\n'];
      const { text } = relay(pieces, {});
      assert.ok(text.startsWith('HTTP/1.1 502 Bad Gateway\r\n'), text);
      assert.match(text, /\(bad_response\)/);
    }
  });
}

test('response: of any header lines only those of the hop are left out, and order is kept', () => {
  const hop = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Upgrade', 'HTTP2-Settings'];
  const own = ['A', 'B', 'Vary', 'Set-Cookie', 'Via', 'ETag', 'X-Request-Id', 'Connect', 'Trailer'];
  const name = fc
    .constantFrom(...hop, ...own)
    .chain((one) => fc.constantFrom(one, one.toLowerCase(), one.toUpperCase()));
  const value = fc.constantFrom('', 'x', 'a', 'b, c', 'close', ' \t', '\xff');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value), { maxLength: 12 }),
      fc.boolean(),
      (fields, dated) => {
        const date = dated ? `${OWN_DATE}\r\n` : '';
        const lines = fields.map(([one, text]) => `${one}: ${text}\r\n`);
        const { text } = relay(
          [`HTTP/1.1 200 OK\r\n${lines.join('')}${date}Content-Length: 2\r\n\r\nhi`],
          {},
        );
        const options = new Set(
          fields
            .filter(([one]) => one.toLowerCase() === 'connection')
            .flatMap(([, list]) => list.split(',').map((option) => option.trim())),
        );
        const kept = lines.filter((_, index) => {
          const lower = fields[index]![0].toLowerCase();
          return !hop.some((one) => one.toLowerCase() === lower) && !options.has(lower);
        });
        const added = dated ? '' : `${DATE}\r\n`;
        assert.equal(
          text,
          `HTTP/1.1 200 OK\r\n${added}${kept.join('')}${date}Content-Length: 2\r\n\r\nhi`,
        );
      },
    ),
    { ...FUZZ, numRuns: 500 },
  );
});

/** The header lines that a server is sent. */
function serverGets(lines: string, peerIsTrusted: boolean, options: WireOptions = {}): string[] {
  const wire = new Wire({ peerIsTrusted, ...options });
  wire.clientSends(Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`, 'latin1'));
  return wire.sent[0]!.slice(0, -4).split('\r\n').slice(1);
}

test("a trusted proxy's forwarding headers are kept, and the peer appended", () => {
  const sent = serverGets(
    'X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.test\r\nForwarded: for=2.2.2.2\r\nX-Request-Id: mine\r\n',
    true,
  );
  assert.deepEqual(sent, [
    'Host: a.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: b.test',
    'X-Request-Id: mine',
    'X-Forwarded-For: 1.1.1.1, 2.2.2.2, 203.0.113.7',
    'Forwarded: for=2.2.2.2, for=203.0.113.7;host=a.test;proto=http',
    'Via: 1.1 openclaw',
  ]);
});

/** X-Forwarded-For and Forwarded as a server gets them from a trusted peer. */
function chainsFor(lines: string, wire: WireOptions = {}): string[] {
  return serverGets(lines, true, wire).filter((line) =>
    /^(x-forwarded-for|forwarded):/i.test(line),
  );
}

const OWN = 'for=203.0.113.7;host=a.test;proto=http';
const chains: [name: string, lines: string, chains: string[], wire?: WireOptions][] = [
  [
    'X-Forwarded-For alone: Forwarded says the same of the client',
    'X-Forwarded-For: x, 2001:db8::1\r\n',
    ['X-Forwarded-For: x, 2001:db8::1, 203.0.113.7', `Forwarded: for="[2001:db8::1]", ${OWN}`],
  ],
  [
    'Forwarded alone: X-Forwarded-For says the same of the client',
    'Forwarded: for=1.1.1.1, for="2.2.2.2:80";host="a,b"\r\n',
    [
      'X-Forwarded-For: 2.2.2.2, 203.0.113.7',
      `Forwarded: for=1.1.1.1, for="2.2.2.2:80";host="a,b", ${OWN}`,
    ],
  ],
  [
    'empty elements are not passed on',
    'X-Forwarded-For: , 1.1.1.1,\r\nX-Forwarded-For:\r\n',
    ['X-Forwarded-For: 1.1.1.1, 203.0.113.7', `Forwarded: for=1.1.1.1, ${OWN}`],
  ],
  [
    'headers that disagree are passed on as little as they are believed',
    'X-Forwarded-For: 1.1.1.1\r\nForwarded: for=2.2.2.2\r\n',
    ['X-Forwarded-For: 203.0.113.7', `Forwarded: ${OWN}`],
  ],
  [
    'a client that its proxy hides stays hidden',
    'Forwarded: for=_secret\r\n',
    ['X-Forwarded-For: unknown, 203.0.113.7', `Forwarded: for=_secret, ${OWN}`],
  ],
  [
    'a trusted proxy on a unix socket adds no address, for it has none',
    'X-Forwarded-For: 1.1.1.1\r\n',
    ['X-Forwarded-For: 1.1.1.1', 'Forwarded: for=1.1.1.1'],
    { peerAddress: 'unix' },
  ],
  [
    'a client on a unix socket is an unknown one',
    '',
    ['Forwarded: for=unknown;host=a.test;proto=http'],
    { peerAddress: 'unix' },
  ],
];
for (const [name, lines, expected, wire] of chains) {
  test(`forwarding, ${name}`, () => assert.deepEqual(chainsFor(lines, wire), expected));
}

test('an untrusted peer of a unix socket is no address that a server could read', () => {
  const sent = serverGets('X-Forwarded-For: 1.1.1.1\r\n', false, { peerAddress: 'unix' });
  assert.deepEqual(
    sent.filter((line) => /^(x-forwarded-for|forwarded):/i.test(line)),
    ['Forwarded: for=unknown;host=a.test;proto=http'],
  );
});

test('what a trusted proxy writes of the client is refused where it is malformed', () => {
  const wire = new Wire({ peerIsTrusted: true });
  wire.clientSends(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nForwarded: for="\r\n\r\n'));
  assert.match(wire.client.text, /^HTTP\/1\.1 400 .*bad_forwarding_header/s);
  assert.deepEqual(wire.sent, []);
});

test('a trusted proxy that says nothing, or sends empty headers, is the first of the list', () => {
  const lines = [
    'X-Forwarded-For: 203.0.113.7',
    'Forwarded: for=203.0.113.7;host=a.test;proto=http',
  ];
  for (const given of ['', 'X-Forwarded-For:\r\nForwarded:\r\n']) {
    const sent = serverGets(given, true);
    for (const line of lines) assert.ok(sent.includes(line), sent.join('\n'));
    assert.ok(
      sent.includes('X-Forwarded-Proto: http') && sent.includes('X-Forwarded-Host: a.test'),
    );
  }
});

test("a client's own word on its certificate stops here, a trusted proxy's goes on (RFC 9440 §4)", () => {
  const lines = 'cLient-Cert: :AA==:\r\nClient-Cert-Chain: :AA==:\r\nClient-Certificate: x\r\n';
  const certificates = (isTrusted: boolean) =>
    serverGets(lines, isTrusted).filter((line) => /^client-/i.test(line));
  assert.deepEqual(certificates(false), ['Client-Certificate: x']);
  assert.deepEqual(certificates(true), [
    'cLient-Cert: :AA==:',
    'Client-Cert-Chain: :AA==:',
    'Client-Certificate: x',
  ]);
});

/** By what proxies tell servers of a client, beside the headers that openclaw writes itself. */
const CLAIMS = [
  'X-Real-IP: 1.1.1.1',
  'x-forwarded-port: 443',
  'X-Forwarded-Prefix: /admin',
  'X-FORWARDED-SERVER: a',
  'X-Forwarded-Ssl: on',
  'X-Forwarded-Scheme: https',
  'X-Forwarded-Protocol: ssl',
  'X-Forwarded-User: root',
  'X-Forwarded-Tls-Client-Cert: MII',
  'X-Client-IP: 1.1.1.1',
  'X-Cluster-Client-Ip: 1.1.1.1',
  'Client-IP: 1.1.1.1',
  'True-Client-Ip: 1.1.1.1',
  'X-Scheme: https',
  'x-url-scheme: https',
  'Front-End-Https: on',
];

test('a client does not say what a proxy would say of it', () => {
  const given = CLAIMS.map((line) => `${line}\r\n`).join('');
  // Connection cannot take away what a trusted proxy said.
  const lines = `${given}Connection: x-real-ip, x-forwarded-port\r\nX-Forwarder: 1\r\n`;
  const claims = (isTrusted: boolean) =>
    serverGets(lines, isTrusted).filter((line) => [...CLAIMS, 'X-Forwarder: 1'].includes(line));
  assert.deepEqual(claims(false), ['X-Forwarder: 1']);
  assert.deepEqual(claims(true), [...CLAIMS, 'X-Forwarder: 1']);
});

test("such a name in a server's answer, however it ends, is the server's own business", () => {
  const lines = `${CLAIMS.join('\r\n')}\r\n${OWN_DATE}\r\nContent-Length: 0\r\n`;
  const { text } = relay([`HTTP/1.1 200 OK\r\n${lines}\r\n`], {});
  assert.equal(text, `HTTP/1.1 200 OK\r\n${lines}\r\n`);
});

const SPOOFS = [
  'X_Forwarded_For: 1.1.1.1',
  'x_forwarded-for: 1.1.1.1',
  'X.Forwarded.Proto: https',
  'X-Forwarded_Host: b',
  'CLIENT_CERT: :AA==:',
  'client-cert_chain: :AA==:',
  'Content_Length: 5',
  'transfer_encoding: chunked',
  'Content_Type: a/b',
  'X_Request_Id: 1',
  'x-middleware-subrequest: middleware',
  'X_Middleware_Subrequest: middleware',
  'X_Real_IP: 1.1.1.1',
  'X-Forwarded_Port: 443',
  'x-forwarded-tls_client-cert: MII',
  'Client_IP: 1.1.1.1',
];
const HARMLESS = [
  'X_Custom: 1',
  'X_Forwarded: 1',
  'Content_Lengths: 1',
  'User_Agent: x',
  'Proxy-Y: 1',
];

for (const peerIsTrusted of [false, true]) {
  test(`what a server takes for the word of a proxy stops here, peer trusted: ${peerIsTrusted}`, () => {
    const given = [...SPOOFS, 'Proxy: http://evil', ...HARMLESS];
    const sent = serverGets(given.map((line) => `${line}\r\n`).join(''), peerIsTrusted);
    assert.deepEqual(
      given.filter((line) => sent.includes(line)),
      HARMLESS,
    );
  });
}

test('spoofable headers pass where the configuration wants them, but not Proxy', () => {
  const given = [...SPOOFS, 'pRoxy: http://evil'];
  const lines = given.map((line) => `${line}\r\n`).join('');
  const sent = serverGets(lines, false, { keepsSpoofable: true });
  assert.deepEqual(
    given.filter((line) => sent.includes(line)),
    SPOOFS,
  );
});

test("a spoofable name in a server's answer is the server's own business", () => {
  const lines = `${SPOOFS.join('\r\n')}\r\nProxy: x\r\n${OWN_DATE}\r\nContent-Length: 0\r\n`;
  const { text } = relay([`HTTP/1.1 200 OK\r\n${lines}\r\n`], {});
  assert.equal(text, `HTTP/1.1 200 OK\r\n${lines}\r\n`);
});

test('a response has limits of its own', () => {
  const answer = (lines: string) =>
    relay([`HTTP/1.1 200 OK\r\n${lines}Content-Length: 0\r\n\r\n`], {});
  const { fields, headBytes } = DEFAULT_RESPONSE_LIMITS;
  assert.match(answer('A: b\r\n'.repeat(fields - 1)).text, /^HTTP\/1\.1 200 OK/);
  assert.match(answer(`A: ${'b'.repeat(headBytes - 100)}\r\n`).text, /^HTTP\/1\.1 200 OK/);
  for (const lines of ['A: b\r\n'.repeat(fields), `A: ${'b'.repeat(headBytes)}\r\n`]) {
    assert.match(answer(lines).text, /^HTTP\/1\.1 502 .*\(response_head_too_large\)/s);
  }
});

test('a client that leaves before its Upgrade is answered takes the server connection along', () => {
  const wire = new Wire();
  const upgrade = 'Connection: Upgrade\r\nUpgrade: toy\r\n';
  wire.clientSends(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`));
  assert.equal(wire.servers[0]!.stream.state, 'open');
  wire.clientEnds();
  assert.equal(wire.servers[0]!.stream.state, 'destroyed');
  assert.equal(wire.client.state, 'destroyed');
});

test('a client that has said all it has to say still gets its answer', () => {
  const wire = new Wire();
  wire.clientSends(
    Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nUpgrade: toy\r\n\r\n'),
  );
  wire.clientEnds();
  wire.serverSends(`HTTP/1.1 200 OK\r\n${OWN_DATE}\r\nContent-Length: 2\r\n\r\nhi`);
  assert.match(wire.client.text, /hi$/);
});

test('Via is appended to those that were there', () => {
  const sent = serverGets('Via: 1.0 first\r\n', false);
  assert.deepEqual(
    sent.filter((line) => line.startsWith('Via')),
    ['Via: 1.0 first', 'Via: 1.1 openclaw'],
  );
});

test('forwarding lines follow the Host and the version of each request of a connection', () => {
  const wire = new Wire();
  const hosts = ['a.test', 'b.test:80', 'b.test:80', 'b.test:80', '[::1]'];
  for (const [index, host] of hosts.entries()) {
    const version = index === 2 ? 'HTTP/1.0\r\nConnection: keep-alive' : 'HTTP/1.1';
    wire.clientSends(Buffer.from(`GET / ${version}\r\nHost: ${host}\r\n\r\n`));
    wire.serverSends('HTTP/1.1 204 No Content\r\n\r\n');
    const sent = wire.sent[index]!.split('\r\n');
    const quoted = /^[\w.]+$/.test(host) ? host : `"${host}"`;
    assert.ok(sent.includes(`X-Forwarded-Host: ${host}`));
    assert.ok(sent.includes(`Forwarded: for=203.0.113.7;host=${quoted};proto=http`));
    assert.ok(sent.includes(index === 2 ? 'Via: 1.0 openclaw' : 'Via: 1.1 openclaw'));
  }
});

function answersOf(bytes: string): { text: string; servers: number } {
  const wire = new Wire();
  wire.clientSends(Buffer.from(bytes));
  return { text: wire.client.text, servers: wire.servers.length };
}

test('Max-Forwards: 0 is answered here and not sent on (RFC 9110 §7.6.2)', () => {
  const options = answersOf('OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n');
  assert.match(options.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nAllow: GET, /);
  const trace = answersOf('TRACE /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n');
  assert.match(trace.text, /^HTTP\/1\.1 405 /);
  assert.deepEqual([options.servers, trace.servers], [0, 0]);
});

test('CONNECT is answered here and not sent on', () => {
  const { text, servers } = answersOf('CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: /);
  assert.equal(servers, 0);
});

test('an absolute target is taken apart, or is none', () => {
  assert.deepEqual(parseAbsoluteTarget('HTTP://a.test:80/b?c'), {
    authority: 'a.test:80',
    path: '/b?c',
    isBare: false,
  });
  assert.deepEqual(parseAbsoluteTarget('https://[::1]'), {
    authority: '[::1]',
    path: '/',
    isBare: true,
  });
  for (const target of [
    '/',
    '*',
    'http:/a',
    'http://',
    'http:///',
    'http://a b/',
    'ws://a/',
    'http://[a',
    'http://a:b/',
  ]) {
    assert.equal(parseAbsoluteTarget(target), undefined, target);
  }
});
