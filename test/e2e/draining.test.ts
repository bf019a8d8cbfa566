/** The ends of connections that would go on by themselves: drains, stops, removals, rebalancing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import {
  type Balancing,
  Openclaw,
  ScriptedServer,
  SharedOpenclaw,
  typeCommand,
  until,
} from './harness.ts';

/** A server of WebSockets (/ws), events (/events) and plain answers, that says who it is. */
class Backend {
  readonly name: string;
  readonly server: http.Server;
  readonly sockets = new WebSocketServer({ noServer: true });
  /** Codes by which WebSockets were closed. */
  readonly closes: number[] = [];
  streams = new Set<http.ServerResponse>();

  private constructor(name: string) {
    this.name = name;
    this.server = http.createServer((request, response) => {
      if (request.url !== '/events') return response.end(name);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      this.streams.add(response);
      return response.once('close', () => this.streams.delete(response));
    });
    this.server.on('upgrade', (request, socket, head) => {
      this.sockets.handleUpgrade(request, socket, head, (one) => {
        one.on('message', (data) => one.send(data));
        one.on('close', (code) => this.closes.push(code));
        one.send(name);
      });
    });
  }

  static async listen(name: string): Promise<Backend> {
    const backend = new Backend(name);
    backend.server.listen(0, '127.0.0.1');
    await once(backend.server, 'listening');
    return backend;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const socket of this.sockets.clients) socket.terminate();
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A WebSocket of a client: who serves it, and how it ended. */
interface Client {
  socket: WebSocket;
  served: string;
  code: number;
  closedMs: number;
}

let backends: Backend[];
let raw: ScriptedServer;
let claw: Openclaw | null = null;
const pair = new SharedOpenclaw({ workers: 2 });
/** For tests in which two connections must meet the same worker. */
const single = new SharedOpenclaw();

before(async () => {
  backends = await Promise.all(['red', 'blue'].map((name) => Backend.listen(name)));
  raw = await ScriptedServer.listen();
});

afterEach(async () => {
  await claw?.stop();
  claw = null;
  for (const backend of backends) backend.closes.length = 0;
});

after(async () => {
  await pair.end();
  await single.end();
  for (const backend of backends) backend.close();
  await raw.close();
});

/** By a reload, with two workers. */
async function start(balancing: Balancing = {}): Promise<void> {
  claw = await pair.take(withBackends(balancing));
}

/** By a reload, with one worker and one server. */
async function startRaw(): Promise<void> {
  claw = await single.take({ servers: [{ name: 'raw', address: raw.address }] });
}

function withBackends(balancing: Balancing): Balancing {
  return { servers: backends.map(({ name, address }) => ({ name, address })), ...balancing };
}

/** Some pools here have one server. */
async function say(path: string): Promise<void> {
  const url = new URL(path, `http://127.0.0.1:${claw!.adminPort}`);
  url.searchParams.set('force', 'true');
  const response = await fetch(url, { method: 'POST' });
  assert.equal(response.status, 200, await response.text());
}

async function open(cookie = ''): Promise<Client> {
  const headers = cookie === '' ? {} : { cookie };
  const socket = new WebSocket(`ws://127.0.0.1:${claw!.port}/ws`, { headers });
  const client: Client = { socket, served: '', code: 0, closedMs: 0 };
  socket.on('close', (code) => {
    client.code = code;
    client.closedMs = performance.now();
  });
  const [name] = await once(socket, 'message');
  client.served = String(name);
  return client;
}

async function openMany(count: number): Promise<Client[]> {
  const clients: Client[] = [];
  for (let nth = 0; nth < count; nth++) clients.push(await open());
  return clients;
}

const isClosed = ({ code }: Client) => code !== 0;

test('a drain keeps WebSockets until its end, then closes each by 1001 at both ends, one after the other', async () => {
  await start();
  const clients = await openMany(20);
  const [red, blue] = ['red', 'blue'].map((name) => clients.filter((one) => one.served === name));
  // Each of the two workers gives equal turns, one more or less.
  assert.ok(red!.length >= 8 && blue!.length >= 8, `${red!.length} and ${blue!.length}`);
  await say('/servers/red/drain');
  const next = await openMany(4);
  assert.deepEqual(new Set(next.map(({ served }) => served)), new Set(['blue']));
  for (const client of red!) {
    assert.equal(isClosed(client), false);
    client.socket.send('still here');
    assert.equal(String((await once(client.socket, 'message'))[0]), 'still here');
  }
  await say('/servers/red/drain?timeout=1ms&over=800ms');
  await until('all of red are closed', () => red!.every(isClosed));
  assert.deepEqual(new Set(red!.map(({ code }) => code)), new Set([1001]));
  await until('red knows', () => backends[0]!.closes.length === red!.length);
  assert.deepEqual(new Set(backends[0]!.closes), new Set([1001]));
  const times = red!.map(({ closedMs }) => closedMs).sort((a, b) => a - b);
  assert.ok(times.at(-1)! - times[0]! > 300, `all within ${times.at(-1)! - times[0]!} ms`);
  assert.equal([...blue!, ...next].some(isClosed), false);
  const { pools } = await claw!.status();
  assert.equal(pools[0]!.servers[0]!.admin, 'maintenance');
  for (const { socket } of [...blue!, ...next]) socket.terminate();
  await claw!.untilIdle();
});

test('lb backend drain --wait comes back when the server has nothing, and says when it was enabled', async () => {
  await start();
  const clients = await openMany(4);
  const admin = ['--admin', `127.0.0.1:${claw!.adminPort}`];
  const drain = [
    'lb',
    'backend',
    'drain',
    'red',
    '--timeout',
    '1s',
    '--over',
    '0s',
    '--wait',
    ...admin,
  ];
  const { code, stdout } = await typeCommand(drain);
  assert.deepEqual([code, /red has nothing in flight/.test(stdout)], [0, true]);
  assert.ok(clients.every((one) => one.served === 'blue' || isClosed(one)));
  const waiting = typeCommand(['lb', 'backend', 'drain', 'blue', '--force', '--wait', ...admin]);
  await until('blue drains', async () => {
    return (await claw!.status()).pools[0]!.servers[1]!.admin === 'draining';
  });
  await say('/servers/blue/enable');
  const second = await waiting;
  assert.deepEqual([second.code, /blue was enabled/.test(second.stderr)], [1, true]);
  for (const { socket } of clients) socket.terminate();
});

test('enabling a server spares what has not been closed yet', async () => {
  await start();
  const clients = await openMany(20);
  await say('/servers/red/drain?timeout=1ms&over=1m');
  await until('the drain is over', async () => {
    return (await claw!.status()).pools[0]!.servers[0]!.admin === 'maintenance';
  });
  await say('/servers/red/enable');
  await say('/servers/red/drain?timeout=1ms&over=0s');
  await until('red has none', () => {
    return clients.every((one) => one.served === 'blue' || isClosed(one));
  });
  const spared = await openMany(2);
  for (const { socket } of [...clients, ...spared]) socket.terminate();
});

test('a sticky client keeps a draining server for its WebSockets too, and loses it with the end', async () => {
  await start({ session_persistence: { type: 'cookie' } });
  const response = await fetch(claw!.url);
  const own = await response.text();
  const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
  await say(`/servers/${own}/drain`);
  const client = await open(cookie);
  assert.equal(client.served, own);
  await say(`/servers/${own}/drain?timeout=1ms&over=0s`);
  await until('it is closed', () => isClosed(client));
  assert.equal(client.code, 1001);
  const other = await open(cookie);
  assert.notEqual(other.served, own);
  other.socket.terminate();
});

test('event streams end between two events, as whole responses', async () => {
  await start();
  const client = await claw!.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.head();
  await client.through('data: first\n\n\r\n');
  const backend = backends.find(({ streams }) => streams.size === 1)!;
  // An event that is under way when the end comes is finished first.
  const [stream] = backend.streams;
  stream!.write('data: se');
  await client.through('data: se\r\n');
  await say(`/servers/${backend.name}/drain?timeout=1ms&over=0s`);
  await until('the drain is over', () => claw!.log().some(({ what }) => what === 'drained'));
  stream!.write('cond\n\n');
  await client.through('cond\n\n\r\n0\r\n\r\n');
  await until('the server knows', () => backend.streams.size === 0);
  // The connection carries on: only the response was over.
  const next = await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').response();
  assert.equal(next.status, 200);
  client.close();
});

const HANDSHAKE =
  'GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n';
const AGREED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

test('the close frame stands between frames, fragments included, and nothing follows it', async () => {
  await startRaw();
  let heard: Buffer = Buffer.alloc(0);
  let isEnding = false;
  raw.on('/raw', async (peer) => {
    // Half of a fragment: text, not final, five bytes.
    peer.send(AGREED).send(Buffer.from([0x01, 5, 0x61, 0x62]));
    await until('the end has come', () => isEnding);
    // Its rest, the final fragment, and a message that is too late.
    peer.send(Buffer.from([0x63, 0x64, 0x65, 0x80, 1, 0x66, 0x81, 1, 0x67]));
    heard = await peer.bytes(6 + 8);
    peer.send(Buffer.from([0x88, 2, 3, 233]));
    await peer.rest();
    peer.end();
  });
  const client = await claw!.send(HANDSHAKE);
  await client.head();
  assert.deepEqual([...(await client.bytes(4))], [0x01, 5, 0x61, 0x62]);
  // Half of a masked frame on the way to the server, its mask all zero.
  client.send(Buffer.from([0x82, 0x80, 0, 0]));
  // Another tunnel, between frames, shows when the end has come.
  raw.on('/idle', async (peer) => {
    peer.send(AGREED);
    await peer.gone();
  });
  const idle = await claw!.send(HANDSHAKE.replace('/raw', '/idle'));
  await idle.head();
  await say('/servers/raw/drain?timeout=1ms&over=0s');
  assert.deepEqual([...(await idle.bytes(4))], [0x88, 2, 3, 233]);
  idle.close();
  isEnding = true;
  assert.deepEqual([...(await client.bytes(3))], [0x63, 0x64, 0x65]);
  assert.deepEqual([...(await client.bytes(4))], [0x88, 2, 3, 233]);
  // The rest of the client's frame goes on; what it says after that does not.
  client.send(Buffer.from([0, 0, 0x82, 0x80, 0, 0, 0, 0]));
  client.send(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 233]));
  assert.equal(await client.rest(), '');
  await until('the server heard', () => heard.length === 14);
  assert.deepEqual([...heard.subarray(0, 6)], [0x82, 0x80, 0, 0, 0, 0]);
  assert.deepEqual([...heard.subarray(6, 8)], [0x88, 0x82]);
  const unmasked = [heard[12]! ^ heard[8]!, heard[13]! ^ heard[9]!];
  assert.deepEqual(unmasked, [3, 233]);
  assert.equal((await claw!.logged('/raw')).failure, '');
});

