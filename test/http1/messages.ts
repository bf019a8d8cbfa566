/** Arbitrary requests for the fuzzers: nearly well formed, with the shapes that parsers differ on. */
import fc from 'fast-check';

const latin1 = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map((code) => String.fromCharCode(code));

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'TRACE', 'CONNECT', 'M-SEARCH', 'get'];
const TARGETS = [
  '/',
  '/a/b?c=d',
  '//x',
  '*',
  '/%00%2f',
  'http://b.test/x',
  'HTTP://b.test',
  'https://[::1]:8/?q',
  'http://b.test:/',
  'ftp://b.test/',
  'http://',
  'a.test:80',
  '/#a',
  '/\x80',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
];
const LINES = [
  'Host: a.test',
  'host:b.test:80',
  'Host:',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 00012',
  'content-length:5, 5',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tChunked ',
  'Transfer-Encoding: gzip, chunked',
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Connection: host, content-length, x-a, transfer-encoding, via',
  'Connection: TE,,',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'TE: trailers',
  'Trailer: X-A',
  'Keep-Alive: 5',
  'Proxy-Connection: x',
  'X-A: 1',
  'x-a:\t2 \t',
  'X-Forwarded-For: 1.1.1.1',
  'X-Forwarded-Host: evil.test',
  'Forwarded: for=1.1.1.1',
  'Via: 1.1 x',
  'X-Request-Id: mine',
  'Max-Forwards: 3',
  'Max-Forwards: 0',
  'Empty:',
  'Obs: \x80\xff',
  ' folded',
  'Bad : x',
  'Nul: \0',
  ': x',
  'Hostile',
];
const BODIES = [
  '',
  'hello',
  'GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  '5;a="b\\"";c\r\nhello\r\n00\r\nX-T: 1\r\nHost: evil\r\n\r\n',
  '1\r\na\r\nA\r\n0123456789\r\n0\r\n\r\n',
  '5\nhello\r\n0\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  'ffffffffffffffff\r\n',
];

/** Mostly CRLF. */
const lineEnd = fc.oneof(
  { weight: 30, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n') },
);
const space = fc.oneof(
  { weight: 30, arbitrary: fc.constant(' ') },
  { weight: 1, arbitrary: fc.constantFrom('  ', '\t', '\x0b', '') },
);
const value = fc.string({
  unit: fc.oneof(latin1(0x20, 0x7e), latin1(0x80, 0xff), fc.constant('\t')),
  maxLength: 12,
});
const name = fc.string({
  unit: fc.constantFrom(...'aZ09!#$%&*+-.^_|~'),
  minLength: 1,
  maxLength: 8,
});
const line = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...LINES) },
  { weight: 2, arbitrary: fc.tuple(name, value).map(([left, right]) => `${left}:${right}`) },
);
const HOST_LINE = fc.oneof(
  { weight: 9, arbitrary: fc.constant('Host: a.test\r\n') },
  { weight: 1, arbitrary: fc.constant('') },
);

const request = fc
  .tuple(
    fc.tuple(fc.constantFrom(...METHODS), space, fc.constantFrom(...TARGETS), space),
    fc.tuple(fc.constantFrom(...VERSIONS), lineEnd, HOST_LINE),
    fc.array(fc.tuple(line, lineEnd), { maxLength: 5 }),
    fc.tuple(lineEnd, fc.constantFrom(...BODIES)),
  )
  .map((parts) => parts.flat(2).join(''));

/** Changes one byte, takes it out, or puts one in. */
const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('replace', 'remove', 'insert'),
  char: fc.oneof(fc.constantFrom('\r', '\n', ' ', '\t', ':', ',', '\0', '0', ';'), latin1(0, 255)),
});

/** One to three requests, one after the other, with up to two mutations. */
export const requestBytes = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 3 }),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(mutation, { maxLength: 2 }) },
    ),
  )
  .map(([requests, mutations]) => {
    let text = requests.join('');
    for (const { at, kind, char } of mutations) {
      const place = at % (text.length + 1);
      const rest = text.slice(kind === 'insert' ? place : place + 1);
      text = text.slice(0, place) + (kind === 'remove' ? '' : char) + rest;
    }
    return Buffer.from(text, 'latin1');
  });

/** Bytes in pieces; numbers say where the cuts are, one at least. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
}

export const places = fc.array(fc.nat(), { maxLength: 8 });

/** Fixed, so that a run is repeatable; another seed by the environment. */
export const FUZZ = {
  seed: Number(process.env.OPENCLAW_FUZZ_SEED ?? 20260101),
  numRuns: Number(process.env.OPENCLAW_FUZZ_RUNS ?? 1500),
};
