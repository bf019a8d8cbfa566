/**
 * Whatever a peer sends, and however it ends: the process lives, honest clients are answered, no error
 * of our own is met, and all descriptors are given back. Over every kind of I/O that this machine has,
 * with TLS on both sides and without. OPENCLAW_FUZZ_SEED and OPENCLAW_FUZZ_RUNS ask for other, and more.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { IO_KINDS } from '../../src/base/io-kind.ts';
import { seededRandom } from '../../src/base/random.ts';
import { ACCEPTED } from '../corpus/http1/accepted.ts';
import { REFUSED } from '../corpus/http1/refused.ts';
import { selfSigned } from './certificates.ts';
import { newFolder, Openclaw, okWith, until, untilSettled } from './harness.ts';
import { lacks } from './io-under-test.ts';

const SEED = Number(process.env.OPENCLAW_FUZZ_SEED ?? 14);
const RUNS = Number(process.env.OPENCLAW_FUZZ_RUNS ?? 150);
const AT_ONCE = 25;
const HONEST_EVERY_MS = 10;
/** What a peer waits before it goes on, or goes away. */
const REST_MS_MAX = 15;
/** Of what came, no peer looks at more than that it came. */
const LOOK_MS_MAX = 60;

const HONEST = 'GET /honest HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n';
const HOSTILE = 'GET /hostile HTTP/1.1\r\nHost: a.test\r\n\r\n';
const CORPUS = [...REFUSED, ...ACCEPTED].map(({ bytes }) => bytes);

const files = selfSigned(newFolder(), 'localhost', ['DNS:localhost', 'IP:127.0.0.1']);

const pem = { cert: readFileSync(files.cert_path), key: readFileSync(files.key_path) };

type Random = () => number;
const upTo = (random: Random, most: number) => Math.floor(random() * (most + 1));
const oneOf = <T>(random: Random, all: readonly T[]) => all[Math.floor(random() * all.length)]!;

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => upTo(random, 255)));
}

/** A TLS record, of a type and a length that it may not have; what is inside is shorter, or not. */
function record(random: Random): Buffer {
  const type = oneOf(random, [20, 21, 22, 23, 24, 0, 255]);
  const version = oneOf(random, [0x0301, 0x0303, 0x0304, 0x0000, 0xffff]);
  const length = oneOf(random, [0, 0, 1, 2, 300, 16_384, 16_640, 16_641, 65_535]);
  const head = Buffer.from([type, version >> 8, version & 255, length >> 8, length & 255]);
  return Buffer.concat([head, noise(random, random() < 0.7 ? length : upTo(random, length))]);
}

/** Some bytes of it changed, taken out, doubled, or all that follows left out. */
function broken(random: Random, bytes: Buffer): Buffer {
  const at = upTo(random, bytes.length);
  switch (upTo(random, 3)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), noise(random, 8), bytes.subarray(at + 8)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + upTo(random, 40))]);
    default:
      return Buffer.concat([bytes, bytes.subarray(at)]);
  }
}

function leave(random: Random, socket: Duplex): void {
  const how = random();
  if (how < 0.4 && socket instanceof net.Socket && !(socket instanceof tls.TLSSocket))
    socket.resetAndDestroy();
  else if (how < 0.8) socket.destroy();
  else socket.end();
}

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Waits for an end that the other side makes, or not for long. */
async function endOf(socket: net.Socket, random: Random): Promise<void> {
  if (random() < 0.7) socket.resume();
  const goAway = setTimeout(() => leave(random, socket), upTo(random, LOOK_MS_MAX));
  const giveUp = setTimeout(() => socket.destroy(), LOOK_MS_MAX * 5);
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(goAway);
  clearTimeout(giveUp);
}

type Attack = (port: number, random: Random) => Promise<void>;

