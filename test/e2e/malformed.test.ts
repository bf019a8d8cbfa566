/** What is not HTTP: of clients it is refused by its status, of servers it becomes a 502. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answerOk, Openclaw, okWith, type Peer, ScriptedServer, until } from './harness.ts';

let server: ScriptedServer;
let openclaw: Openclaw;

before(async () => {
  server = await ScriptedServer.listen();
  const limits = { head_size: '8k', uri_size: '2k', header_count: 1900 };
  openclaw = await Openclaw.start({ servers: [server.address], limits });
});

after(async () => {
  await openclaw.stop();
  await server.close();
});

const H = 'Host: a.example\r\n';
const SMUGGLED = `GET /smuggled HTTP/1.1\r\n${H}\r\n`;
/** As the body of a request, whichever way its end is found. */
const CHUNKED_END = '0\r\n\r\n';

/** Name, bytes, status and code of the answer. */
const REFUSED: readonly (readonly [name: string, bytes: string, status: number, code: string])[] = [
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'bad_method'],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400, 'bad_version'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'unsupported_version'],
  ['HTTP/3.0', `GET / HTTP/3.0\r\n${H}\r\n`, 505, 'unsupported_version'],
  ['a version in lower case', `GET / http/1.1\r\n${H}\r\n`, 400, 'bad_version'],
  ['a version of two digits', `GET / HTTP/1.10\r\n${H}\r\n`, 400, 'bad_version'],
  ['two spaces before the target', `GET  / HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['two spaces after the target', `GET /  HTTP/1.1\r\n${H}\r\n`, 400, 'bad_version'],
  ['a space within the target', `GET /a b HTTP/1.1\r\n${H}\r\n`, 400, 'bad_version'],
  ['a space after the version', `GET / HTTP/1.1 \r\n${H}\r\n`, 400, 'bad_version'],
  ['a tab for a space', `GET\t/ HTTP/1.1\r\n${H}\r\n`, 400, 'bad_method'],
  ['a space before the method', ` GET / HTTP/1.1\r\n${H}\r\n`, 400, 'bad_method'],
  ['a method that is no token', `G[T / HTTP/1.1\r\n${H}\r\n`, 400, 'bad_method'],
  ['a NUL in the target', `GET /\0 HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['an 8-bit byte in the target', `GET /\xe9 HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['a fragment', `GET /#a HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['a target of two lines', `GET /\r\n HTTP/1.1\r\n${H}\r\n`, 400, 'bad_version'],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400, 'bare_lf'],
  ['a bare line feed after a header', `GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n`, 400, 'bare_lf'],
  ['a bare line feed as the last line', `GET / HTTP/1.1\r\n${H}\n`, 400, 'bare_lf'],
  ['a bare carriage return in a value', `GET / HTTP/1.1\r\n${H}X: a\rb\r\n\r\n`, 400, 'bare_cr'],
  ['a bare carriage return after the line', `GET / HTTP/1.1\r${H}\r\n`, 400, 'bare_cr'],
  ['a bare carriage return first', `\rGET / HTTP/1.1\r\n${H}\r\n`, 400, 'bad_method'],
  ['a space before a colon', `GET / HTTP/1.1\r\nHost : a\r\n\r\n`, 400, 'space_before_colon'],
  ['a tab before a colon', `GET / HTTP/1.1\r\n${H}X\t: a\r\n\r\n`, 400, 'space_before_colon'],
  ['a folded line', `GET / HTTP/1.1\r\n${H}X: a\r\n b\r\n\r\n`, 400, 'folded_line'],
  ['a first header that is folded', `GET / HTTP/1.1\r\n X: a\r\n${H}\r\n`, 400, 'folded_line'],
  ['a line without colon', `GET / HTTP/1.1\r\n${H}nonsense\r\n\r\n`, 400, 'bad_field_name'],
  ['an empty header name', `GET / HTTP/1.1\r\n${H}: a\r\n\r\n`, 400, 'bad_field_name'],
  [
    'a header name with an 8-bit byte',
    `GET / HTTP/1.1\r\n${H}X\xe9: a\r\n\r\n`,
    400,
    'bad_field_name',
  ],
  ['a NUL in a value', `GET / HTTP/1.1\r\n${H}X: a\0b\r\n\r\n`, 400, 'bad_field_value'],
  ['a DEL in a value', `GET / HTTP/1.1\r\n${H}X: a\x7f\r\n\r\n`, 400, 'bad_field_value'],
  ['an escape in a value', `GET / HTTP/1.1\r\n${H}X: \x1b[1m\r\n\r\n`, 400, 'bad_field_value'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'missing_host'],
  ['no Host, absolute form', 'GET http://a.example/ HTTP/1.1\r\n\r\n', 400, 'missing_host'],
  ['two Hosts', `GET / HTTP/1.1\r\n${H}Host: b\r\n\r\n`, 400, 'repeated_host'],
  ['two equal Hosts', `GET / HTTP/1.1\r\n${H}${H}\r\n`, 400, 'repeated_host'],
  ['two Hosts in HTTP/1.0', `GET / HTTP/1.0\r\n${H}Host: b\r\n\r\n`, 400, 'repeated_host'],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'bad_host'],
  ['a Host with user information', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 400, 'bad_host'],
  ['a Host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'bad_host'],
  ['a Host with letters for a port', 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n', 400, 'bad_host'],
  ['two Hosts in one line', 'GET / HTTP/1.1\r\nHost: a:80:90\r\n\r\n', 400, 'bad_host'],
  ['another scheme', `GET ftp://a.example/ HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['user information in the target', `GET http://u:p@a/ HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['an absolute target without host', `GET http:///a HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['an authority for a target', `GET a.example:80 HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['a relative target', `GET a/b HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  ['an asterisk for GET', `GET * HTTP/1.1\r\n${H}\r\n`, 400, 'bad_target'],
  [
    'Content-Length with Transfer-Encoding',
    `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_END}${SMUGGLED}`,
    400,
    'length_with_transfer_encoding',
  ],
  [
    'Transfer-Encoding with Content-Length',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${CHUNKED_END}${SMUGGLED}`,
    400,
    'length_with_transfer_encoding',
  ],
  [
    'two lengths',
    `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello${SMUGGLED}`,
    400,
    'repeated_content_length',
  ],
  [
    'two lengths in one line',
    `POST / HTTP/1.1\r\n${H}Content-Length: 5, 5\r\n\r\nhello${SMUGGLED}`,
    400,
    'repeated_content_length',
  ],
  ...['+5', '-1', '0x5', '5.0', '5 5', '', '1e1', '٥', '9'.repeat(20)].map(
    (length) =>
      [
        `the length "${length}"`,
        `POST / HTTP/1.1\r\n${H}Content-Length: ${length}\r\n\r\nhello${SMUGGLED}`,
        400,
        'bad_content_length',
      ] as const,
  ),
  ...(
    [
      ['chunked, chunked', 400, 'bad_transfer_encoding'],
      ['chunked, gzip', 400, 'bad_transfer_encoding'],
      ['identity', 400, 'bad_transfer_encoding'],
      ['xchunked', 400, 'bad_transfer_encoding'],
      ['chunked;q=1', 400, 'bad_transfer_encoding'],
      ['"chunked"', 400, 'bad_transfer_encoding'],
      ['', 400, 'bad_transfer_encoding'],
      ['chunked\x0b', 400, 'bad_field_value'],
      ['gzip, chunked', 501, 'unsupported_transfer_encoding'],
    ] as const
  ).map(
    ([codings, status, code]) =>
      [
        `the transfer coding ${JSON.stringify(codings)}`,
        `POST / HTTP/1.1\r\n${H}Transfer-Encoding: ${codings}\r\n\r\n${CHUNKED_END}${SMUGGLED}`,
        status,
        code,
      ] as const,
  ),
  [
    'two transfer encodings in two lines',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${CHUNKED_END}${SMUGGLED}`,
    400,
    'bad_transfer_encoding',
  ],
  [
    'Transfer-Encoding in HTTP/1.0',
    `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n${CHUNKED_END}${SMUGGLED}`,
    400,
    'transfer_encoding_in_http10',
  ],
  ...(
    [
      ['no size', '\r\nhello\r\n', 'bad_chunk'],
      ['a size that is no number', 'xyz\r\nhello\r\n', 'bad_chunk'],
      ['a size with a sign', '+5\r\nhello\r\n', 'bad_chunk'],
      ['a negative size', '-5\r\nhello\r\n', 'bad_chunk'],
      ['a size with 0x', '0x5\r\nhello\r\n', 'bad_chunk'],
      ['a size of 17 digits', '10000000000000005\r\nhello\r\n', 'bad_chunk'],
      ['a size with a space before it', ' 5\r\nhello\r\n', 'bad_chunk'],
      ['a size with a space after it', '5 \r\nhello\r\n', 'bad_chunk'],
      ['a size line with a bare line feed', '5\nhello\r\n', 'bare_lf'],
      ['a size line with a bare carriage return', '5\rhello\r\n', 'bare_cr'],
      ['data that go on too long', '5\r\nhello!\r\n', 'bad_chunk'],
      ['data without their CRLF', '5\r\nhello0\r\n\r\n', 'bad_chunk'],
      ['data that end with a line feed', '5\r\nhello\n0\r\n\r\n', 'bare_lf'],
      ['an extension with a line feed', '5;a\nb\r\nhello\r\n', 'bare_lf'],
      ['an extension with a NUL', '5;a\0\r\nhello\r\n', 'bad_chunk'],
      ['a trailer that is no header', '0\r\nnonsense\r\n\r\n', 'bad_trailer'],
      ['a trailer with a space before its colon', '0\r\nX : a\r\n\r\n', 'bad_trailer'],
      ['a last chunk with a bare line feed', '0\r\n\n', 'bad_trailer'],
    ] as const
  ).map(
    ([name, body, code]) =>
      [
        `chunks with ${name}`,
        `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${body}${SMUGGLED}`,
        400,
        code,
      ] as const,
  ),
  [
    'an unknown expectation',
    `GET / HTTP/1.1\r\n${H}Expect: wonders\r\n\r\n`,
    417,
    'unsupported_expectation',
  ],
  [
    'a target that is too long',
    `GET /${'a'.repeat(3000)} HTTP/1.1\r\n${H}\r\n`,
    414,
    'target_too_long',
  ],
  ['a target without end', `GET /${'a'.repeat(3000)}`, 414, 'target_too_long'],
  [
    'a head that is too large',
    `GET / HTTP/1.1\r\n${H}X: ${'a'.repeat(9000)}\r\n\r\n`,
    431,
    'head_too_large',
  ],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400, 'bad_host'],
  ['a head without end', `GET / HTTP/1.1\r\n${H}X: ${'a'.repeat(9000)}`, 431, 'head_too_large'],
  [
    'too many headers',
    `GET / HTTP/1.1\r\n${H}${'a:\r\n'.repeat(1950)}\r\n`,
    431,
    'too_many_fields',
  ],
  ['empty lines without end', '\r\n'.repeat(5000), 431, 'head_too_large'],
  ['a method without end', 'A'.repeat(9000), 501, 'method_too_long'],
];

test('requests that are none are refused, closed and never reach a server', async (t) => {
  for (const [name, bytes, status, code] of REFUSED) {
    await t.test(name, async () => {
      const before = server.requestsFor('/smuggled');
      const client = await openclaw.send(bytes);
      const response = await client.response();
      assert.deepEqual([response.status, /\((\w+)\)/.exec(response.text)?.[1]], [status, code]);
      assert.deepEqual(response.headers.connection, ['close']);
      await client.ended();
      assert.equal(server.requestsFor('/smuggled'), before);
    });
  }
  const client = await openclaw.send(`GET /alive HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await client.response()).text, '/alive');
  client.close();
});

test('a request that is refused waits for the answers before it', async () => {
  const gate = Promise.withResolvers<void>();
  server.on('/first', async (peer) => {
    await gate.promise;
    peer.send(okWith('first'));
  });
  const client = await openclaw.send(`GET /first HTTP/1.1\r\n${H}\r\nnonsense\r\n\r\n`);
  await until('the first request is at the server', () => server.requestsFor('/first') === 1);
  gate.resolve();
  assert.equal((await client.response()).text, 'first');
  assert.equal((await client.response()).status, 400);
  await client.ended();
});

test('as many headers as the limit allows go through', async () => {
  let count = 0;
  server.on('/many', async (peer, head) => {
    count = head.headers.a!.length;
    await answerOk(peer, head);
  });
  const client = await openclaw.send(
    `GET /many HTTP/1.1\r\n${'a:\r\n'.repeat(1800)}${H}Connection: close\r\n\r\n`,
  );
  assert.equal((await client.response()).text, '/many');
  assert.equal(count, 1800);
});

test('well-formed oddities go through', async () => {
  const odd: Record<string, string> = {
    'empty lines before a request': `\r\n\r\nGET /odd HTTP/1.1\r\n${H}\r\n`,
    'an IPv6 Host': 'GET /odd HTTP/1.1\r\nHost: [::1]:80\r\n\r\n',
    'a higher minor version': `GET /odd HTTP/1.9\r\n${H}\r\n`,
    'bytes in the query that browsers do not escape': `GET /odd?a={"b":[1|2]}^\`\\ HTTP/1.1\r\n${H}\r\n`,
    'a method of one letter': `X /odd HTTP/1.1\r\n${H}\r\n`,
    'tabs around a value': `GET /odd HTTP/1.1\r\nHost:\t a.example \t\r\n\r\n`,
    'no space after the colon': `GET /odd HTTP/1.1\r\nHost:a.example\r\n\r\n`,
    '8-bit bytes in a value': `GET /odd HTTP/1.1\r\n${H}X: \xfc\xff\r\n\r\n`,
    'an empty value': `GET /odd HTTP/1.1\r\n${H}X:\r\n\r\n`,
    'a coding in capitals': `POST /odd HTTP/1.1\r\n${H}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`,
    'chunk sizes with leading zeros and in capitals': `POST /odd HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n`,
    'a chunk extension in quotes': `POST /odd HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n1;a="b;c" ; d\r\nx\r\n0;e\r\n\r\n`,
    'a length with leading zeros': `POST /odd HTTP/1.1\r\n${H}Content-Length: 0005\r\n\r\nhello`,
    'a GET with a body': `GET /odd HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello`,
    'an expectation in capitals': `POST /odd HTTP/1.1\r\n${H}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx`,
    'empty elements of Connection': `GET /odd HTTP/1.1\r\n${H}Connection: ,, keep-alive ,\r\n\r\n`,
    'an absolute target in capitals': `GET HTTP://a.example/odd HTTP/1.1\r\n${H}\r\n`,
  };
  for (const [name, bytes] of Object.entries(odd)) {
    const client = await openclaw.send(bytes);
    const response = await client.response();
    assert.deepEqual([response.status, response.text], [200, '/odd'], name);
    client.close();
  }
});

const BAD_RESPONSES: Record<string, string> = {
  'no HTTP at all': 'hello\r\n\r\n',
  'another protocol': 'ICY 200 OK\r\n\r\n',
  'HTTP/2.0': 'HTTP/2.0 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n',
  'a status below 100': 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n',
  'bare line feeds': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'a bare carriage return in a value': 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n',
  'a NUL in a value': 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n',
  'a folded line': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n',
  'text before a colon': 'HTTP/1.1 200 OK\r\nContent-Length x: 0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nab',
  'a length with a transfer coding':
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a transfer coding in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a transfer coding nobody knows': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\n0\r\n\r\n',
  'a 101 nobody asked for':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello',
  'a head without end': `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}`,
  'interim responses without end': 'HTTP/1.1 103 Hint\r\n\r\n'.repeat(100),
  'a TLS alert': '\x15\x03\x01\x00\x02\x02\x16',
};

test('responses that are none become a 502, and their connection is not used again', async (t) => {
  for (const [name, bytes] of Object.entries(BAD_RESPONSES)) {
    await t.test(name, async () => {
      const serverIsRid = Promise.withResolvers<void>();
      let serverPeer: Peer | undefined;
      server.on('/bad', async (peer) => {
        serverPeer = peer;
        peer.send(bytes);
        await peer.gone();
        serverIsRid.resolve();
      });
      const client = await openclaw.connect();
      let response = await client
        .send(`POST /bad HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n`)
        .response();
      while (response.status === 103) response = await client.response();
      assert.equal(response.status, 502);
      assert.match(
        response.text,
        /bad_response|bad_|length|_lf|_cr|line|space|coding|head|transfer/,
      );
      await serverIsRid.promise;
      assert.ok(serverPeer!.hasEnded || serverPeer!.isClosed);
      const next = await client.send(`GET /next HTTP/1.1\r\n${H}\r\n`).response();
      assert.deepEqual([next.status, next.text], [200, '/next']);
      client.close();
    });
  }
});

test('a space before a colon in a response is mended, as RFC 9112 wants it', async () => {
  server.on('/spaced', (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nContent-Length : 4\r\nX-A\t: b\r\n\r\nfine');
  });
  const client = await openclaw.send(`GET /spaced HTTP/1.1\r\n${H}\r\n`);
  const response = await client.response();
  assert.deepEqual([response.headers['x-a'], response.text], [['b'], 'fine']);
  client.close();
});

test('empty lines after a request are no beginning of another', async () => {
  const client = await openclaw.send(`GET /one HTTP/1.1\r\n${H}\r\n\r\n\r\n`);
  assert.equal((await client.response()).text, '/one');
  client.send('\r\n'.repeat(100));
  assert.equal((await client.send(`GET /two HTTP/1.1\r\n${H}\r\n`).response()).text, '/two');
  client.close();
});

test('a chunked response that goes wrong in its body breaks off before its end', async () => {
  server.on('/bad-chunk', (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n');
  });
  const client = await openclaw.send(`GET /bad-chunk HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await client.head()).status, 200);
  await client.gone();
  assert.ok(client.unread.startsWith('5\r\nhello\r\n'), client.unread);
  assert.ok(!client.unread.includes('0\r\n\r\n'), client.unread);
});

test('response queue poisoning: bytes after a response answer nobody', async () => {
  const STRAY = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen';
  const poisons: Record<string, string> = {
    '/length': okWith('fine'),
    '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n',
    '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
    '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n',
    '/empty': okWith(''),
  };
  for (const [path, response] of Object.entries(poisons)) {
    for (const isAtOnce of [true, false]) {
      const gone = Promise.withResolvers<void>();
      server.on(path, async (peer) => {
        if (isAtOnce) peer.send(response + STRAY);
        else {
          peer.send(response);
          await until('the response is through', () => client.unread.length > 0);
          peer.send(STRAY);
        }
        await peer.gone();
        gone.resolve();
      });
      const client = await openclaw.send(`GET ${path} HTTP/1.1\r\n${H}\r\n`);
      await gone.promise;
      assert.ok((await client.response()).status < 400);
      const other = await openclaw.send(`GET /mine HTTP/1.1\r\n${H}\r\n`);
      assert.equal((await other.response()).text, '/mine');
      const next = await client.send(`GET /next HTTP/1.1\r\n${H}\r\n`).response();
      assert.equal(next.text, '/next');
      client.close();
      other.close();
    }
  }
});

test('a body in the answer to HEAD is dropped with its connection', async () => {
  server.on('/headed', async (peer) => {
    peer.send(okWith('stray'));
    await peer.gone();
  });
  const client = await openclaw.send(`HEAD /headed HTTP/1.1\r\n${H}\r\n`);
  assert.deepEqual((await client.response(true)).headers['content-length'], ['5']);
  const next = await client.send(`GET /next HTTP/1.1\r\n${H}\r\n`).response();
  assert.equal(next.text, '/next');
  client.close();
});
