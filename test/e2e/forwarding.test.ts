/** What a server is told of the client, and what stops here. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answerOk, type Message, Openclaw, Peer, ScriptedServer } from './harness.ts';

let server: ScriptedServer;
let openclaw: Openclaw;
/** Believes what its clients say. */
let believing: Openclaw;
/** Listens on ::1. */
let six: Openclaw;

before(async () => {
  server = await ScriptedServer.listen();
  const servers = [server.address];
  [openclaw, believing, six] = await Promise.all([
    Openclaw.start({ servers }),
    Openclaw.start({ servers, trusted_proxies: ['127.0.0.0/8'] }),
    Openclaw.start({ servers }, { host: '::1' }),
  ]);
});

after(async () => {
  await Promise.all([openclaw.stop(), believing.stop(), six.stop()]);
  await server.close();
});

const HOST = 'Host: a.example\r\n';

/** The head of a request as the server got it. */
async function seen(claw: Openclaw, request: string, host = '127.0.0.1'): Promise<Message> {
  const path = new URL(request.split(' ')[1]!, 'http://any').pathname;
  const { promise, resolve } = Promise.withResolvers<Message>();
  server.on(path, async (peer, head) => {
    resolve(head);
    await answerOk(peer, head);
  });
  const client = await Peer.connect({ host, port: claw.port });
  assert.equal((await client.send(request).response()).status, 200);
  client.close();
  return promise;
}

test('the client is named, and what it says of itself is not believed', async () => {
  const { headers } = await seen(
    openclaw,
    `GET /liar HTTP/1.1\r\n${HOST}X-Forwarded-For: 1.2.3.4\r\nx-forwarded-proto: https\r\n` +
      'X-FORWARDED-HOST: evil\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n\r\n',
  );
  assert.deepEqual(headers['x-forwarded-for'], ['127.0.0.1']);
  assert.deepEqual(headers['x-forwarded-proto'], ['http']);
  assert.deepEqual(headers['x-forwarded-host'], ['a.example']);
  assert.deepEqual(headers.forwarded, ['for=127.0.0.1;host=a.example;proto=http']);
  assert.deepEqual(headers.host, ['a.example']);
  assert.deepEqual(headers.via, ['1.1 openclaw']);
});

test('what a trusted proxy says is kept, and the proxy itself appended', async () => {
  const { headers } = await seen(
    believing,
    `GET /trusted HTTP/1.1\r\n${HOST}X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.0.0.1\r\n` +
      'X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\nForwarded: for=10.0.0.1;proto=https\r\nVia: 1.1 front\r\n\r\n',
  );
  assert.equal(headers['x-forwarded-for']!.join(', '), '1.2.3.4, 10.0.0.1, 127.0.0.1');
  assert.deepEqual(headers['x-forwarded-proto'], ['https']);
  assert.deepEqual(headers['x-forwarded-host'], ['www.example']);
  assert.deepEqual(headers.forwarded, [
    'for=10.0.0.1;proto=https, for=127.0.0.1;host=a.example;proto=http',
  ]);
  assert.equal(headers.via!.join(', '), '1.1 front, 1.1 openclaw');
});

test('an IPv6 client and host are written as each header wants them', async () => {
  const { headers } = await seen(
    six,
    `GET /six HTTP/1.1\r\nHost: [::1]:${six.port}\r\n\r\n`,
    '::1',
  );
  assert.deepEqual(headers['x-forwarded-for'], ['::1']);
  assert.deepEqual(headers.forwarded, [`for="[::1]";host="[::1]:${six.port}";proto=http`]);
});

