import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { Worker } from 'node:worker_threads';
import {
  Ear,
  LOOPBACK,
  MUCH_BYTES,
  PIECE,
  readAll,
  type TestWith,
  turns,
} from './backend.fixture.ts';

export function streams(test: TestWith): void {
  test('gives what comes, in whatever pieces, and sends in the order written', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    for (const letter of 'GET / HTTP') {
      peer.write(letter);
      await turns(2);
    }
    await ear.until(() => ear.text === 'GET / HTTP');
    stream.writeText('head ');
    stream.writeBytes(Buffer.from('..bytes..'), 2, 7);
    stream.writeTextAndBytes(' text ', Buffer.from('and bytes'), 0, 9);
    for (let at = 0; at < 100; at++) stream.writeText(`${at},`);
    stream.end();
    const numbers = Array.from({ length: 100 }, (_, at) => `${at},`).join('');
    assert.equal(await readAll(peer), `head bytes text and bytes${numbers}`);
  });

  test('holds what its peer does not take, and tells once when that has gone', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    let written = 0;
    let drainsBefore = -1;
    for (; written < MUCH_BYTES; written += PIECE.length) {
      stream.writeBytes(PIECE, 0, PIECE.length);
      if (stream.pendingBytes > 0 && drainsBefore === -1) drainsBefore = ear.drains;
    }
    assert.equal(drainsBefore, 0, 'it is not told within the call that writes');
    await turns();
    const unsent = stream.unsentBytes();
    assert.ok(unsent > 0 && unsent <= stream.pendingBytes);
    await turns();
    assert.equal(stream.unsentBytes(), unsent, 'the peer has taken nothing');
    assert.equal(ear.drains, 0);
    let taken = 0;
    peer.on('data', (bytes: Buffer) => {
      const from = taken % PIECE.length;
      const first = PIECE.subarray(from, from + bytes.length);
      assert.ok(bytes.subarray(0, first.length).equals(first));
      taken += bytes.length;
    });
    await ear.until(() => ear.drains > 0);
    assert.equal(stream.pendingBytes, 0);
    await turns();
    assert.equal(ear.drains, 1);
    stream.end();
    await once(peer, 'end');
    assert.equal(taken, written);
  });

  test('tells of the drain of a small rest too', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    while (stream.pendingBytes === 0) stream.writeText('x'.repeat(1000));
    await turns();
    // The peer's kernel may have taken the rest meanwhile; then that was told.
    assert.equal(ear.drains, stream.pendingBytes === 0 ? 1 : 0);
    peer.resume();
    await ear.until(() => ear.drains === 1);
    assert.equal(stream.pendingBytes, 0);
  });

  test('needs the bytes written only until the call returns', async (around) => {
    const { stream, peer } = await around.accepted();
    const bytes = Buffer.alloc(200_000, 'a');
    let written = 0;
    for (; stream.pendingBytes === 0; written += bytes.length) {
      stream.writeBytes(bytes, 0, bytes.length);
    }
    bytes.fill('b');
    stream.writeText('c');
    stream.end();
    const text = await readAll(peer);
    assert.match(text, /^a+c$/);
    assert.equal(text.length, written + 1);
  });

  test('goes on sending after its peer has ended, and closes when both have', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    peer.end('last');
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'last');
    await turns();
    assert.deepEqual(ear.causes, []);
    stream.writeText('answer');
    stream.end();
    assert.equal(await readAll(peer), 'answer');
    await ear.until(() => ear.causes.length > 0);
    assert.deepEqual(ear.causes, ['closed']);
  });

  test('goes on reading after it has ended', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    stream.end();
    await once(peer.resume(), 'end');
    peer.write('late');
    await ear.until(() => ear.text === 'late');
    peer.end();
    await ear.until(() => ear.causes.length > 0);
    assert.equal(ear.ends, 1);
    assert.deepEqual(ear.causes, ['closed']);
  });

  test('tells once of a peer that resets', async (around) => {
    const { ear, peer } = await around.accepted();
    peer.resetAndDestroy();
    await ear.until(() => ear.causes.length > 0);
    await turns();
    assert.deepEqual(ear.causes, ['reset']);
  });

  test('resets so that the peer knows, and is quiet afterwards', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    const failed = once(peer, 'error');
    peer.write('unread');
    stream.reset();
    assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
    await turns();
    assert.deepEqual([ear.text, ear.ends, ear.causes], ['', 0, []]);
    stream.writeText('nobody hears this');
    stream.pause();
    stream.resume();
    stream.end();
    stream.destroy();
    assert.equal(stream.pendingBytes, 0);
    assert.equal(stream.unsentBytes(), 0);
  });

  test('is destroyed without another call, even from within one', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    ear.onText = () => stream.destroy();
    peer.write('go');
    await once(peer.resume(), 'end');
    peer.end('more');
    await turns();
    assert.deepEqual([ear.text, ear.ends, ear.drains, ear.causes], ['go', 0, 0, []]);
  });

  test('gives nothing while it is paused, and all of it afterwards', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    ear.onText = () => stream.pause();
    peer.write('one');
    await ear.until(() => ear.text === 'one');
    peer.write('two');
    await turns();
    assert.equal(ear.text, 'one');
    ear.onText = () => {};
    stream.resume();
    await ear.until(() => ear.text === 'onetwo');
    stream.pause();
    stream.resume();
    peer.end('three');
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'onetwothree');
  });

  test('that is paused lets its peer wait, and takes all of it later', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    stream.pause();
    for (let written = 0; written < MUCH_BYTES; written += PIECE.length) peer.write(PIECE);
    await turns();
    assert.ok(peer.writableLength > 0);
    assert.equal(ear.text, '');
    let taken = 0;
    ear.onText = (text) => {
      taken += text.length;
      ear.text = '';
    };
    stream.resume();
    peer.end();
    await ear.until(() => ear.ends === 1);
    assert.equal(taken, MUCH_BYTES);
  });

  test('costs its own connection alone where its owner throws', async (around) => {
    const { ear, peer } = await around.accepted();
    const other = await around.accepted();
    ear.onText = () => {
      throw new Error('a mistake');
    };
    peer.write('go');
    await once(peer.resume(), 'end');
    assert.deepEqual(around.errors.map(String), ['Error: a mistake']);
    assert.deepEqual([ear.crashes, ear.causes], [1, []]);
    other.peer.write('still here');
    await other.ear.until(() => other.ear.text === 'still here');
  });

  test('sends one write of any size, and what is written behind it', async (around) => {
    const { stream, peer } = await around.accepted();
    const much = Buffer.concat(Array.from({ length: MUCH_BYTES / PIECE.length }, () => PIECE));
    const sent = createHash('sha1');
    for (const [text, size] of [
      ['', much.length],
      ['head ', 100_001],
      ['x'.repeat(70_000), 1],
      ['end', 0],
    ] as const) {
      stream.writeTextAndBytes(text, much, 0, size);
      sent.update(text, 'latin1').update(much.subarray(0, size));
    }
    stream.end();
    stream.end();
    const taken = createHash('sha1');
    // Slowly, so that the kernel takes it in many parts.
    for await (const piece of peer) {
      taken.update(piece);
      await turns(1);
    }
    assert.equal(taken.digest('hex'), sent.digest('hex'));
  });

  test('sends text as latin1, each character a byte', async (around) => {
    const { stream, peer } = await around.accepted();
    const text = String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at));
    stream.writeText(text);
    stream.writeTextAndBytes(text, Buffer.from([0, 255]), 0, 2);
    stream.writeText('');
    stream.writeBytes(PIECE, 5, 5);
    stream.end();
    assert.equal(await readAll(peer), `${text}${text}\0\xff`);
  });

  test('frees what a peer that reads nothing never took', async (around) => {
    for (const end of ['destroy', 'reset'] as const) {
      const { ear, stream, peer } = await around.accepted();
      for (let at = 0; at < MUCH_BYTES; at += PIECE.length)
        stream.writeBytes(PIECE, 0, PIECE.length);
      await turns();
      assert.ok(stream.pendingBytes > 0);
      stream[end]();
      assert.deepEqual([stream.pendingBytes, stream.unsentBytes()], [0, 0]);
      let taken = 0;
      peer.on('data', ({ length }) => {
        taken += length;
      });
      await closing(peer);
      assert.ok(taken < MUCH_BYTES);
      assert.deepEqual([ear.drains, ear.causes], [0, []]);
    }
  });

  test('tells of a peer that resets while much waits for it', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    for (let at = 0; at < MUCH_BYTES; at += PIECE.length) stream.writeBytes(PIECE, 0, PIECE.length);
    await turns();
    peer.resetAndDestroy();
    await ear.until(() => ear.causes.length > 0);
    await turns();
    assert.deepEqual([ear.drains, ear.causes], [0, ['reset']]);
    assert.deepEqual([stream.pendingBytes, stream.unsentBytes()], [0, 0]);
  });

  test('gives what came before the end, after a pause that outlasted both', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    stream.pause();
    peer.end(PIECE);
    await turns();
    assert.deepEqual([ear.text, ear.ends], ['', 0]);
    stream.writeText('answer');
    stream.end();
    assert.equal(await readAll(peer), 'answer');
    await turns();
    assert.deepEqual(ear.causes, [], 'it is not closed before its end was told');
    stream.resume();
    await ear.until(() => ear.causes.length > 0);
    assert.deepEqual([ear.ends, ear.causes], [1, ['closed']]);
    assert.equal(ear.text, PIECE.toString('latin1'));
  });

  test('may be paused and resumed at every piece, and loses nothing', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    const taken = createHash('sha1');
    let takenBytes = 0;
    let isPaused = false;
    ear.onText = (text) => {
      assert.equal(isPaused, false, 'nothing comes in a pause');
      taken.update(text, 'latin1');
      takenBytes += text.length;
      ear.text = '';
      stream.pause();
      if (takenBytes % 3 === 0) return stream.resume();
      stream.resume();
      stream.pause();
      isPaused = true;
      setImmediate(() => {
        isPaused = false;
        stream.resume();
      });
    };
    const sent = createHash('sha1');
    for (let at = 0; at < 64; at++) {
      const piece = PIECE.subarray(at);
      sent.update(piece);
      peer.write(piece);
    }
    peer.end();
    await ear.until(() => ear.ends === 1);
    assert.equal(taken.digest('hex'), sent.digest('hex'));
  });

  test('that is paused by who takes it gives nothing', async (around) => {
    const ear = new Ear();
    const listener = await around.listen((accepted) =>
      accepted.toStream((stream) => {
        stream.pause();
        return ear.own(stream);
      }),
    );
    const peer = await around.client({ host: LOOPBACK.host, port: listener.port });
    peer.end('early');
    await ear.until(() => ear.stream !== undefined);
    await turns();
    assert.deepEqual([ear.text, ear.ends], ['', 0]);
    ear.stream.resume();
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'early');
    ear.stream.destroy();
  });

  test('is destroyed in its last calls, and quiet then', async (around) => {
    const ended = await around.accepted();
    ended.ear.onEnd = () => {
      ended.ear.ends += 1;
      ended.stream.destroy();
    };
    ended.peer.end('last');
    await closing(ended.peer.resume());
    await turns();
    assert.deepEqual([ended.ear.text, ended.ear.ends, ended.ear.causes], ['last', 1, []]);
    const drained = await around.accepted();
    drained.ear.onDrain = () => {
      drained.ear.drains += 1;
      drained.stream.destroy();
    };
    while (drained.stream.pendingBytes === 0) drained.stream.writeBytes(PIECE, 0, PIECE.length);
    drained.stream.end();
    await closing(drained.peer.resume());
    await turns();
    assert.deepEqual([drained.ear.drains, drained.ear.causes], [1, []]);
  });

  test('does not wait for another one whose peer never stops', async (around) => {
    const flooded = new Ear();
    const listener = await around.listen((accepted) => accepted.toStream(flooded.own));
    flooded.onText = () => {
      flooded.text = '';
    };
    const worker = new Worker(
      `const socket = require('node:net').connect(require('node:worker_threads').workerData, '127.0.0.1');
       const piece = Buffer.alloc(1024 * 1024);
       const write = () => { while (socket.write(piece)); };
       socket.on('connect', write).on('drain', write).on('error', () => {});`,
      { eval: true, workerData: listener.port },
    );
    around.atEnd(() => void worker.terminate());
    await flooded.until(() => flooded.stream !== undefined);
    around.atEnd(() => flooded.stream.destroy());
    const { ear, peer } = await around.accepted();
    for (let at = 0; at < 20; at++) {
      peer.write('x');
      await ear.until(() => ear.text.length === at + 1);
    }
    await worker.terminate();
  });
}

/** Not `once`, which an error ends. */
function closing(socket: net.Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve).once('end', resolve));
}
