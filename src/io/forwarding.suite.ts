/** Bytes that one stream receives and others send within the same call, from where they lie. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Stream } from '../core/ports/stream.ts';
import {
  MUCH_BYTES,
  PIECE,
  readAll,
  type Surroundings,
  type TestWith,
  turns,
} from './backend.fixture.ts';

/** What is done with each piece that is received. */
type Forward = (bytes: Buffer, start: number, end: number, to: readonly Stream[]) => void;

/** A sender, whose bytes one stream receives and `forward` gives to others, and their readers. */
async function sending(around: Surroundings, readers: number, forward: Forward) {
  const targets = [];
  for (let at = 0; at < readers; at++) targets.push(await around.accepted());
  const streams = targets.map(({ stream }) => stream);
  const { ear, stream: source, peer: sender } = await around.accepted();
  ear.onBytes = (bytes, start, end) => forward(bytes, start, end, streams);
  ear.onEnd = () => {
    for (const stream of streams) stream.end();
  };
  return { sender, source, targets, readers: targets.map(({ peer }) => peer) };
}

export function forwarding(test: TestWith): void {
  // Longer than any room that a backend may keep before what it receives.
  for (const headBytes of [0, 1, 200, 5_000, 100_000]) {
    test(`go on behind a head of ${headBytes} bytes`, async (around) => {
      const head = 'h'.repeat(headBytes);
      const pieces: string[] = [];
      const { sender, readers } = await sending(around, 1, (bytes, start, end, [to]) => {
        pieces.push(head, bytes.toString('latin1', start, end));
        to!.writeTextAndBytes(head, bytes, start, end);
      });
      const read = readAll(readers[0]!);
      for (let at = 0; at < 20; at++) {
        sender.write(`message ${at} ${'x'.repeat(at * 1000)}\n`);
        await turns(2);
      }
      sender.end();
      assert.equal(await read, pieces.join(''));
    });
  }

  test('go in parts, each behind its own head', async (around) => {
    const pieces: string[] = [];
    const { sender, readers } = await sending(around, 1, (bytes, start, end, [to]) => {
      // A part that is left out makes room for the next head, and a head may be longer than it.
      for (let at = start; at < end; at += 7) {
        const upTo = Math.min(at + 5, end);
        const head = `<${'.'.repeat(at % 11)}>`;
        pieces.push(head, bytes.toString('latin1', at, upTo));
        to!.writeTextAndBytes(head, bytes, at, upTo);
      }
    });
    const read = readAll(readers[0]!);
    for (let at = 0; at < 10; at++) {
      sender.write(PIECE.subarray(0, 300));
      await turns(2);
    }
    sender.end();
    assert.equal(await read, pieces.join(''));
  });

  test('go to several, and are the same for each', async (around) => {
    const { sender, readers } = await sending(around, 3, (bytes, start, end, to) => {
      for (const stream of to) stream.writeBytes(bytes, start, end);
    });
    const read = Promise.all(readers.map((reader) => readAll(reader)));
    for (let at = 0; at < 8; at++) sender.write(PIECE);
    sender.end();
    const text = PIECE.toString('latin1').repeat(8);
    for (const one of await read) assert.ok(one === text);
  });

  test('stay as they were while they wait for a slow reader', async (around) => {
    const { sender, readers, targets } = await sending(around, 2, (bytes, start, end, [to]) => {
      to!.writeTextAndBytes(':', bytes, start, end);
    });
    const sent = createHash('sha1');
    const { stream } = targets[0]!;
    let sentBytes = 0;
    while (stream.pendingBytes === 0) {
      sender.write(PIECE);
      sent.update(PIECE);
      sentBytes += PIECE.length;
      await turns(1);
    }
    sender.end();
    const taken = createHash('sha1');
    let takenBytes = 0;
    for await (const piece of readers[0]!.setEncoding('latin1')) {
      const rest = (piece as string).replaceAll(':', '');
      taken.update(rest, 'latin1');
      takenBytes += rest.length;
    }
    assert.deepEqual([takenBytes, taken.digest('hex')], [sentBytes, sent.digest('hex')]);
  });

  test('hold their sender back, and little of them waits', async (around) => {
    const PENDING_BYTES_MAX = 128 * 1024;
    let pendingBytesMax = 0;
    const { sender, source, readers, targets } = await sending(
      around,
      1,
      (bytes, start, end, [to]) => {
        to!.writeBytes(bytes, start, end);
        pendingBytesMax = Math.max(pendingBytesMax, to!.pendingBytes);
        if (to!.pendingBytes > PENDING_BYTES_MAX) source.pause();
      },
    );
    targets[0]!.ear.onDrain = () => source.resume();
    const sent = createHash('sha1');
    for (let at = 0; at < MUCH_BYTES; at += PIECE.length) {
      sender.write(PIECE);
      sent.update(PIECE);
    }
    sender.end();
    await turns();
    assert.ok(sender.writableLength > 0, 'the sender waits for the reader');
    const taken = createHash('sha1');
    for await (const piece of readers[0]!) taken.update(piece);
    assert.equal(taken.digest('hex'), sent.digest('hex'));
    // A pause may find one more piece on its way.
    assert.ok(pendingBytesMax <= PENDING_BYTES_MAX + 2 * PIECE.length);
  });

  test('come back to who sent them, from where they lie', async (around) => {
    const { ear, stream, peer } = await around.accepted();
    ear.onBytes = (bytes, start, end) => stream.writeTextAndBytes('', bytes, start, end);
    ear.onEnd = () => stream.end();
    const sent = createHash('sha1');
    for (let at = 0; at < 100; at++) {
      const piece = PIECE.subarray(0, 1 + at * 600);
      sent.update(piece);
      peer.write(piece);
    }
    peer.end();
    const taken = createHash('sha1');
    for await (const piece of peer) taken.update(piece);
    assert.equal(taken.digest('hex'), sent.digest('hex'));
  });
}
