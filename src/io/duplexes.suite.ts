/** A stream as Node's `Duplex`: what Node's HTTP/2 library stands on. */
import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import type { Readable } from 'node:stream';
import {
  LOOPBACK,
  MUCH_BYTES,
  PIECE,
  readAll,
  type Surroundings,
  type TestWith,
  turns,
} from './backend.fixture.ts';
import { StreamDuplex } from './stream-duplex.ts';

/** Bytes that show where they belong. */
const BODY = Buffer.concat(Array.from({ length: 100 }, (_, at) => Buffer.alloc(40_000, at)));

/** What accepts connections as duplexes, and the first of them. */
async function listening(around: Surroundings) {
  const { promise: duplex, resolve } = Promise.withResolvers<StreamDuplex>();
  const listener = await around.listen((accepted) =>
    accepted.toStream((stream) => {
      const one = new StreamDuplex(stream);
      around.atEnd(() => one.destroy());
      resolve(one);
      return one;
    }),
  );
  return { port: listener.port, duplex };
}

/** What a stream says to its end, which leaves its other half open. */
async function allOf(readable: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  readable.on('data', (piece: Buffer) => pieces.push(piece));
  await once(readable, 'end');
  return Buffer.concat(pieces);
}

/** Not `once`, which an error ends. */
function closing(emitter: EventEmitter): Promise<unknown> {
  return new Promise((resolve) => emitter.once('close', resolve));
}

async function connected(around: Surroundings) {
  const { port, duplex } = await listening(around);
  const peer = await around.client({ host: LOOPBACK.host, port });
  return { duplex: await duplex, peer };
}

export function duplexes(test: TestWith): void {
  test('carries much both ways, and closes when both halves have ended', async (around) => {
    const { duplex, peer } = await connected(around);
    const closed = once(duplex, 'close');
    duplex.end(BODY);
    peer.end(BODY);
    const [there, here] = await Promise.all([allOf(peer), allOf(duplex)]);
    assert.ok(there.equals(BODY));
    assert.ok(here.equals(BODY));
    await closed;
    assert.equal(duplex.errored, null);
  });

  test('writes on after its peer has ended', async (around) => {
    const { duplex, peer } = await connected(around);
    const closed = closing(duplex);
    peer.end('question');
    assert.equal(String(await allOf(duplex)), 'question');
    await turns();
    assert.equal(duplex.destroyed, false);
    duplex.write('an ');
    duplex.end('answer');
    assert.equal(await readAll(peer), 'an answer');
    await closed;
  });

  test('keeps pieces that are written together in their order', async (around) => {
    const { duplex, peer } = await connected(around);
    const sizes = [9, 16_384, 1, 16_383, 2, 40_000, 0, 9, 20_000];
    const pieces = sizes.map((size, at) => Buffer.alloc(size, 97 + at));
    duplex.cork();
    for (const piece of pieces) duplex.write(piece);
    duplex.uncork();
    for (const piece of pieces) piece.fill('.');
    duplex.end();
    const text = sizes.map((size, at) => String.fromCharCode(97 + at).repeat(size)).join('');
    assert.equal(await readAll(peer), text);
  });

  test('holds its peer back where nobody reads it', async (around) => {
    const { duplex, peer } = await connected(around);
    for (let written = 0; written < MUCH_BYTES; written += PIECE.length) peer.write(PIECE);
    peer.end();
    await once(duplex, 'readable');
    await turns();
    assert.ok(peer.writableLength > 0);
    assert.ok(duplex.readableLength < duplex.readableHighWaterMark + 2 * PIECE.length);
    assert.equal((await allOf(duplex)).length, MUCH_BYTES);
  });

  test('waits for a peer that reads nothing', async (around) => {
    const { duplex, peer } = await connected(around);
    const count = MUCH_BYTES / PIECE.length;
    let called = 0;
    for (let at = 0; at < count; at++) duplex.write(PIECE, () => called++);
    await turns();
    assert.ok(called < count);
    assert.equal(duplex.writableNeedDrain, true);
    duplex.end();
    assert.equal((await allOf(peer)).length, MUCH_BYTES);
    assert.equal(called, count);
  });

  test('tells of a peer that resets', async (around) => {
    const { duplex, peer } = await connected(around);
    const closed = closing(duplex);
    const [failed] = await Promise.all([once(duplex, 'error'), peer.resetAndDestroy()]);
    assert.equal((failed[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
    await closed;
  });

  test('closes its connection when it is destroyed, and ends what is written', async (around) => {
    const { duplex, peer } = await connected(around);
    const errors: unknown[] = [];
    const count = MUCH_BYTES / PIECE.length;
    for (let at = 0; at < count; at++) duplex.write(PIECE, (error) => errors.push(error));
    await turns();
    const closed = closing(duplex);
    duplex.destroy();
    await closed;
    assert.equal(errors.length, count);
    assert.ok(errors.at(-1) instanceof Error);
    peer.resume();
    await Promise.race([once(peer, 'end'), once(peer, 'close')]);
  });

  test('carries an HTTP/2 session: much on many streams, resets, a good end', async (around) => {
    const { port, duplex } = await listening(around);
    const client = http2.connect('http://localhost', {
      createConnection: () => net.connect(port, LOOPBACK.host),
      maxSessionMemory: 64,
    });
    around.atEnd(() => client.destroy());
    const session = http2.performServerHandshake(await duplex, { maxSessionMemory: 64 });
    const codes: number[] = [];
    session.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      stream.on('close', () => codes.push(stream.rstCode));
      if (headers[':path'] === '/reset') stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else {
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      }
    });
    const echoes = Array.from({ length: 4 }, () => {
      const request = client.request({ ':method': 'POST' });
      request.end(BODY);
      return allOf(request);
    });
    const refused = client.request({ ':path': '/reset' });
    await assert.rejects(once(refused.resume(), 'end'), { code: 'ERR_HTTP2_STREAM_ERROR' });
    for (const echo of await Promise.all(echoes)) assert.ok(echo.equals(BODY));
    assert.deepEqual(codes, [7, 0, 0, 0, 0]);
    // A peer that opens a stream and does not read it holds back that one alone.
    const slow = client.request({ ':method': 'POST' });
    slow.end(BODY);
    await once(slow, 'response');
    const quick = client.request({ ':method': 'POST' });
    quick.end('quick');
    assert.equal(String(await allOf(quick)), 'quick');
    slow.close(http2.constants.NGHTTP2_CANCEL);
    await once(slow, 'close');
    const closed = Promise.all([closing(await duplex), closing(client)]);
    session.close();
    await closed;
    assert.equal((await duplex).errored, null);
  });

  test('ends an HTTP/2 session whose connection breaks', async (around) => {
    const { port, duplex } = await listening(around);
    const socket = await around.client({ host: LOOPBACK.host, port });
    const client = http2.connect('http://localhost', { createConnection: () => socket });
    client.on('error', () => {});
    around.atEnd(() => client.destroy());
    const session = http2.performServerHandshake(await duplex);
    session.on('error', () => {});
    const opened = new Promise<http2.ServerHttp2Stream>((resolve) =>
      session.once('stream', resolve),
    );
    const request = client.request({ ':method': 'POST' }).on('error', () => {});
    request.write('half');
    const stream = (await opened).on('error', () => {});
    const closed = Promise.all([closing(stream), closing(session)]);
    socket.resetAndDestroy();
    await closed;
    assert.equal((await duplex).destroyed, true);
  });
}
