/** Bodies on their way: size without limit, slow ends, early answers, and ends that go away. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  answerOk,
  Openclaw,
  okWith,
  Peer,
  ScriptedServer,
  until,
  untilSettled,
} from './harness.ts';

let server: ScriptedServer;
let openclaw: Openclaw;
/** One that holds a lot for slow readers. */
let generous: Openclaw;

before(async () => {
  server = await ScriptedServer.listen();
  [openclaw, generous] = await Promise.all([
    Openclaw.start({ servers: [server.address] }),
    Openclaw.start({ servers: [server.address], performance: { buffers: { size: '32m' } } }),
  ]);
});

after(async () => {
  await Promise.all([openclaw.stop(), generous.stop()]);
  await server.close();
});

const HOST = 'Host: a.example\r\n';
const MB = 1024 * 1024;
const BODY_BYTES = 200 * MB;
/** What kernel buffers on both sides of two connections may take, and openclaw's own. */
const ON_THE_WAY_BYTES_MAX = 32 * MB;
/** What openclaw may grow by while it streams. */
const GROWTH_BYTES_MAX = 64 * MB;
/** More than the kernel holds for two connections, less than the generous one does. */
const TAIL_BYTES = 24 * MB;
const PIECE = Buffer.alloc(64 * 1024, 'openclaw!');

/** Writes pieces of a body as the other side takes them; `taken` says how many bytes it took. */
class Sender {
  taken = 0;
  readonly done: Promise<void>;

  constructor(peer: Peer, bytes: number) {
    this.done = this.#run(peer, bytes);
  }

  async #run(peer: Peer, bytes: number): Promise<void> {
    for (let at = 0; at < bytes; at += PIECE.length) {
      if (peer.isClosed) throw new Error('closed while sending');
      await new Promise<void>((resolve) => peer.socket.write(PIECE, () => resolve()));
      this.taken += PIECE.length;
    }
  }
}

/** Reads a body without keeping it, and checks each byte against what was sent. */
async function drink(peer: Peer, bytes: number): Promise<void> {
  let at = 0;
  while (at < bytes) {
    const piece = await peer.bytes(Math.min(PIECE.length, bytes - at));
    if (!piece.equals(PIECE.subarray(0, piece.length))) throw new Error(`wrong bytes at ${at}`);
    at += piece.length;
  }
}

test('a download of hundreds of MB waits for its slow reader in bounded memory', async () => {
  const sender = Promise.withResolvers<Sender>();
  server.on('/download', async (peer) => {
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
    const sending = new Sender(peer, BODY_BYTES);
    sender.resolve(sending);
    await sending.done;
  });
  const before = openclaw.residentBytes();
  const client = await openclaw.send(`GET /download HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await client.head()).status, 200);
  client.socket.pause();
  const sending = await sender.promise;
  const stalledAt = await untilSettled('the server stalls', () => sending.taken);
  assert.ok(stalledAt < ON_THE_WAY_BYTES_MAX, `the server could send ${stalledAt / MB} MB`);
  client.socket.resume();
  await drink(client, BODY_BYTES);
  await sending.done;
  const growth = openclaw.residentBytes() - before;
  assert.ok(growth < GROWTH_BYTES_MAX, `openclaw grew by ${growth / MB} MB`);
  assert.equal((await client.send(`GET /next HTTP/1.1\r\n${HOST}\r\n`).response()).text, '/next');
  client.close();
});

test('an upload of hundreds of MB waits for its slow server in bounded memory', async () => {
  const gate = Promise.withResolvers<void>();
  server.on('/upload', async (peer) => {
    peer.socket.pause();
    await gate.promise;
    peer.socket.resume();
    await drink(peer, BODY_BYTES);
    peer.send(okWith('taken'));
  });
  const before = openclaw.residentBytes();
  const client = await openclaw.send(
    `POST /upload HTTP/1.1\r\n${HOST}Content-Length: ${BODY_BYTES}\r\n\r\n`,
  );
  const sending = new Sender(client, BODY_BYTES);
  const stalledAt = await untilSettled('the client stalls', () => sending.taken);
  assert.ok(stalledAt < ON_THE_WAY_BYTES_MAX, `the client could send ${stalledAt / MB} MB`);
  gate.resolve();
  assert.equal((await client.response()).text, 'taken');
  await sending.done;
  const growth = openclaw.residentBytes() - before;
  assert.ok(growth < GROWTH_BYTES_MAX, `openclaw grew by ${growth / MB} MB`);
  client.close();
});

for (const [name, lines] of [
  ['close-delimited', ''],
  ['chunked', 'Transfer-Encoding: chunked\r\n'],
] as const) {
  test(`a ${name} response waits for its slow reader`, async () => {
    const pieces = 800;
    const sender = Promise.withResolvers<() => number>();
    server.on('/slow-read', async (peer) => {
      let taken = 0;
      sender.resolve(() => taken);
      peer.send(`HTTP/1.1 200 OK\r\n${lines}\r\n`);
      const size = `${PIECE.length.toString(16)}\r\n`;
      for (let piece = 0; piece < pieces; piece++) {
        if (lines !== '') peer.send(size);
        await new Promise<void>((resolve) => peer.socket.write(PIECE, () => resolve()));
        if (lines !== '') peer.send('\r\n');
        taken += 1;
      }
      if (lines === '') peer.end();
      else peer.send('0\r\n\r\n');
    });
    const client = await openclaw.send(`GET /slow-read HTTP/1.1\r\n${HOST}\r\n`);
    const head = await client.head();
    client.socket.pause();
    const taken = await untilSettled('the server stalls', await sender.promise);
    assert.ok(taken < pieces, `the server could send all ${taken} pieces`);
    client.socket.resume();
    const { body } = await client.withBody(head, true);
    assert.equal(body.length, pieces * PIECE.length);
    client.close();
  });
}

/**
 * A client that reads nothing until the whole response lies in openclaw's hands, its request is
 * settled, and much of the response still has to be sent.
 */
async function withPendingTail(path: string, request: string): Promise<Peer> {
  server.on(path, async (peer) => {
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${TAIL_BYTES}\r\n\r\n`);
    await new Sender(peer, TAIL_BYTES).done;
  });
  const client = await Peer.connect({ host: '127.0.0.1', port: generous.port });
  client.send(request);
  client.socket.pause();
  await generous.logged(path);
  return client;
}