test('a peer that never finishes its frame is cut off after a while', async () => {
  await startRaw();
  raw.on('/raw', async (peer) => {
    peer.send(AGREED).send(Buffer.from([0x82, 5, 1]));
    await peer.gone();
  });
  const client = await claw!.send(HANDSHAKE);
  await client.head();
  await client.bytes(3);
  await say('/servers/raw/drain?timeout=1ms&over=0s');
  assert.equal(await client.rest(), '');
  assert.equal((await claw!.logged('/raw')).failure, 'drained');
});

test('other tunnels are closed plainly when a drain is over', async () => {
  await startRaw();
  const upgrade = 'Connection: Upgrade\r\nUpgrade: toy\r\n';
  raw.on('/toy', async (peer) => {
    peer.send(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\nhello`);
    await peer.gone();
  });
  const client = await claw!.send(`GET /toy HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`);
  await client.head();
  await client.bytes(5);
  await say('/servers/raw/drain?timeout=1ms&over=0s');
  assert.equal(await client.rest(), '');
  client.close();
});

test('a stop closes WebSockets by 1001 and ends event streams whole', async () => {
  claw = await Openclaw.start(withBackends({ timeout: { drain: '4s' } }), { workers: 2 });
  const clients = await openMany(6);
  const stream = await claw!.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
  await stream.through('data: first\n\n\r\n');
  claw!.child.kill('SIGTERM');
  await until('all are closed', () => clients.every(isClosed));
  assert.deepEqual(new Set(clients.map(({ code }) => code)), new Set([1001]));
  assert.equal(await stream.rest(), '0\r\n\r\n');
  stream.close();
  await until('the instance has ended', () => claw!.child.exitCode === 0);
});

test('a reload that removes a server ends its WebSockets after timeout.drain, and one that brings it back spares them', async () => {
  await start({ timeout: { drain: '3s' } });
  const clients = await openMany(4);
  const file = join(claw!.folder, 'openclaw.yml');
  const before = readFileSync(file, 'utf8');
  const reload = async (text: string, count: number) => {
    writeFileSync(file, text);
    claw!.child.kill('SIGHUP');
    const servers = async () => (await claw!.status()).pools[0]!.servers.length;
    await until('the reload', async () => (await servers()) === count);
  };
  const without = JSON.parse(before);
  without.load_balancing.servers.shift();
  await reload(JSON.stringify(without), 1);
  await reload(before, 2);
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  assert.equal(clients.some(isClosed), false, 'brought back in time');
  await reload(JSON.stringify(without), 1);
  await until('those of red are closed', () => {
    return clients.every((one) => one.served === 'blue' || one.code === 1001);
  });
  for (const { socket } of clients) socket.terminate();
});

test('rebalancing closes a part of the WebSockets once a server came back, never more than it may', async () => {
  await start({
    strategy: 'least_connections',
    failover: { rebalance: { enabled: true, share: 20, over: '1s' } },
  });
  await say('/servers/red/disable');
  const clients = await openMany(20);
  assert.deepEqual(new Set(clients.map(({ served }) => served)), new Set(['blue']));
  await say('/servers/red/enable');
  await until('some were closed', () => clients.filter(isClosed).length === 4);
  await until('it is told of', () => claw!.log().find(({ event }) => event === 'rebalancing'));
  const again = await openMany(4);
  assert.deepEqual(new Set(again.map(({ served }) => served)), new Set(['red']));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(clients.filter(isClosed).length, 4);
  assert.ok(clients.filter(isClosed).every(({ code }) => code === 1001));
  for (const { socket } of [...clients, ...again]) socket.terminate();
});
