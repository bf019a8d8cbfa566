import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { rethrow } from '../../base/contain.ts';
import {
  PLAIN_IDENTITY,
  type ServerAddress,
  type ServerTls,
} from '../../core/ports/server-address.ts';
import type { StreamOwner } from '../../core/ports/stream.ts';
import { silentAddress } from '../backend.fixture.ts';
import { type HttpProbe, type ProbeResult, probe } from '../probe.ts';
import { realClock } from '../real-clock.ts';
import { Resolver } from '../resolver.ts';
import { SocketConnector } from './connector.ts';
import { dial } from './dial.ts';
import { ReadBuffers } from './read-buffers.ts';

const LONG_MS = 10_000;
const TLS_FOLDER = new URL('../../../test/e2e/tls/', import.meta.url);
const ASKS: HttpProbe = {
  method: 'GET',
  target: '/',
  authority: 'a.example',
  headers: {},
  expectedStatus: [{ min: 200, max: 200 }],
  expectedBody: '',
};

const closers: (() => unknown)[] = [];
after(() => Promise.all(closers.map((close) => close())));

/** A server at 127.0.0.1 alone: the other addresses of the loopback refuse its port. */
async function listen(onConnection: (socket: net.Socket) => void, onName?: (name: string) => void) {
  const sockets = new Set<net.Socket>();
  const handle = (socket: net.Socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  };
  const [key, cert] = ['server.key', 'server.crt'].map((name) => {
    return readFileSync(new URL(name, TLS_FOLDER));
  });
  const server =
    onName === undefined
      ? net.createServer(handle)
      : tls.createServer({ key: key!, cert: cert!, SNICallback: readName }, handle);
  function readName(name: string, done: (error: null) => void): void {
    onName!(name);
    done(null);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

const answers = (socket: net.Socket) => {
  socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
};

function resolverOf(...addresses: string[]): Resolver {
  return new Resolver(realClock, (_host, done) => setImmediate(done, addresses, null));
}

const named = (port: number, secure: ServerTls | null = null): ServerAddress => ({
  host: 'a.example',
  port,
  path: '',
  tls: secure,
});

/** @returns the address that a connection was opened to */
async function dialled(address: ServerAddress, resolver: Resolver): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  dial(
    address,
    resolver,
    { alpn: ['http/1.1'] },
    {
      onOpen: (socket) => {
        resolve(socket.remoteAddress!);
        socket.destroy();
      },
      onFailed: reject,
    },
  );
  return await promise;
}

function probed(address: ServerAddress, resolver: Resolver, asks: HttpProbe | null) {
  return new Promise<ProbeResult>((resolve) => {
    probe(address, { http: asks }, LONG_MS, resolve, resolver);
  });
}

test('where the first address refuses, the next is taken, and first the next time', async () => {
  const port = await listen(answers);
  const resolver = resolverOf('127.0.0.2', '127.0.0.1');
  assert.equal(await dialled(named(port), resolver), '127.0.0.1');
  assert.deepEqual(resolver.lateFailuresLast(['127.0.0.2', '127.0.0.1'], port), [
    '127.0.0.1',
    '127.0.0.2',
  ]);
  // At another port it may well be reached.
  assert.equal(resolver.lateFailuresLast(['127.0.0.2', '127.0.0.1'], 1)[0], '127.0.0.2');
});

test('where the first address is silent, the next is taken, and the silence is remembered', async () => {
  const port = await listen(answers);
  await silentAddress({ atEnd: (end) => closers.push(end) }, '127.0.0.3', port);
  const resolver = resolverOf('127.0.0.3', '127.0.0.1');
  assert.equal(await dialled(named(port), resolver), '127.0.0.1');
  assert.equal(resolver.lateFailuresLast(['127.0.0.3', '127.0.0.1'], port)[0], '127.0.0.1');
});

test('an address that takes the connection and says nothing in the handshake is passed over', async () => {
  const port = await listen(
    () => {},
    () => {},
  );
  const mute = net.createServer(() => {}).listen(port, '127.0.0.4');
  await once(mute, 'listening');
  closers.push(() => mute.close());
  const settings = {
    serverName: 'localhost',
    verify: false,
    identity: PLAIN_IDENTITY,
  };
  const resolver = resolverOf('127.0.0.4', '127.0.0.1');
  assert.equal(await dialled(named(port, settings), resolver), '127.0.0.1');
});

test('when every address refuses, that is what is told', async () => {
  const port = await listen(answers);
  const resolver = resolverOf('127.0.0.2', '127.0.0.3');
  await assert.rejects(dialled(named(port), resolver), { code: 'ECONNREFUSED' });
});

test('what Node refuses to connect to is an address that failed, whoever calls', async () => {
  const addresses = resolverOf('127.0.0.1', '127.0.0.2');
  await assert.rejects(dialled(named(65_536), addresses), { code: 'ERR_SOCKET_BAD_PORT' });
  await assert.rejects(dialled({ ...named(65_536), host: '127.0.0.1' }, addresses), {
    code: 'ERR_SOCKET_BAD_PORT',
  });
  const { reason, isHealthy } = await probed(named(65_536), addresses, ASKS);
  assert.equal(isHealthy, false);
  assert.match(reason, /65536/);
});

test('a probe finds the server at its second address, by HTTP and by TCP', async () => {
  const port = await listen(answers);
  for (const asks of [ASKS, null]) {
    const { reason } = await probed(named(port), resolverOf('127.0.0.2', '127.0.0.1'), asks);
    assert.equal(reason, '');
  }
});

test('a probe uses the addresses known last while the name service is out', async () => {
  const port = await listen(answers);
  const clock = { now: 0, nowMs: () => clock.now, wallMs: () => clock.now };
  let isOut = false;
  const resolver = new Resolver(clock, (_host, done) => {
    const error = Object.assign(new Error('out'), { code: 'EAI_AGAIN' });
    if (isOut) done([], error);
    else done(['127.0.0.1'], null);
  });
  assert.equal((await probed(named(port), resolver, ASKS)).reason, '');
  isOut = true;
  clock.now = 3_600_000;
  assert.equal((await probed(named(port), resolver, ASKS)).reason, '');
  // Not for ever: the lookup in between found out that it is too old.
  clock.now = 25 * 3_600_000;
  await probed(named(port), resolver, ASKS);
  assert.match((await probed(named(port), resolver, ASKS)).reason, /^name a\.example not found/);
});

test('traffic reads the answer of the second address', async () => {
  const port = await listen(answers);
  const context = { clock: realClock, buffers: new ReadBuffers(64 * 1024), contain: rethrow };
  const connector = new SocketConnector(context, resolverOf('127.0.0.2', '127.0.0.1'));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const owner: StreamOwner = {
    onOpen: () => stream.writeText('GET / HTTP/1.1\r\n\r\n'),
    onBytes: (bytes, start, end) => resolve(bytes.toString('latin1', start, end)),
    onDrain: () => {},
    onEnd: () => {},
    onClose: reject,
    crashed: () => {},
  };
  const stream = connector.connect(named(port), owner, '');
  assert.match(await promise, /^HTTP\/1\.1 200 OK/);
  stream.destroy();
});

test('a name that ends in a dot is asked for and verified without it', async () => {
  const asked = Promise.withResolvers<string>();
  const port = await listen(() => {}, asked.resolve);
  const settings = {
    serverName: 'localhost.',
    verify: false,
    identity: PLAIN_IDENTITY,
  };
  await dialled(named(port, settings), resolverOf('127.0.0.1'));
  assert.equal(await asked.promise, 'localhost');
});