test('a target in absolute form becomes a path, and its authority the Host', async () => {
  for (const [target, path, host] of [
    ['http://b.example:81/abs?x=1', '/abs?x=1', 'b.example:81'],
    ['HTTP://b.example', '/', 'b.example'],
    ['https://b.example?q', '/?q', 'b.example'],
  ] as const) {
    const head = await seen(openclaw, `GET ${target} HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    assert.equal(head.line, `GET ${path} HTTP/1.1`);
    assert.deepEqual(head.headers.host, [host]);
    assert.deepEqual(head.headers['x-forwarded-host'], [host]);
  }
});

test('an HTTP/1.0 request without Host gets the address that it came to', async () => {
  const head = await seen(openclaw, 'GET /ten HTTP/1.0\r\nX-A: b\r\n\r\n');
  assert.equal(head.line, 'GET /ten HTTP/1.1');
  assert.deepEqual(head.headers.host, [`127.0.0.1:${openclaw.port}`]);
  assert.deepEqual(head.headers['x-a'], ['b']);
  const bare = await seen(openclaw, 'GET /ten-bare HTTP/1.0\r\n\r\n');
  assert.deepEqual(bare.headers.host, [`127.0.0.1:${openclaw.port}`]);
});

test('header lines that concern one connection stop here', async () => {
  const { headers } = await seen(
    openclaw,
    `GET /hops HTTP/1.1\r\n${HOST}Connection: close, X-Private ,x-other\r\nX-Private: 1\r\nX-OTHER: 2\r\n` +
      'Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers, deflate\r\nUpgrade: x\r\nX-Public: 3\r\n\r\n',
  );
  for (const name of ['keep-alive', 'proxy-connection', 'upgrade', 'x-private', 'x-other']) {
    assert.equal(headers[name], undefined, name);
  }
  assert.deepEqual(headers['x-public'], ['3']);
  // RFC 9110 §10.1.4: what is kept of TE is named in Connection.
  assert.deepEqual([headers.te, headers.connection], [['trailers'], ['TE']]);
});

test('header lines of a response that concern one connection stop here', async () => {
  server.on('/hops-back', (peer) => {
    peer.send(
      'HTTP/1.1 200 OK\r\nConnection: x-private, keep-alive, Set-Cookie2\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\n' +
        'Proxy-Connection: a\r\nX-Public: 2\r\nContent-Length: 0\r\n\r\n',
    );
  });
  const client = await openclaw.send(`GET /hops-back HTTP/1.1\r\n${HOST}\r\n`);
  const { headers } = await client.response();
  assert.deepEqual(Object.keys(headers).sort(), ['content-length', 'date', 'x-public']);
  client.close();
});

test('Connection cannot take away what a server relies on', async () => {
  const names = [
    'host',
    'content-length',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'forwarded',
    'via',
    'x-request-id',
  ];
  const { headers } = await seen(
    openclaw,
    `POST /attack HTTP/1.1\r\n${HOST}Connection: ${names.join(', ')}\r\nX-Request-Id: mine\r\nContent-Length: 2\r\n\r\nhi`,
  );
  for (const name of names) assert.equal(headers[name]?.length, 1, name);
  const chunked = await seen(
    openclaw,
    `POST /attack-te HTTP/1.1\r\n${HOST}Connection: transfer-encoding, te\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  );
  assert.deepEqual(chunked.headers['transfer-encoding'], ['chunked']);
});

test('a request id is kept, or made where there is none, and logged', async () => {
  const kept = await seen(openclaw, `GET /id-kept HTTP/1.1\r\n${HOST}X-Request-Id: abc-1\r\n\r\n`);
  assert.deepEqual(kept.headers['x-request-id'], ['abc-1']);
  assert.equal((await openclaw.logged('/id-kept')).requestId, 'abc-1');
  const made = await seen(openclaw, `GET /id-made HTTP/1.1\r\n${HOST}\r\n`);
  const [id] = made.headers['x-request-id']!;
  assert.match(id!, /^[\w-]{8,}$/);
  assert.equal((await openclaw.logged('/id-made')).requestId, id);
  const other = await seen(openclaw, `GET /id-other HTTP/1.1\r\n${HOST}\r\n`);
  assert.notEqual(other.headers['x-request-id']![0], id);
});

test('every other header line goes through as it came', async () => {
  const lines =
    'aCCept: */*\r\nX-Twice: 1\r\nCookie: a=b; c="d"\r\nX-Twice:  2 \r\nX-Empty:\r\nX-8: \xfc\r\n';
  const { head } = await seen(openclaw, `GET /verbatim?q=%20{} HTTP/1.1\r\n${HOST}${lines}\r\n`);
  assert.ok(head.startsWith(`GET /verbatim?q=%20{} HTTP/1.1\r\n${HOST}${lines}`), head);
});