async function drinkTail(client: Peer): Promise<void> {
  client.socket.resume();
  assert.equal((await client.head()).status, 200);
  await drink(client, TAIL_BYTES);
}

test('a reader that is slow gets the last of its last response, however slow it is', async () => {
  const client = await withPendingTail(
    '/tail',
    `GET /tail HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  );
  // Longer than a connection lingers that has nothing to send any more.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await drinkTail(client);
  await client.ended();
});

test('a half-closed client gets the whole of a large response', async () => {
  for (const version of ['1.0', '1.1']) {
    const path = `/half-${version}`;
    const request = `GET ${path} HTTP/${version}\r\n${HOST}Connection: keep-alive\r\n\r\n`;
    const client = await withPendingTail(path, request);
    client.end();
    // Its end comes before its next breath: openclaw has seen it.
    await generous.status();
    await generous.status();
    await drinkTail(client);
    await client.ended();
  }
});

test('a client that half-closed at once gets the whole of a large response', async () => {
  server.on('/half-at-once', async (peer) => {
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${TAIL_BYTES}\r\n\r\n`);
    await new Sender(peer, TAIL_BYTES).done;
  });
  const client = await Peer.connect({ host: '127.0.0.1', port: generous.port });
  client.send(`GET /half-at-once HTTP/1.1\r\n${HOST}\r\n`).end();
  client.socket.pause();
  await generous.logged('/half-at-once');
  await drinkTail(client);
  await client.ended();
});

test('a stop lets a slow reader have the rest of its response', async () => {
  const client = await withPendingTail('/stop', `GET /stop HTTP/1.1\r\n${HOST}\r\n`);
  const stopped = generous.stop();
  await until('it is ending', () => generous.output.stdout.includes('is shutting down'));
  await drinkTail(client);
  await client.ended();
  await stopped;
});

test('a half-closed client gets the answers to all that it pipelined', async () => {
  const client = await openclaw.send(
    `GET /a HTTP/1.1\r\n${HOST}\r\nPOST /b HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhiGET /c HTTP/1.1\r\n${HOST}\r\n`,
  );
  client.end();
  for (const path of ['/a', '/b', '/c']) assert.equal((await client.response()).text, path);
  await client.ended();
});

test('an early 413 reaches a client that is still sending, though its server closes', async () => {
  server.on('/early', async (peer) => {
    await peer.bytes(1000);
    peer.send('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge');
    peer.end();
    peer.close();
  });
  for (const lines of [`Content-Length: ${BODY_BYTES}\r\n`, 'Transfer-Encoding: chunked\r\n']) {
    const client = await openclaw.send(`POST /early HTTP/1.1\r\n${HOST}${lines}\r\n`);
    if (lines.startsWith('T')) client.send(`${BODY_BYTES.toString(16)}\r\n`);
    const sending = new Sender(client, BODY_BYTES).done.catch(() => {});
    const response = await client.response();
    assert.deepEqual([response.status, response.text], [413, 'large']);
    assert.deepEqual(response.headers.connection, ['close']);
    client.close();
    await sending;
  }
  const { status, failure } = await openclaw.logged('/early');
  assert.deepEqual([status, failure], [413, '']);
});

