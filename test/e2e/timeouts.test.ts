/** Every timeout of the specification, with its status and its reason in the log. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Openclaw, okWith, type Peer, ScriptedServer, SharedOpenclaw, until } from './harness.ts';

/** Of the timeouts: what the tests do in between takes far less, on a busy machine too. */
const UNIT_MS = 2_000;
/** More than kernels hold for two connections. */
const LARGE_BYTES = 40_000_000;
const PIECE = Buffer.alloc(64 * 1024, 'x');

let server: ScriptedServer;
let openclaw: Openclaw;
const shared = new SharedOpenclaw();

before(async () => {
  server = await ScriptedServer.listen();
  openclaw = await shared.take({
    servers: [server.address],
    timeout: {
      read: `${UNIT_MS}ms`,
      write: `${UNIT_MS}ms`,
      request: `${UNIT_MS}ms`,
      idle: `${UNIT_MS}ms`,
      stream: `${2.5 * UNIT_MS}ms`,
    },
  });
});

after(async () => {
  await shared.end();
  await server.close();
});

/** Sends this much as it is taken: were it held here, the tests beside this one would wait. */
async function pour(peer: Peer, bytes: number): Promise<void> {
  for (let at = 0; at < bytes && !peer.isClosed; at += PIECE.length) {
    const piece = PIECE.subarray(0, bytes - at);
    await new Promise<void>((resolve) => peer.socket.write(piece, () => resolve()));
  }
}

const HOST = 'Host: a.example\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: toy\r\n';

async function assertLogged(path: string, status: number, failure: string): Promise<void> {
  const line = await openclaw.logged(path);
  assert.deepEqual([line.status, line.failure], [status, failure]);
}

/** Waits for the log line of a request that was refused before it was one. */
function refusals(failure: string): number {
  return openclaw.log().filter((line) => line.failure === failure).length;
}

describe('timeouts', { concurrency: true }, () => {
  test('read: a server that is silent before its head is a 504', async () => {
    let isGone = false;
    server.on('/silent', async (peer) => {
      await peer.gone();
      isGone = true;
    });
    const client = await openclaw.send(`POST /silent HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`);
    assert.equal((await client.response()).status, 504);
    await until('its server lost the connection', () => isGone);
    await assertLogged('/silent', 504, 'read_timeout');
    client.close();
  });

  test('read: a server that falls silent in its body breaks the response off', async () => {
    server.on('/falls-silent', async (peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      await peer.gone();
    });
    const client = await openclaw.send(`GET /falls-silent HTTP/1.1\r\n${HOST}\r\n`);
    await client.head();
    await client.gone();
    assert.equal(client.unread, 'half');
    await assertLogged('/falls-silent', 200, 'read_timeout');
  });

  test('read: a server that keeps speaking may take longer than that in all', async () => {
    server.on('/dripping', async (peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n');
      for (const byte of 'drip drop') {
        await new Promise((resolve) => setTimeout(resolve, UNIT_MS / 5));
        peer.send(byte);
      }
    });
    const client = await openclaw.send(`GET /dripping HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await client.response()).text, 'drip drop');
    client.close();
  });

  test('write: a server that takes nothing is a 504', async () => {
    server.on('/stalled', async (peer) => {
      peer.socket.pause();
      await until('the connection is gone', () => peer.isClosed);
    });
    const client = await openclaw.send(
      `POST /stalled HTTP/1.1\r\n${HOST}Content-Length: ${LARGE_BYTES}\r\n\r\n`,
    );
    void pour(client, LARGE_BYTES);
    assert.equal((await client.response()).status, 504);
    await assertLogged('/stalled', 504, 'write_timeout');
    client.close();
    for (const peer of server.peers) if (peer.socket.isPaused()) peer.close();
  });

  test('write: a client that takes nothing is left, and its server with it', async () => {
    let isGone = false;
    server.on('/stalled-client', async (peer) => {
      peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
      await pour(peer, LARGE_BYTES);
      await until('the connection is gone', () => peer.isClosed);
      isGone = true;
    });
    const client = await openclaw.send(
      `GET /stalled-client HTTP/1.1\r\n${HOST}\r\nGET /never HTTP/1.1\r\n${HOST}\r\n`,
    );
    client.socket.pause();
    await until('its server lost the connection', () => isGone);
    await assertLogged('/stalled-client', 200, 'client_write_timeout');
    assert.equal(server.requestsFor('/never'), 0);
    client.close();
  });

  test('request: a head that does not come whole is a 408, however it drips', async () => {
    const before = refusals('head_timeout');
    const client = await openclaw.send('GET /drip HTTP/1.1\r\n');
    const dripping = setInterval(() => client.socket.writable && client.send('x'), 100);
    const response = await client.response();
    clearInterval(dripping);
    assert.equal(response.status, 408);
    assert.deepEqual(response.headers.connection, ['close']);
    await client.ended();
    await until('it is logged', () => refusals('head_timeout') > before);
  });

  test('request: counts from the first byte of each request anew', async () => {
    const client = await openclaw.connect();
    for (let nth = 0; nth < 4; nth++) {
      client.send(`GET /paced HTTP/1.1\r\n`);
      await new Promise((resolve) => setTimeout(resolve, UNIT_MS / 3));
      assert.equal((await client.send(`${HOST}\r\n`).response()).text, '/paced');
    }
    client.close();
  });

  test('a request body that stops is a 408', async () => {
    let isGone = false;
    server.on('/half-body', async (peer) => {
      await peer.gone();
      isGone = true;
    });
    const client = await openclaw.send(
      `POST /half-body HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nhalf`,
    );
    const response = await client.response();
    assert.equal(response.status, 408);
    assert.deepEqual(response.headers.connection, ['close']);
    await client.ended();
    await until('its server lost the connection', () => isGone);
    await assertLogged('/half-body', 408, 'body_timeout');
  });

  test('idle: a connection that rests is closed without a word', async () => {
    const fresh = await openclaw.connect();
    const used = await openclaw.send(`GET /used HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await used.response()).text, '/used');
    await Promise.all([fresh.ended(), used.ended()]);
  });

  test('stream: a tunnel silent in both directions is closed at both ends', async () => {
    let isGone = false;
    server.on('/tunnel', async (peer) => {
      peer.send(`HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`);
      // Longer than read and idle allow, but not silent for longer than stream does.
      for (let time = 0; time < 3; time++) {
        await new Promise((resolve) => setTimeout(resolve, 1.2 * UNIT_MS));
        peer.send('x');
      }
      await peer.gone();
      isGone = true;
    });
    const client = await openclaw.send(`GET /tunnel HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`);
    assert.equal((await client.head()).status, 101);
    assert.equal(await client.rest(), 'xxx');
    await until('its server lost the connection', () => isGone);
    await assertLogged('/tunnel', 101, 'stream_timeout');
  });

  test('stream: counts for an event stream, for which read does not', async () => {
    server.on('/events', async (peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n');
      await new Promise((resolve) => setTimeout(resolve, 1.5 * UNIT_MS));
      peer.send('data: late\n\n');
      await peer.gone();
    });
    const client = await openclaw.send(`GET /events HTTP/1.1\r\n${HOST}\r\n`);
    await client.head();
    await client.through('data: late\n\n');
    await client.gone();
    await assertLogged('/events', 200, 'stream_timeout');
  });
});