async function send(socket: net.Socket, random: Random, bytes: Buffer): Promise<void> {
  for (let from = 0; from < bytes.length && !socket.destroyed; ) {
    const to = random() < 0.5 ? bytes.length : from + 1 + upTo(random, bytes.length - from);
    socket.write(bytes.subarray(from, to));
    from = to;
    if (random() < 0.5) await sleep(upTo(random, REST_MS_MAX));
  }
}

const text = (random: Random) =>
  Buffer.from(
    random() < 0.4 ? HOSTILE.repeat(1 + upTo(random, 4)) : oneOf(random, CORPUS),
    'latin1',
  );

const raw = (bytesOf: (random: Random) => Buffer): Attack => {
  return async (port, random) => {
    const socket = await connected(port);
    await send(socket, random, bytesOf(random));
    await endOf(socket, random);
  };
};

const IN_CLEAR: readonly Attack[] = [
  raw(text),
  raw((random) => broken(random, text(random))),
  raw((random) => noise(random, upTo(random, 3_000))),
  raw((random) => record(random)),
];

/** A client's first bytes, as OpenSSL sends them. */
async function helloBytes(): Promise<Buffer> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const client = tls.connect({ host: '127.0.0.1', port, servername: 'localhost' });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

/** The connection as a stream for TLS, which leaves the socket itself to us: its raw bytes, its end. */
function above(socket: net.Socket): Duplex {
  const [inner, outer] = duplexPair();
  for (const one of [inner, outer]) one.on('error', () => {});
  socket.pipe(inner).pipe(socket);
  socket.on('close', () => outer.destroy());
  return outer;
}

function secured(socket: net.Socket, random: Random): Promise<tls.TLSSocket> {
  const maxVersion = random() < 0.5 ? 'TLSv1.2' : 'TLSv1.3';
  const client = tls.connect({ socket: above(socket), maxVersion, rejectUnauthorized: false });
  client.on('error', () => {});
  return new Promise((resolve) => {
    client.on('secureConnect', () => resolve(client));
    client.on('close', () => resolve(client));
  });
}

function overTls(hello: Buffer): readonly Attack[] {
  return [
    raw((random) => hello.subarray(0, upTo(random, hello.length))),
    raw((random) => broken(random, hello)),
    raw((random) => Buffer.concat([hello, noise(random, upTo(random, 500))])),
    raw((random) => Buffer.concat([hello, record(random), record(random)])),
    raw((random) => Buffer.concat([record(random), record(random), record(random)])),
    // In order at first, then what is no record of this connection stands between those that are.
    async (port, random) => {
      const socket = await connected(port);
      const client = await secured(socket, random);
      if (random() < 0.7) client.write(text(random));
      if (random() < 0.3) await sleep(upTo(random, REST_MS_MAX));
      await send(socket, random, random() < 0.5 ? record(random) : noise(random, 100));
      client.write(text(random));
      await endOf(socket, random);
    },
    async (port, random) => {
      const socket = await connected(port);
      const client = await secured(socket, random);
      client.write(broken(random, text(random)));
      if (client.getProtocol() === 'TLSv1.2' && !client.destroyed)
        for (let times = upTo(random, 3); times >= 0; times--) client.renegotiate({}, () => {});
      client.write(text(random));
      await endOf(socket, random);
    },
    // Gone in the middle of the handshake, whichever part of it that is.
    async (port, random) => {
      const socket = await connected(port);
      const client = tls.connect({ socket: above(socket), rejectUnauthorized: false });
      client.on('error', () => {});
      client.write(text(random));
      await sleep(upTo(random, REST_MS_MAX));
      leave(random, socket);
      await endOf(socket, random);
    },
  ];
}

