import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, it } from 'node:test';
import type { Contained } from '../../base/contain.ts';
import type { CloseCause, StreamOwner } from '../../core/ports/stream.ts';
import { realClock } from '../real-clock.ts';
import { ReadBuffers } from './read-buffers.ts';
import { SocketStream } from './socket-stream.ts';

const READ_BYTES = 64 * 1024;
/** More than the system takes of a connection that nobody reads. */
const PIECES = 400;

/** Owners that threw. */
const contained: Contained[] = [];

/** A stream that writes to `peer`. */
async function connected() {
  const buffers = new ReadBuffers(READ_BYTES);
  const closed = Promise.withResolvers<CloseCause>();
  const owner: StreamOwner = {
    onOpen() {},
    onBytes() {},
    onDrain() {},
    onEnd() {},
    onClose: (cause) => closed.resolve(cause),
    crashed() {},
  };
  const stream = new SocketStream(
    { clock: realClock, buffers, contain: (_error, part) => contained.push(part) },
    owner,
  );
  const listener = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  const socket = net.connect({ port, host: '127.0.0.1', onread: stream.onread });
  stream.attach(socket, 'onread');
  const [[peer]] = (await Promise.all([once(listener, 'connection'), once(socket, 'connect')])) as [
    [net.Socket],
    unknown,
  ];
  listener.close();
  return { buffers, stream, peer, closed: closed.promise };
}

async function readAll(peer: net.Socket): Promise<string> {
  let text = '';
  peer.setEncoding('latin1').on('data', (piece) => {
    text += piece;
  });
  peer.resume();
  await once(peer, 'end');
  peer.destroy();
  return text;
}

describe('a stream on a socket', () => {
  for (const [what, bytes] of [
    ['small pieces', 300],
    ['large pieces', READ_BYTES],
  ] as const) {
    for (const own of [false, true]) {
      it(`sends ${what} of ${own ? 'other' : 'the shared'} memory as they were, though it is written over at once and the reader is late`, async () => {
        const { buffers, stream, peer } = await connected();
        const memory = own ? Buffer.alloc(READ_BYTES) : buffers.shared;
        let expected = '';
        for (let index = 0; index < PIECES; index++) {
          const text = `<${index}:${'h'.repeat((index % 3) * 2000)}>`;
          const filling = String.fromCharCode(97 + (index % 26));
          memory.fill(filling);
          stream.writeTextAndBytes(text, memory, READ_BYTES - bytes, READ_BYTES);
          expected += text + filling.repeat(bytes);
        }
        stream.writeText('end');
        memory.fill('#');
        stream.end();
        assert.equal((await readAll(peer)) === `${expected}end`, true);
      });
    }
  }

  it('sends a text that is longer than the room before the bytes', async () => {
    const { buffers, stream, peer } = await connected();
    const text = 'h'.repeat(READ_BYTES);
    buffers.shared.fill('b');
    stream.writeTextAndBytes(text, buffers.shared, 0, READ_BYTES);
    stream.end();
    assert.equal((await readAll(peer)) === text + 'b'.repeat(READ_BYTES), true);
  });

  it('tells of a peer that is gone when a write fails', async () => {
    const { buffers, stream, peer, closed } = await connected();
    peer.resetAndDestroy();
    await once(peer, 'close');
    stream.writeBytes(buffers.shared, 0, READ_BYTES);
    stream.writeBytes(buffers.shared, 0, READ_BYTES);
    assert.equal(await closed, 'reset');
  });

  it('ends where its owner throws, and tells who contains that', async () => {
    const { stream, peer } = await connected();
    const owner = { ...stream.owner, onBytes: () => assert.fail('broken') };
    stream.owner = owner;
    peer.resume().write('x');
    await once(peer, 'end');
    assert.deepEqual(contained, [owner]);
    peer.destroy();
  });
});