test('an answer that came while the process was stopped is not late', async () => {
  const answered = Promise.withResolvers<void>();
  server.on('/stopped', async (peer) => {
    openclaw.child.kill('SIGSTOP');
    peer.send(okWith('in time'));
    answered.resolve();
  });
  const client = await openclaw.send(`GET /stopped HTTP/1.1\r\n${HOST}\r\n`);
  await answered.promise;
  // Well past the timeout; the answer has been in the socket all the time.
  await new Promise((resolve) => setTimeout(resolve, 1.5 * UNIT_MS));
  openclaw.child.kill('SIGCONT');
  const { status, text } = await client.response();
  assert.deepEqual([status, text], [200, 'in time']);
  client.close();
});

test('connect: a server whose queue is full is a 504', async () => {
  const full = await fullListener();
  const claw = await shared.take({
    servers: [`127.0.0.1:${full.port}`],
    timeout: { connect: '200ms' },
    failover: { retries: 0 },
  });
  const client = await claw.send(`GET /full HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await client.response()).status, 504);
  assert.equal((await claw.logged('/full')).failure, 'connect_timeout');
  client.close();
  await claw.stop();
  full.close();
});

test('read: does not count while the client is the slow one', async () => {
  // The server is this process, which has other things to do: it must not be the silent one.
  const claw = await shared.take({ servers: [server.address], timeout: { read: '3s' } });
  let hasPoured = false;
  server.on('/slow-client', async (peer) => {
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
    await pour(peer, LARGE_BYTES);
    hasPoured = true;
  });
  const client = await claw.send(`GET /slow-client HTTP/1.1\r\n${HOST}\r\n`);
  await client.head();
  client.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 4_500));
  assert.ok(!hasPoured, 'nobody had to wait');
  client.socket.resume();
  for (let at = 0; at < LARGE_BYTES; at += PIECE.length) {
    await client.bytes(Math.min(PIECE.length, LARGE_BYTES - at));
  }
  client.close();
  await claw.stop();
});

test('drain: what is not done in time is ended, and the stop is still in order', async () => {
  const claw = await Openclaw.start({ servers: [server.address], timeout: { drain: '300ms' } });
  server.on('/endless', async (peer) => {
    await peer.gone();
  });
  const client = await claw.send(`GET /endless HTTP/1.1\r\n${HOST}\r\n`);
  await until('it is at the server', () => server.requestsFor('/endless') === 1);
  await claw.stop();
  await client.gone();
});

/** A listener that accepts nothing and whose queue is full: the kernel drops what comes. */
async function fullListener(): Promise<{ port: number; close: () => void }> {
  const program = `
    const server = require('node:net').createServer();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port) + '\\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await once(child.stdout.setEncoding('utf8'), 'data');
  const port = Number(text);
  // More than the queue holds. All of them have asked before the first of them hears that it is in.
  const fillers = Array.from({ length: 8 }, () =>
    net.connect({ host: '127.0.0.1', port }).on('error', () => {}),
  );
  await once(fillers[0]!, 'connect');
  return {
    port,
    close: () => {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}
