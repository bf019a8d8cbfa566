/** Connections that become something else, and responses that never end. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { answerOk, Openclaw, okWith, ScriptedServer, until, untilSettled } from './harness.ts';

let server: ScriptedServer;
let openclaw: Openclaw;
let echo: WebSocketServer;
let echoClaw: Openclaw;

before(async () => {
  server = await ScriptedServer.listen();
  echo = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(echo, 'listening');
  echo.on('connection', (socket) => {
    socket.send('hello at once');
    socket.on('message', (data, isBinary) => {
      if (data.toString() === 'close me') socket.close(4001, 'as you wish');
      else socket.send(data, { binary: isBinary });
    });
    socket.on('close', (code, reason) => closes.push(`${code} ${reason}`));
  });
  const { port } = echo.address() as AddressInfo;
  [openclaw, echoClaw] = await Promise.all([
    Openclaw.start({ servers: [server.address] }),
    Openclaw.start({ servers: [`127.0.0.1:${port}`] }),
  ]);
});

after(async () => {
  await Promise.all([openclaw.stop(), echoClaw.stop()]);
  for (const client of echo.clients) client.terminate();
  echo.close();
  await server.close();
});

const HOST = 'Host: a.example\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: toy\r\n';
const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`;
const closes: string[] = [];

/** A WebSocket whose messages are gathered in order. */
async function open(): Promise<{ socket: WebSocket; next: () => Promise<Buffer> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${echoClaw.port}/echo`, { perMessageDeflate: true });
  const messages: Buffer[] = [];
  socket.on('message', (data) => messages.push(data as Buffer));
  await once(socket, 'open');
  return { socket, next: () => until('a message', () => messages.shift()) };
}

test('WebSocket messages of every size come back, the first one sent with the handshake', async () => {
  const { socket, next } = await open();
  assert.equal((await next()).toString(), 'hello at once');
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
    const bytes = Buffer.alloc(size, 'openclaw ');
    socket.send(bytes);
    assert.ok((await next()).equals(bytes), `${size} bytes`);
  }
  socket.ping('still there?');
  const [pong] = await once(socket, 'pong');
  assert.equal(String(pong), 'still there?');
  socket.close();
  await once(socket, 'close');
});

test('close codes and reasons of a WebSocket go both ways', async () => {
  const first = await open();
  first.socket.send('close me');
  const [code, reason] = await once(first.socket, 'close');
  assert.deepEqual([code, String(reason)], [4001, 'as you wish']);
  const second = await open();
  second.socket.close(4002, 'my wish');
  await once(second.socket, 'close');
  await until('the server has the code', () => closes.includes('4002 my wish'));
  await echoClaw.untilIdle();
});

test('a WebSocket whose client vanishes is closed at the server, and the other way round', async () => {
  const first = await open();
  await first.next();
  first.socket.terminate();
  await until('the server sees it', () => closes.includes('1006 '));
  const second = await open();
  await second.next();
  for (const client of echo.clients) client.terminate();
  const [code] = await once(second.socket, 'close');
  assert.equal(code, 1006);
  await echoClaw.untilIdle();
  assert.equal((await echoClaw.logged('/echo')).kind, 'tunnel');
});

test('a handshake and what follows it at once are answered, as one write or two', async () => {
  const key = Buffer.from('0123456789abcdef').toString('base64');
  const accept = createHash('sha1')
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  // A masked text frame "hi", its mask all zero.
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
  const client = await echoClaw.connect();
  const head = `GET /echo HTTP/1.1\r\n${HOST}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
  client.send(Buffer.concat([Buffer.from(head), frame]));
  const response = await client.head();
  assert.equal(response.status, 101);
  assert.deepEqual(response.headers['sec-websocket-accept'], [accept]);
  assert.equal((await client.bytes(15)).subarray(2).toString(), 'hello at once');
  assert.equal((await client.bytes(4)).subarray(2).toString(), 'hi');
  client.close();
});

test('any other protocol is tunnelled after its 101, bytes behind both heads included', async () => {
  server.on('/toy', async (peer, head) => {
    assert.deepEqual(head.headers.upgrade, ['toy']);
    assert.deepEqual(head.headers.connection, ['Upgrade']);
    peer.send(`${SWITCHING}from the server`);
    assert.equal((await peer.bytes(15)).toString(), 'from the client');
    peer.send(`GET /not HTTP/1.1\r\n\r\n`);
    await until('the client has ended', () => peer.hasEnded);
    peer.send('last').end();
  });
  const client = await openclaw.send(`GET /toy HTTP/1.1\r\n${HOST}${UPGRADE}\r\nfrom the client`);
  const response = await client.head();
  assert.equal(response.line, 'HTTP/1.1 101 Switching Protocols');
  assert.deepEqual(response.headers.upgrade, ['toy']);
  assert.deepEqual(response.headers.connection, ['Upgrade']);
  assert.equal((await client.bytes(15)).toString(), 'from the server');
  assert.equal(await client.through('\r\n\r\n'), 'GET /not HTTP/1.1\r\n\r\n');
  // The client's half-close goes through, and the server may still speak.
  client.end();
  assert.equal(await client.rest(), 'last');
  await openclaw.untilIdle();
});

