/** Requests that are well formed, or can be read in one way only, and what the server is sent. */

const HOST = 'Host: a.test\r\n';
const GET = `GET / HTTP/1.1\r\n${HOST}`;
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

export interface Sent {
  /** The request line. */
  line: string;
  /** Header lines that must be there, each whole. */
  has?: string[];
  /** Header names, in lower case, that must not. */
  lacks?: string[];
  /** The body without chunk framing; empty by default. */
  payload?: string;
}

export interface Accepted {
  name: string;
  bytes: string;
  /** A request for each that is sent on, in order. */
  sent: Sent[];
  /** Whether the client's connection is kept; true by default. */
  keeps?: boolean;
  why: string;
}

const ROOT = 'GET / HTTP/1.1';
const PLAIN: Sent[] = [{ line: ROOT, has: ['Host: a.test'] }];
const HELLO: Sent = { line: 'POST / HTTP/1.1', payload: 'hello' };

export const ACCEPTED: readonly Accepted[] = [
  // Request line
  { name: 'the plainest request', bytes: `${GET}\r\n`, sent: PLAIN, why: 'RFC 9112 §2.1' },
  {
    name: 'empty lines before a request',
    bytes: `\r\n\r\n${GET}\r\n`,
    sent: PLAIN,
    why: 'passed over (RFC 9112 §2.2)',
  },
  {
    name: 'empty line between requests',
    bytes: `${POST}Content-Length: 5\r\n\r\nhello\r\n${GET}\r\n`,
    sent: [HELLO, ...PLAIN],
    why: 'old clients send CRLF after a body (RFC 9112 §2.2)',
  },
  {
    name: 'unknown method',
    bytes: `M-SEARCH /x HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: 'M-SEARCH /x HTTP/1.1' }],
    why: 'methods are for the server to know',
  },
  {
    name: 'method of 64 odd letters',
    bytes: `${"!#$%&'*+-.^_`|~0aZ".padEnd(64, 'm')} / HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: `${"!#$%&'*+-.^_`|~0aZ".padEnd(64, 'm')} / HTTP/1.1` }],
    why: 'a method is any token',
  },
  {
    name: 'lower-case method',
    bytes: `get / HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: 'get / HTTP/1.1' }],
    why: 'methods are case-sensitive: get is another method than GET',
  },
  {
    name: 'a higher minor version',
    bytes: `GET / HTTP/1.7\r\n${HOST}\r\n`,
    sent: PLAIN,
    why: 'read as the highest that is known (RFC 9110 §2.5)',
  },
  {
    name: 'percent-encoded target',
    bytes: `GET /%2e%2E/a%00%2F;p=1?q=%20&r=//[x] HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: 'GET /%2e%2E/a%00%2F;p=1?q=%20&r=//[x] HTTP/1.1' }],
    why: 'goes on byte for byte',
  },
  {
    name: 'target that begins with two slashes',
    bytes: `GET //b.test/x HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: 'GET //b.test/x HTTP/1.1', has: ['Host: a.test'] }],
    why: 'origin-form: a path whose first segment is empty',
  },
  {
    name: 'target of 16,000 bytes',
    bytes: `GET /${'a'.repeat(15_999)} HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: `GET /${'a'.repeat(15_999)} HTTP/1.1` }],
    why: 'within the limit; RFC 9112 §3 asks for 8,000',
  },
  {
    name: 'OPTIONS *',
    bytes: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
    sent: [{ line: 'OPTIONS * HTTP/1.1', has: ['Host: a.test'] }],
    why: 'asterisk-form (RFC 9112 §3.2.4)',
  },
  // Absolute-form
  {
    name: 'absolute-form',
    bytes: 'GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n',
    sent: [{ line: 'GET /x?y HTTP/1.1', has: ['Host: a.test'] }],
    why: 'every server must accept it (RFC 9112 §3.2.2)',
  },
  {
    name: 'absolute-form beside another Host',
    bytes: 'GET http://b.test:81/x HTTP/1.1\r\nHost: a.test\r\n\r\n',
    sent: [{ line: 'GET /x HTTP/1.1', has: ['Host: b.test:81', 'X-Forwarded-Host: b.test:81'] }],
    why: 'the Host field is ignored and replaced (RFC 9112 §3.2.2)',
  },
  {
    name: 'absolute-form beside an empty Host',
    bytes: 'GET http://b.test/ HTTP/1.1\r\nHost:\r\n\r\n',
    sent: [{ line: 'GET / HTTP/1.1', has: ['Host: b.test'] }],
    why: 'the Host field is ignored and replaced (RFC 9112 §3.2.2)',
  },
  {
    name: 'absolute-form with a scheme in capitals',
    bytes: 'GET HTTPS://A.test HTTP/1.1\r\nHost: a.test\r\n\r\n',
    sent: [{ line: 'GET / HTTP/1.1', has: ['Host: A.test'] }],
    why: 'schemes are case-insensitive; an empty path is sent as a slash (RFC 9112 §3.2.1)',
  },
  {
    name: 'absolute-form with a query and no path',
    bytes: 'GET http://a.test?x HTTP/1.1\r\nHost: a.test\r\n\r\n',
    sent: [{ line: 'GET /?x HTTP/1.1' }],
    why: 'an empty path is sent as a slash (RFC 9112 §3.2.1)',
  },
  {
    name: 'absolute-form with an IPv6 literal',
    bytes: 'GET http://[2001:db8::1]:8080/ HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n',
    sent: [{ line: 'GET / HTTP/1.1', has: ['Host: [2001:db8::1]:8080'] }],
    why: 'an IP literal in brackets (RFC 3986 §3.2.2)',
  },
  {
    name: 'absolute-form with OPTIONS and no path',
    bytes: 'OPTIONS http://a.test:8001 HTTP/1.1\r\nHost: a.test\r\n\r\n',
    sent: [{ line: 'OPTIONS * HTTP/1.1', has: ['Host: a.test:8001'] }],
    why: 'the last proxy sends asterisk-form (RFC 9112 §3.2.4)',
  },
  {
    name: 'absolute-form with OPTIONS and a path',
    bytes: 'OPTIONS http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n',
    sent: [{ line: 'OPTIONS / HTTP/1.1' }],
    why: 'asterisk-form only where path and query are empty (RFC 9112 §3.2.4)',
  },
  {
    name: 'absolute-form in HTTP/1.0 without Host',
    bytes: 'GET http://a.test/ HTTP/1.0\r\n\r\n',
    sent: [{ line: ROOT, has: ['Host: a.test'] }],
    keeps: false,
    why: 'HTTP/1.0 needs no Host',
  },
  // Host
  ...[
    'a.test:80',
    'a.test:',
    'A.TEST',
    '127.0.0.1',
    '[::1]',
    '[::ffff:192.0.2.1]:8080',
    '[v1.a:b]',
    'xn--bcher-kva.test',
    'a_b.test.',
    "a!$&'()*+;=~%41-.test",
  ].map(
    (host): Accepted => ({
      name: `Host: ${host}`,
      bytes: `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      sent: [{ line: ROOT, has: [`Host: ${host}`] }],
      why: 'uri-host [ ":" port ] (RFC 9110 §7.2)',
    }),
  ),
  {
    name: 'HTTP/1.0 without Host',
    bytes: 'GET / HTTP/1.0\r\n\r\n',
    sent: [{ line: ROOT, has: ['Host: 198.51.100.1:8080', 'Via: 1.0 openclaw'] }],
    keeps: false,
    why: 'the server is spoken to in HTTP/1.1, which needs one: the address that was reached',
  },
  // Header lines
  {
    name: 'empty value',
    bytes: `${GET}A:\r\nB: \t \r\n\r\n`,
    sent: [{ line: ROOT, has: ['A:', 'B: \t '] }],
    why: 'a value may be empty (RFC 9110 §5.5)',
  },
  {
    name: 'white space around a value',
    bytes: `${GET}A: \t  b \t c \t\r\nD:e\r\n\r\n`,
    sent: [{ line: ROOT, has: ['A: \t  b \t c \t', 'D:e'] }],
    why: 'OWS is no part of the value (RFC 9112 §5.1)',
  },
  {
    name: 'white space around Host and Content-Length',
    bytes: 'POST / HTTP/1.1\r\nHost:\t a.test \t\r\nContent-Length: \t5\t \r\n\r\nhello',
    sent: [HELLO],
    why: 'OWS is no part of the value (RFC 9112 §5.1)',
  },
  {
    name: 'obs-text in a value',
    bytes: `${GET}A: \x80\xe9\xff\r\n\r\n`,
    sent: [{ line: ROOT, has: ['A: \x80\xe9\xff'] }],
    why: 'opaque data (RFC 9110 §5.5)',
  },
  {
    name: 'a name of every token character',
    bytes: `${GET}!#$%&'*+-.^_\`|~0aZ: b\r\n\r\n`,
    sent: [{ line: ROOT, has: ["!#$%&'*+-.^_`|~0aZ: b"] }],
    why: 'a name is any token (RFC 9110 §5.6.2)',
  },
  {
    name: 'underscores in names that would frame or route with dashes',
    bytes: `${POST}Content_Length: 9\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello`,
    sent: [{ ...HELLO, lacks: ['content_length', 'transfer_encoding'] }],
    why: 'other names (RFC 9110 §5.1): they frame nothing here, and a server that reads them as the real ones does not get them',
  },
  {
    name: 'colons in a value',
    bytes: `${GET}A: :b:c: d\r\nB::\r\n\r\n`,
    sent: [{ line: ROOT, has: ['A: :b:c: d', 'B::'] }],
    why: 'the first colon ends the name',
  },
  {
    name: 'a name of 5,000 and a value of 20,000 letters',
    bytes: `${GET}${'n'.repeat(5_000)}: ${'v'.repeat(20_000)}\r\n\r\n`,
    sent: [{ line: ROOT, has: [`${'n'.repeat(5_000)}: ${'v'.repeat(20_000)}`] }],
    why: 'long but within the head limit',
  },
  {
    name: '200 header lines',
    bytes: `${GET}${'A: b\r\n'.repeat(199)}\r\n`,
    sent: [{ line: ROOT, has: ['A: b'] }],
    why: 'as many as the limit allows',
  },
  {
    name: 'repeated lines of one name',
    bytes: `${GET}A: b\r\na: c\r\nCookie: x=1\r\nCookie: y=2\r\n\r\n`,
    sent: [{ line: ROOT, has: ['A: b', 'a: c', 'Cookie: x=1', 'Cookie: y=2'] }],
    why: 'order and number of lines are kept (RFC 9110 §5.3)',
  },
  // Hop-by-hop
  {
    name: 'what Connection names stops here',
    bytes: `${GET}Connection: A , keep-alive\r\nConnection:\tb\r\nA: 1\r\nB: 2\r\nAB: 3\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n\r\n`,
    sent: [
      {
        line: ROOT,
        has: ['AB: 3'],
        lacks: ['connection', 'a', 'b', 'keep-alive', 'proxy-connection'],
      },
    ],
    why: 'RFC 9110 §7.6.1',
  },
  {
    name: 'Connection cannot take away what routes or frames',
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nConnection: host, content-length, x-forwarded-for, x-forwarded-host, x-forwarded-proto, forwarded, via, x-request-id\r\n\r\nhello`,
    sent: [
      {
        ...HELLO,
        has: [
          'Host: a.test',
          'Content-Length: 5',
          'X-Forwarded-For: 203.0.113.7',
          'Via: 1.1 openclaw',
        ],
      },
    ],
    why: 'a client would unsay what it said, or what we say of it',
  },
  {
    name: 'Connection: close, keep-alive',
    bytes: `${GET}Connection: close, keep-alive\r\n\r\n`,
    sent: PLAIN,
    keeps: false,
    why: 'close wins (RFC 9112 §9.3)',
  },
  {
    name: 'Connection: close among several lines',
    bytes: `${GET}Connection: keep-alive\r\nConnection: ,,CLOSE,\r\n\r\n`,
    sent: PLAIN,
    keeps: false,
    why: 'options are case-insensitive, empty list elements are passed over (RFC 9110 §5.6.1)',
  },
  {
    name: 'HTTP/1.0',
    bytes: `GET / HTTP/1.0\r\n${HOST}\r\n`,
    sent: PLAIN,
    keeps: false,
    why: 'HTTP/1.0 closes (RFC 9112 §9.3)',
  },
  {
    name: 'HTTP/1.0 with keep-alive',
    bytes: `GET / HTTP/1.0\r\n${HOST}Connection: Keep-Alive\r\n\r\n`,
    sent: PLAIN,
    why: 'RFC 9112 §9.3',
  },
  {
    name: 'forged forwarding headers',
    bytes: `${GET}X-Forwarded-For: 1.2.3.4\r\nX-FORWARDED-PROTO: https\r\nX-Forwarded-Host: b.test\r\nForwarded: for=1.2.3.4\r\n\r\n`,
    sent: [
      {
        line: ROOT,
        has: [
          'X-Forwarded-For: 203.0.113.7',
          'X-Forwarded-Proto: http',
          'X-Forwarded-Host: a.test',
          'Forwarded: for=203.0.113.7;host=a.test;proto=http',
        ],
      },
    ],
    why: 'replaced unless the peer is trusted',
  },
  {
    name: 'TE: trailers',
    bytes: `${GET}TE: gzip, trailers;q=0.5\r\nConnection: TE\r\n\r\n`,
    sent: [{ line: ROOT, has: ['Connection: TE', 'TE: trailers'] }],
    why: 'trailers are passed on, and gzip is not understood (RFC 9110 §10.1.4)',
  },
  {
    name: 'Upgrade: websocket',
    bytes: `${GET}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    sent: [{ line: ROOT, has: ['Connection: Upgrade', 'Upgrade: websocket'] }],
    why: 'RFC 9110 §7.8, RFC 6455 §4.1',
  },
  {
    name: 'Upgrade: h2c',
    bytes: `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    sent: [{ line: ROOT, lacks: ['connection', 'upgrade', 'http2-settings'] }],
    why: 'answered in HTTP/1.1: an HTTP/2 tunnel would go past every check here',
  },
  {
    name: 'Upgrade: h2c in a list',
    bytes: `${GET}Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n\r\n`,
    sent: [{ line: ROOT, lacks: ['connection', 'upgrade'] }],
    why: 'the server might choose h2c',
  },
  {
    name: 'Upgrade that Connection does not name',
    bytes: `${GET}Upgrade: websocket\r\n\r\n`,
    sent: [{ line: ROOT, lacks: ['connection', 'upgrade'] }],
    why: 'not meant for this hop (RFC 9110 §7.8)',
  },
  {
    name: 'Upgrade in HTTP/1.0',
    bytes: `GET / HTTP/1.0\r\n${HOST}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    sent: [{ line: ROOT, lacks: ['connection', 'upgrade'] }],
    keeps: false,
    why: 'must be ignored (RFC 9110 §7.8)',
  },
  {
    name: 'Max-Forwards with OPTIONS',
    bytes: `OPTIONS /x HTTP/1.1\r\n${HOST}Max-Forwards: 010\r\n\r\n`,
    sent: [{ line: 'OPTIONS /x HTTP/1.1', has: ['Max-Forwards: 9'] }],
    why: 'one less at each hop (RFC 9110 §7.6.2)',
  },
  {
    name: 'Max-Forwards with GET',
    bytes: `${GET}Max-Forwards: 0\r\n\r\n`,
    sent: [{ line: ROOT, has: ['Max-Forwards: 0'] }],
    why: 'defined for OPTIONS and TRACE only (RFC 9110 §7.6.2)',
  },
  // Bodies
  {
    name: 'GET with Content-Length: 0',
    bytes: `${GET}Content-Length: 0\r\n\r\n`,
    sent: [{ line: ROOT, has: ['Content-Length: 0'] }],
    why: 'odd but well formed',
  },
  {
    name: 'GET with a body',
    bytes: `${GET}Content-Length: 5\r\n\r\nhello`,
    sent: [{ line: ROOT, payload: 'hello' }],
    why: 'no meaning, but framed all the same (RFC 9110 §9.3.1)',
  },
  {
    name: 'POST without a body',
    bytes: `${POST}\r\n`,
    sent: [{ line: 'POST / HTTP/1.1' }],
    why: 'neither length nor coding: no body (RFC 9112 §6.3)',
  },
  {
    name: 'Content-Length with leading zeros',
    bytes: `${POST}Content-Length: 00000000000000000005\r\n\r\nhello`,
    sent: [HELLO],
    why: '1*DIGIT (RFC 9110 §8.6)',
  },
  {
    name: 'two requests in one piece',
    bytes: `${POST}Content-Length: 5\r\n\r\nhello${GET}\r\n`,
    sent: [HELLO, ...PLAIN],
    why: 'pipelining (RFC 9112 §9.3.2)',
  },
  {
    name: 'Expect: 100-Continue',
    bytes: `${POST}Expect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello`,
    sent: [{ ...HELLO, has: ['Expect: 100-Continue'] }],
    why: 'case-insensitive, and passed on (RFC 9110 §10.1.1)',
  },
  {
    name: 'any expectation in HTTP/1.0',
    bytes: `POST / HTTP/1.0\r\n${HOST}Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello`,
    sent: [{ ...HELLO, lacks: ['expect'] }],
    keeps: false,
    why: 'ignored, and not made a real one by passing it on in HTTP/1.1 (RFC 9110 §10.1.1)',
  },
  ...(
    [
      ['lower case', 'chunked', '5\r\nhello\r\n0\r\n\r\n'],
      ['capitals', 'Chunked', '5\r\nhello\r\n0\r\n\r\n'],
      ['white space around the coding', '\t chunked \t', '5\r\nhello\r\n0\r\n\r\n'],
      ['several chunks', 'chunked', '1\r\nh\r\n4\r\nello\r\n0\r\n\r\n'],
      ['sizes in both cases with zeros', 'chunked', '0000000000000000005\r\nhello\r\n000\r\n\r\n'],
      ['extensions', 'chunked', '5;a;b=c;d="e;\\"f\\\\"\r\nhello\r\n0;z\r\n\r\n'],
      ['white space around extensions', 'chunked', '5 \t; a\t=\t"b" ;c\r\nhello\r\n0\r\n\r\n'],
      ['trailers', 'chunked', '5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n'],
    ] as const
  ).map(
    ([name, coding, body]): Accepted => ({
      name: `chunked body, ${name}`,
      bytes: `${POST}Transfer-Encoding: ${coding}\r\n\r\n${body}`,
      sent: [{ ...HELLO, has: ['Transfer-Encoding: chunked'] }],
      why: 'RFC 9112 §7.1',
    }),
  ),
  {
    name: 'empty chunked body before another request',
    bytes: `${CHUNKED}0\r\n\r\n${GET}\r\n`,
    sent: [{ line: 'POST / HTTP/1.1' }, ...PLAIN],
    why: 'RFC 9112 §7.1',
  },
  {
    name: 'data that looks like chunk framing',
    bytes: `${CHUNKED}c\r\n0\r\n\r\nGET / H\r\n0\r\n\r\n`,
    sent: [{ line: 'POST / HTTP/1.1', payload: '0\r\n\r\nGET / H' }],
    why: 'the size alone says where a chunk ends',
  },
];
