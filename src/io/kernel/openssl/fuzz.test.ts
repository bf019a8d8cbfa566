/**
 * Whatever a peer sends, its connection is told of at most one end, nothing of it is left over for
 * other connections, and the process lives.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Random, seededRandom } from '../../../base/random.ts';
import { hasOpenSsl } from './calls.ts';
import { Bench, type Pair } from './pair.fixture.ts';

const RUNS = 400;
const bench = hasOpenSsl ? new Bench() : null!;

describe('bytes from outside', { skip: !hasOpenSsl }, () => {
  const security = hasOpenSsl ? bench.securityOf() : null!;
  const oldSecurity = hasOpenSsl ? bench.securityOf({ maxVersion: 'TLSv1.2' }) : null!;

  function each(run: (random: Random, pair: Pair) => void): void {
    for (let seed = 0; seed < RUNS; seed++) {
      const random = seededRandom(seed);
      // Some find a session to take up.
      const pair = bench.pair(seed % 2 === 0 ? security : oldSecurity, `key ${seed % 7}`);
      try {
        run(random, pair);
        assert.ok(bench.engine.memory.isClear, 'nothing is left over');
        assert.ok(pair.server.causes.length <= 1 && pair.client.causes.length <= 1);
        pair.destroy();
        assert.ok(bench.engine.memory.isClear, 'nothing is left over after the end');
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  }

  test('that are no TLS at all', () => {
    each((random, pair) => {
      pair.clientEnd.take();
      for (let pieces = 0; pieces < 4; pieces++) {
        pair.serverEnd.hear(noise(random, 1 + Math.floor(random() * 300)));
        pair.clientEnd.hear(noise(random, 1 + Math.floor(random() * 300)));
      }
      bench.runDeferred();
      assert.notEqual(pair.serverSaid, 'secured');
      assert.notEqual(pair.clientSaid, 'opened');
    });
  });

  test('that look like records', () => {
    each((random, pair) => {
      pair.clientEnd.take();
      for (let records = 0; records < 4; records++) {
        pair.serverEnd.hear(record(random));
        pair.clientEnd.hear(record(random));
      }
      bench.runDeferred();
      assert.notEqual(pair.serverSaid, 'secured');
      assert.notEqual(pair.clientSaid, 'opened');
    });
  });

  test('of handshakes that are cut, turned and repeated', () => {
    each((random, pair) => pair.deliver((bytes) => broken(random, bytes)));
  });

  test('of connections that are cut, turned and repeated', () => {
    each((random, pair) => {
      pair.deliver((bytes) => sliced(random, bytes));
      assert.deepEqual([pair.serverSaid, pair.clientSaid], ['secured', 'opened']);
      const sent = 'a'.repeat(1 + Math.floor(random() * 40_000));
      pair.client.stream.writeText(sent);
      pair.server.stream.writeText(sent);
      if (random() < 0.3) pair.client.stream.end();
      pair.deliver((bytes) => broken(random, bytes));
      // What was changed on its way is not passed on, what stands before it is.
      assert.ok(sent.startsWith(pair.server.text));
      assert.ok(sent.startsWith(pair.client.text));
    });
  });

  test('in any slices, with one side held back now and then, come through as they were', () => {
    each((random, pair) => {
      pair.deliver((bytes) => sliced(random, bytes));
      const sent = noise(random, 1 + Math.floor(random() * 60_000));
      const text = sent.toString('latin1');
      pair.server.onText = () => {
        if (random() < 0.2) pair.server.stream.pause();
      };
      for (let at = 0; at < sent.length; ) {
        const size = Math.min(sent.length - at, Math.floor(random() * 50_000));
        const textSize = Math.floor(random() * size);
        const head = text.slice(at, at + textSize);
        pair.client.stream.writeTextAndBytes(head, sent, at + textSize, at + size);
        at += size;
      }
      pair.client.stream.end();
      for (let rounds = 0; rounds < 1_000 && pair.server.ends === 0; rounds++) {
        pair.deliver((bytes) => sliced(random, bytes));
        pair.server.stream.resume();
        bench.runDeferred();
      }
      assert.ok(pair.server.text === text);
      assert.equal(pair.server.ends, 1);
    });
  });
});

function noise(random: Random, lengthBytes: number): Buffer {
  return Buffer.from(Array.from({ length: lengthBytes }, () => Math.floor(random() * 256)));
}

/** With a header that is right, mostly. */
function record(random: Random): Buffer {
  const body = noise(random, Math.floor(random() * 200));
  const type = [20, 21, 22, 23, 24, 0][Math.floor(random() * 6)]!;
  const said = random() < 0.2 ? Math.floor(random() * 65_536) : body.length;
  if (type === 22 && body.length > 4 && random() < 0.8) {
    body[0] = [1, 2, 4, 11, 20, 24][Math.floor(random() * 6)]!;
    body.writeUIntBE(body.length - 4, 1, 3);
  }
  return Buffer.concat([
    Buffer.from([type, 3, 3 - Math.round(random()), said >> 8, said & 255]),
    body,
  ]);
}

function sliced(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const sizeMax = random() < 0.1 ? 7 : 20_000;
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * sizeMax);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** Some pass as they are: a fault late in a handshake is a fault too. */
function broken(random: Random, bytes: Buffer): Buffer[] {
  const changed = Buffer.from(bytes);
  const kind = random();
  if (kind < 0.3) return sliced(random, changed);
  if (kind < 0.5) return [changed.subarray(0, Math.floor(random() * changed.length))];
  if (kind < 0.6) return [changed, changed];
  for (let turns = 1 + Math.floor(random() * 3); turns > 0; turns--) {
    const at = Math.floor(random() * changed.length);
    changed[at] = changed[at]! ^ (1 << Math.floor(random() * 8));
  }
  return sliced(random, changed);
}