test("a tunnel's half-close by the server leaves the client its say", async () => {
  let heard = '';
  server.on('/half-tunnel', async (peer) => {
    peer.send(`${SWITCHING}bye`).end();
    heard = await peer.rest();
  });
  const client = await openclaw.send(`GET /half-tunnel HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`);
  await client.head();
  await until('the server has ended', () => client.hasEnded);
  client.send('but I go on').end();
  await until('the server heard', () => heard === 'but I go on');
  await openclaw.untilIdle();
});

test('an upgrade that the server refuses is a plain answer, and the connection stays', async () => {
  server.on('/refuse-200', (peer) => {
    peer.send(okWith('plain'));
  });
  server.on('/refuse-400', (peer) => {
    peer.send('HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno');
  });
  server.on('/refuse-426', (peer) => {
    peer.send(
      'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: toy\r\nContent-Length: 2\r\n\r\nno',
    );
  });
  const client = await openclaw.connect();
  for (const status of [200, 400, 426]) {
    const request = `GET /refuse-${status} HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`;
    assert.equal((await client.send(request).response()).status, status);
  }
  assert.equal((await client.send(`GET /next HTTP/1.1\r\n${HOST}\r\n`).response()).text, '/next');
  client.close();
});

test('h2c is not forwarded, and neither is an Upgrade that Connection does not name', async () => {
  const seen: (string[] | undefined)[] = [];
  server.on('/quiet', async (peer, head) => {
    seen.push(head.headers.upgrade, head.headers['http2-settings'], head.headers.connection);
    await answerOk(peer, head);
  });
  for (const lines of [
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n',
    'Upgrade: toy\r\n',
    'Connection: close\r\nUpgrade: toy\r\n',
  ]) {
    const client = await openclaw.send(`GET /quiet HTTP/1.1\r\n${HOST}${lines}\r\n`);
    assert.equal((await client.response()).text, '/quiet');
    client.close();
  }
  const old = await openclaw.send(`GET /quiet HTTP/1.0\r\n${UPGRADE}\r\n`);
  assert.equal((await old.response()).text, '/quiet');
  assert.deepEqual(
    seen.filter((values) => values !== undefined),
    [],
  );
});

test('a tunnel holds its sender back while the other end does not read', async () => {
  let taken = 0;
  server.on('/stalled-tunnel', async (peer) => {
    peer.send(SWITCHING);
    const piece = Buffer.alloc(65_536, 'x');
    while (!peer.isClosed && taken < 4000) {
      await new Promise<void>((resolve) => peer.socket.write(piece, () => resolve()));
      taken += 1;
    }
    await peer.gone();
  });
  const client = await openclaw.send(`GET /stalled-tunnel HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`);
  await client.head();
  client.socket.pause();
  await untilSettled('the server stalls', () => taken);
  assert.ok(taken < 500, `${taken} pieces went`);
  client.reset();
  await openclaw.untilIdle();
});

test('server-sent events arrive one by one, and leaving closes the server side', async () => {
  const source = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    send = (text) => void response.write(text);
    response.once('close', () => {
      isLeft = true;
    });
  });
  let send: (text: string) => void = () => {};
  let isLeft = false;
  source.listen(0, '127.0.0.1');
  await once(source, 'listening');
  const { port } = source.address() as AddressInfo;
  const claw = await Openclaw.start({ servers: [`127.0.0.1:${port}`] });
  for (const leave of ['end', 'close', 'reset'] as const) {
    isLeft = false;
    const client = await claw.send(`GET /events HTTP/1.1\r\n${HOST}\r\n`);
    // The head comes without an event to go with it.
    source.once('request', (_request, response) => response.flushHeaders());
    await client.head();
    for (let nth = 1; nth <= 3; nth++) {
      send(`data: ${nth}\n\n`);
      await client.through(`data: ${nth}\n\n\r\n`);
    }
    client[leave]();
    await until('the source knows', () => isLeft);
    client.close();
  }
  assert.equal((await claw.logged('/events')).kind, 'stream');
  await claw.untilIdle();
  await claw.stop();
  source.close();
});
