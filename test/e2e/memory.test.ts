/** Memory for one connection stays bounded, however large the body and however slow the peer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { Openclaw, until, untilSettled } from './harness.ts';

/** The first ones let the heap grow to what it needs; what the others add is looked at. */
const FIRST = 120;
const CONNECTIONS = 360;
/** Of buffers.size, 16 KB: both directions, one read, and the objects around them. */
const BYTES_EACH_MAX = 12 * 16 * 1024;

interface Kind {
  readonly name: string;
  /** What each client says at once, and then again and again while it is taken. */
  readonly says: string;
  readonly goesOn?: string;
  /** Whether the servers read what comes. */
  readonly serverReads: boolean;
  /** All but one wait in the queue. */
  readonly waits?: boolean;
}

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const KINDS: readonly Kind[] = [
  {
    name: 'readers that take nothing',
    says: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    serverReads: true,
  },
  {
    name: 'uploads that their servers do not take',
    says: `${POST}Content-Length: 100000000\r\n\r\n`,
    goesOn: 'x'.repeat(64 * 1024),
    serverReads: false,
  },
  {
    name: 'chunks of one byte in requests that wait',
    waits: true,
    says: `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`,
    goesOn: '1\r\nx\r\n'.repeat(2_000),
    serverReads: false,
  },
  {
    name: 'heads that never end',
    says: `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(31_000)}`,
    serverReads: true,
  },
];

const LARGE = Buffer.alloc(256 * 1024, 'y');

/** Answers without end, as fast as it is taken. */
async function endlessServer(reads: boolean): Promise<net.Server> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    if (!reads) return socket.pause();
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(LARGE));
    };
    socket.on('drain', more).resume();
    more();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function openClient(port: number, { says, goesOn }: Kind): net.Socket {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(says);
  socket.pause();
  if (goesOn !== undefined) {
    const more = () => {
      while (!socket.destroyed && socket.write(goesOn));
    };
    socket.on('drain', more);
    more();
  }
  return socket;
}

for (const kind of KINDS) {
  test(`${CONNECTIONS} connections: ${kind.name}`, async () => {
    const server = await endlessServer(kind.serverReads);
    const { port } = server.address() as net.AddressInfo;
    const timeout = { connect: '60s', read: '60s', write: '60s', request: '60s', drain: '1s' };
    const address = `127.0.0.1:${port}`;
    const claw = await Openclaw.start({
      servers: [kind.waits ? { address, max_connections: 1 } : address],
      performance: { connection_pool: { queue_timeout: '60s' } },
      timeout,
    });
    const clients: net.Socket[] = [];
    try {
      const held = async (count: number) => {
        while (clients.length < count) {
          clients.push(openClient(claw.port, kind));
          if (clients.length % 50 === 0) await once(clients.at(-1)!, 'connect');
        }
        const isIn = `openclaw_client_connections_open{worker="0"} ${count}\n`;
        await until('all are in', async () => {
          const response = await fetch(`http://127.0.0.1:${claw.adminPort}/metrics`);
          return (await response.text()).includes(isIn);
        });
        await untilSettled('memory rests', () => Math.round(claw.residentBytes() / 2 ** 22));
        return claw.residentBytes();
      };
      const first = await held(FIRST);
      const each = ((await held(CONNECTIONS)) - first) / (CONNECTIONS - FIRST);
      assert.ok(each < BYTES_EACH_MAX, `${Math.round(each / 1024)} KB for each`);
    } finally {
      for (const client of clients) client.destroy();
      await claw.stop();
      server.close();
    }
  });
}