/** Answers /honest; of all else nobody knows what it will say, in the clear or below its TLS. */
function hostileServer(random: Random, isSecure: boolean): net.Server {
  const answer = (socket: Duplex, below: net.Socket, head: string) => {
    if (head.includes('/honest')) return socket.write(okWith('well'));
    const whole = Buffer.from(okWith('x'.repeat(upTo(random, 40_000))));
    switch (upTo(random, 5)) {
      case 0:
        return leave(random, below);
      case 1:
        socket.write(noise(random, upTo(random, 500)));
        return leave(random, socket);
      case 2:
        socket.write(broken(random, whole));
        return leave(random, below);
      case 3:
        socket.write(whole.subarray(0, upTo(random, whole.length)));
        below.write(isSecure ? record(random) : noise(random, 50));
        return leave(random, below);
      case 4:
        return socket.write(Buffer.concat([whole, noise(random, upTo(random, 30))]));
      default:
        return socket.write(whole);
    }
  };
  const context = tls.createSecureContext(pem);
  return net.createServer((below) => {
    below.on('error', () => {});
    if (isSecure && random() < 0.1) {
      below.write(random() < 0.5 ? record(random) : noise(random, upTo(random, 300)));
      return leave(random, below);
    }
    const socket = isSecure
      ? new tls.TLSSocket(above(below), { isServer: true, secureContext: context })
      : below;
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      answer(socket, below, head);
      head = '';
    });
  });
}

/** Asks again and again. @returns what was no answer */
async function honest(port: number, isSecure: boolean, isOver: () => boolean): Promise<string[]> {
  const failures: string[] = [];
  while (!isOver()) {
    const target = { host: '127.0.0.1', port };
    const socket = isSecure
      ? tls.connect({ ...target, rejectUnauthorized: false })
      : net.connect(target);
    let answer = '';
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
    });
    socket.on('error', (error) => {
      answer += error.message;
    });
    socket.write(HONEST);
    await new Promise((resolve) => socket.once('close', resolve));
    // Where its server broke off, that is an answer too.
    if (!/^HTTP\/1\.1 (?:200 .*well|50[23] .*)$/s.test(answer)) failures.push(answer);
    await sleep(HONEST_EVERY_MS);
  }
  return failures;
}

for (const io of IO_KINDS) {
  for (const isSecure of [false, true]) {
    const name = `${io}${isSecure ? ' with TLS' : ''}: hostile peers harm nobody else`;
    test(name, { skip: lacks(io) }, async (context) => {
      const random = seededRandom(SEED);
      const server = hostileServer(random, isSecure);
      server.listen(0, '127.0.0.1');
      context.after(() => server.close());
      await once(server, 'listening');
      const address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
      const claw = await Openclaw.start({
        io,
        servers: [{ address, ...(isSecure && { tls: { verify: false } }) }],
        ...(isSecure && { security: { tls: files } }),
        timeout: { request: '10s', read: '10s', write: '5s', idle: '10s', stream: '5s' },
        health_check: { enabled: false },
        performance: { connection_pool: { idle_timeout: '200ms' } },
      });
      // Where the test fails it would go on, and the test with it.
      let isOver = false;
      context.after(() => {
        isOver = true;
        claw.child.kill('SIGKILL');
      });
      const attacks = isSecure ? [...IN_CLEAR, ...overTls(await helloBytes())] : IN_CLEAR;
      const attack = async (runs: number) => {
        for (let run = 0; run < runs; run++) await oneOf(random, attacks)(claw.port, random);
      };
      // What is opened once and stays is open by then.
      await attack(20);
      await claw.untilIdle();
      const openBefore = await untilSettled('what it has open', () => claw.descriptors());
      const seen = honest(claw.port, isSecure, () => isOver);
      await Promise.all(Array.from({ length: AT_ONCE }, () => attack(Math.ceil(RUNS / AT_ONCE))));
      isOver = true;
      assert.deepEqual(await seen, []);
      await claw.untilIdle();
      await until('all is given back', () => claw.descriptors() <= openBefore);
      assert.deepEqual(
        claw.log().filter(({ event }) => /internal_error|worker_died/.test(event)),
        [],
      );
      await claw.stop();
    });
  }
}