test('an early answer whose server resets the upload reaches the client', async () => {
  server.on('/early-reset', async (peer) => {
    await peer.bytes(1000);
    peer.send('HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge');
    // Bytes that came and were not read make the kernel send a reset behind the answer.
    peer.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 20));
    peer.close();
  });
  const client = await openclaw.send(
    `POST /early-reset HTTP/1.1\r\n${HOST}Content-Length: ${20 * MB}\r\n\r\n`,
  );
  const sending = new Sender(client, 20 * MB).done.catch(() => {});
  const response = await client.response();
  assert.deepEqual([response.status, response.text], [413, 'large']);
  client.close();
  await sending;
});

test('a server that answers early and keeps reading spoils nothing', async () => {
  server.on('/early-read', async (peer, head) => {
    await peer.bytes(10);
    peer.send(okWith('early'));
    await peer.bytes(Number(head.headers['content-length']![0]) - 10).catch(() => {});
  });
  const client = await openclaw.send(
    `POST /early-read HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n0123456789`,
  );
  assert.equal((await client.response()).text, 'early');
  client.send(Buffer.alloc(100_000 - 10, 'x'));
  assert.equal((await client.send(`GET /next HTTP/1.1\r\n${HOST}\r\n`).response()).text, '/next');
  client.close();
});

test('an answer before much of a body says whether the connection ends', async () => {
  server.on('/gone', async (peer) => {
    await peer.bytes(10);
    peer.reset();
  });
  server.on('/soon', async (peer) => {
    await peer.bytes(10);
    peer.send(okWith('soon'));
    await peer.gone();
  });
  for (const path of ['/gone', '/soon']) {
    for (const [length, connection] of [
      [100_000, undefined],
      [1_000_000, ['close']],
    ] as const) {
      const client = await openclaw.send(
        `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n0123456789`,
      );
      const { status, headers } = await client.response();
      assert.equal(status, path === '/gone' ? 502 : 200);
      assert.deepEqual(headers.connection, connection, `${path} with ${length} bytes`);
      client.send(Buffer.alloc(length - 10, 'x'));
      if (connection === undefined) {
        client.send(`GET /next HTTP/1.1\r\n${HOST}\r\n`);
        assert.equal((await client.response()).text, '/next');
      }
      client.close();
    }
  }
});

test('a response may begin, and flow, while the request still does', async () => {
  server.on('/echo', async (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (;;) {
      const size = await peer.through('\r\n');
      const data = await peer.through('\r\n');
      peer.send(size + data);
      if (size === '0\r\n') return;
    }
  });
  const client = await openclaw.send(
    `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
  );
  assert.equal((await client.head()).status, 200);
  for (const word of ['one', 'two', 'three']) {
    const chunk = `${word.length}\r\n${word}\r\n`;
    client.send(chunk);
    assert.equal(await client.through(`${word}\r\n`), chunk);
  }
  client.send('0\r\n\r\n');
  await client.through('0\r\n\r\n');
  assert.equal((await client.send(`GET /next HTTP/1.1\r\n${HOST}\r\n`).response()).text, '/next');
  client.close();
});

test('a client that resets while it waits makes the server connection close', async () => {
  const gone = Promise.withResolvers<void>();
  server.on('/wait', async (peer) => {
    await peer.gone();
    gone.resolve();
  });
  const client = await openclaw.send(`GET /wait HTTP/1.1\r\n${HOST}\r\n`);
  await until('the request is at the server', () => server.requestsFor('/wait') === 1);
  client.reset();
  await gone.promise;
  const { status, failure } = await openclaw.logged('/wait');
  assert.deepEqual([status, failure], [499, 'client_gone']);
});

test('a client that goes away in its request makes the server connection close', async () => {
  for (const leave of ['reset', 'close'] as const) {
    const gone = Promise.withResolvers<void>();
    server.on(`/mid-request-${leave}`, async (peer) => {
      await peer.bytes(4);
      client[leave]();
      await peer.gone();
      gone.resolve();
    });
    const client = await openclaw.send(
      `POST /mid-request-${leave} HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nhalf`,
    );
    await gone.promise;
    assert.equal((await openclaw.logged(`/mid-request-${leave}`)).failure, 'client_gone');
  }
});

test('a client that goes away in its response makes the server connection close', async () => {
  for (const leave of ['reset', 'close'] as const) {
    const gone = Promise.withResolvers<void>();
    server.on(`/mid-response-${leave}`, async (peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n');
      void new Sender(peer, 900_000_000).done.catch(() => {});
      await peer.gone();
      gone.resolve();
    });
    const client = await openclaw.send(`GET /mid-response-${leave} HTTP/1.1\r\n${HOST}\r\n`);
    await client.head();
    client[leave]();
    await gone.promise;
    assert.equal((await openclaw.logged(`/mid-response-${leave}`)).failure, 'client_gone');
  }
});

test('after all that nothing is in flight', async () => {
  server.on('/last', answerOk);
  await openclaw.untilIdle();
});
