import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COUNTER } from '../../src/table/layout.ts';
import { Wire } from './wire.ts';

const GET = Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
const UPLOAD = Buffer.from('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nhalf');

const countsOf = ({ table }: Wire) =>
  [COUNTER.awaited, COUNTER.awaitedOver, COUNTER.awaitedLong].map((one) =>
    table.counters.total(0, one),
  );

const ends: Record<string, (wire: Wire) => void> = {
  'an answer': (wire) => wire.serverSends('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  'an answer that says the server failed': (wire) =>
    wire.serverSends('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'),
  'a server that closes': (wire) => wire.serverEnds(),
  'a client that leaves': (wire) => wire.clientLeaves(),
};

for (const [end, happens] of Object.entries(ends)) {
  test(`what was awaited is over by ${end}, once`, () => {
    const wire = new Wire();
    wire.clientSends(GET);
    assert.deepEqual(countsOf(wire), [1, 0, 0]);
    happens(wire);
    assert.deepEqual(countsOf(wire), [1, 1, 0]);
  });
}

test('an answer that was awaited for long is counted as such', () => {
  const wire = new Wire();
  wire.clientSends(GET);
  wire.pass(500);
  wire.serverSends('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  assert.deepEqual(countsOf(wire), [1, 1, 1]);
  assert.equal(wire.table.counters.total(0, COUNTER.awaitedUntilPrompt), 0);
  wire.clientSends(GET);
  wire.serverSends('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  assert.equal(wire.table.counters.total(0, COUNTER.awaitedUntilPrompt), 2);
});

test('no answer is awaited while the client still sends', () => {
  const wire = new Wire();
  wire.clientSends(UPLOAD);
  assert.deepEqual(countsOf(wire), [0, 0, 0]);
  wire.serverSends('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
  wire.clientSends(Buffer.from('other'));
  const [awaited, over] = countsOf(wire);
  assert.equal(awaited, over);
});

test('a worker that dies awaits nothing more', () => {
  const wire = new Wire();
  wire.clientSends(GET);
  wire.table.forgetWorker(0);
  assert.deepEqual(countsOf(wire), [1, 1, 0]);
});
