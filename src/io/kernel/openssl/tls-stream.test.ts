import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NOBODY } from '../../../core/ports/stream.ts';
import { hasOpenSsl } from './calls.ts';
import { Bench, type Pair } from './pair.fixture.ts';

describe('an encrypted stream', { skip: !hasOpenSsl }, () => {
  const bench = hasOpenSsl ? new Bench() : null!;
  const security = hasOpenSsl ? bench.securityOf() : null!;
  const oldSecurity = hasOpenSsl ? bench.securityOf({ maxVersion: 'TLSv1.2' }) : null!;
  const open = (with_ = security, key = 'same'): Pair => {
    const pair = bench.pair(with_, key);
    pair.deliver();
    assert.deepEqual([pair.serverSaid, pair.clientSaid], ['secured', 'opened']);
    return pair;
  };

  test('sends what was received from where it lies, and text before it', () => {
    const pair = open();
    const { stream } = pair.server;
    (pair.serverEnd.owner as unknown as { owner: object }).owner = {
      ...NOBODY,
      onBytes: (bytes: Buffer, start: number, end: number) =>
        stream.writeTextAndBytes('text', bytes, start, end),
    };
    const sent = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
    pair.client.stream.writeBytes(sent, 0, sent.length);
    pair.deliver();
    assert.ok(pair.client.text.startsWith('text'));
    assert.ok(pair.client.text.replaceAll('text', '') === sent.toString('latin1'));
  });

  test('passes on what came together with the end of the handshake', () => {
    const pair = bench.pair(security, 'early');
    pair.serverEnd.hear(pair.clientEnd.take());
    pair.clientEnd.hear(pair.serverEnd.take());
    pair.client.stream.writeText('at once');
    pair.client.stream.end();
    pair.serverEnd.hear(pair.clientEnd.take());
    assert.deepEqual([pair.server.text, pair.server.ends], ['at once', 1]);
  });

  test("passes on a server's words that came together with the end of the handshake", () => {
    const pair = bench.pair(oldSecurity, 'greeting');
    pair.serverEnd.hear(pair.clientEnd.take());
    pair.clientEnd.hear(pair.serverEnd.take());
    pair.serverEnd.hear(pair.clientEnd.take());
    assert.equal(pair.serverSaid, 'secured');
    pair.server.stream.writeText('greeting');
    pair.clientEnd.hear(pair.serverEnd.take());
    bench.runDeferred();
    assert.deepEqual([pair.client.opens, pair.client.text], [1, 'greeting']);
  });

  test('is one record for text and bytes that fit', () => {
    const pair = open();
    const bytes = Buffer.alloc(16_000, 'x');
    pair.client.stream.writeTextAndBytes('head', bytes, 0, bytes.length);
    const record = pair.clientEnd.take();
    assert.equal(record.readUInt16BE(3), record.length - 5);
  });

  test('closes where both have said that nothing more comes, without waiting for the peer', () => {
    const pair = open();
    pair.client.stream.end();
    assert.equal(pair.clientEnd.hasEnded, true);
    pair.deliver();
    assert.deepEqual([pair.server.ends, pair.server.causes], [1, []]);
    pair.server.stream.end();
    assert.deepEqual(pair.server.causes, [], 'not within the call');
    pair.deliver();
    bench.runDeferred();
    assert.deepEqual([pair.server.causes, pair.client.causes], [['closed'], ['closed']]);
    assert.deepEqual([pair.serverEnd.isOpen, pair.clientEnd.isOpen], [false, false]);
  });

  test('says goodbye when it is destroyed, where nothing stands before it', () => {
    const pair = open();
    pair.server.stream.destroy();
    assert.equal(pair.serverEnd.isOpen, false);
    pair.deliver();
    assert.equal(pair.client.ends, 1);
    const other = open();
    other.serverEnd.pendingBytes = 1;
    other.server.stream.destroy();
    assert.equal(other.serverEnd.take().length, 0);
    const third = open();
    third.server.stream.reset();
    assert.deepEqual([third.serverEnd.take().length, third.serverEnd.wasReset], [0, true]);
  });

  test('is quiet and takes nothing after its end', () => {
    const pair = open();
    const { stream } = pair.server;
    pair.client.stream.writeText('late');
    stream.destroy();
    pair.serverEnd.take();
    pair.deliver();
    stream.writeText('nothing');
    stream.end();
    stream.pause();
    stream.resume();
    stream.destroy();
    stream.reset();
    bench.runDeferred();
    assert.deepEqual([pair.server.text, pair.serverEnd.take().length], ['', 0]);
    assert.deepEqual([stream.pendingBytes, stream.unsentBytes()], [0, 0]);
  });

  test('waits with what comes while another one is passing on', () => {
    const [one, other] = [open(), open()];
    other.client.stream.writeText('other');
    const record = other.clientEnd.take();
    one.server.onText = () => {
      other.serverEnd.hear(record);
      assert.equal(other.server.text, '');
    };
    one.client.stream.writeText('one');
    one.deliver();
    assert.deepEqual([one.server.text, other.server.text], ['one', 'other']);
  });

  test('holds the end back behind what it holds', () => {
    const pair = open();
    pair.server.stream.pause();
    pair.client.stream.writeText('held');
    pair.serverEnd.hear(pair.clientEnd.take());
    pair.serverEnd.owner.onEnd(0);
    bench.runDeferred();
    assert.deepEqual([pair.server.text, pair.server.ends], ['', 0]);
    pair.server.stream.resume();
    bench.runDeferred();
    assert.deepEqual([pair.server.text, pair.server.ends], ['held', 1]);
  });

  test('closes where both have ended, once what waits below has drained', () => {
    const pair = open();
    pair.client.stream.end();
    pair.deliver();
    pair.serverEnd.pendingBytes = 1;
    pair.server.stream.end();
    bench.runDeferred();
    assert.deepEqual(pair.server.causes, []);
    pair.serverEnd.pendingBytes = 0;
    pair.serverEnd.owner.onDrain(0);
    assert.deepEqual(pair.server.causes, ['closed']);
  });

  test('takes up a session with a server, with the same one only', () => {
    for (const [which, version] of [
      [security, 'TLSv1.3'],
      [oldSecurity, 'TLSv1.2'],
    ] as const) {
      const resumed = [version, version, `other ${version}`].map((key) => {
        const pair = open(which, key);
        pair.destroy();
        return pair.secured!.isResumed;
      });
      assert.deepEqual(resumed, [false, true, false]);
    }
  });
});
