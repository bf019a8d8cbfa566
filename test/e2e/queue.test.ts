/** connection_pool: bounds over all workers, and the queue of those who wait for room. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, test } from 'node:test';
import {
  type Balancing,
  Openclaw,
  okWith,
  type Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

const HOST = 'Host: a.example\r\n';
const get = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;

/** A server that answers when the test lets it. */
class HeldServer {
  readonly scripted: ScriptedServer;
  /** Paths that wait for their answer, in the order in which they came. */
  readonly held: string[] = [];
  readonly #peers: Peer[] = [];

  private constructor(scripted: ScriptedServer) {
    this.scripted = scripted;
  }

  static async listen(paths: readonly string[]): Promise<HeldServer> {
    const server = new HeldServer(await ScriptedServer.listen());
    for (const path of paths) {
      server.scripted.on(path, (peer) => {
        server.held.push(path);
        server.#peers.push(peer);
      });
    }
    return server;
  }

  /** Answers the request that has waited longest. */
  answer(): void {
    const path = this.held.shift()!;
    this.#peers.shift()!.send(okWith(path));
  }
}

const shared = [1, 2].map((workers) => new SharedOpenclaw({ workers }));
after(async () => {
  for (const one of shared) await one.end();
});

async function withBoth(
  paths: readonly string[],
  balancing: (address: string) => Balancing,
  run: (claw: Openclaw, server: HeldServer) => Promise<void>,
  workers = 1,
): Promise<void> {
  const server = await HeldServer.listen(paths);
  const claw = await shared[workers - 1]!.take(balancing(server.scripted.address));
  try {
    await run(claw, server);
  } finally {
    await claw.stop().finally(() => server.scripted.close());
  }
}

const pooled = (connection_pool: object) => (address: string) => ({
  servers: [address],
  performance: { connection_pool },
});
const bounded = (connection_pool: object) => (address: string) => ({
  servers: [{ address, max_connections: 1 }],
  performance: { connection_pool },
});

const waiting = (claw: Openclaw, count: number) =>
  until(
    `${count} requests wait`,
    async () => (await claw.metricSum('openclaw_queue_length')) === count,
  );

for (const [what, settings] of [
  ['max_connections of the pool', pooled({ max_connections: 1 })],
  ['max_connections of a server', bounded({})],
] as const) {
  test(`${what}: requests wait their turn and are served in their order`, () =>
    withBoth(['/a', '/b', '/c'], settings, async (claw, server) => {
      const clients: Peer[] = [];
      for (const [count, path] of ['/a', '/b', '/c'].entries()) {
        clients.push(await claw.send(get(path)));
        await waiting(claw, count);
        await until('the first is there', () => server.held.length === 1);
      }
      for (const [at, client] of clients.entries()) {
        await until('one is there', () => server.held.length === 1);
        assert.equal(server.scripted.lines.length, at + 1);
        server.answer();
        const { status, text } = await client.response();
        assert.deepEqual([status, text], [200, ['/a', '/b', '/c'][at]]);
        client.close();
      }
      assert.equal(server.scripted.accepted, 1);
      assert.equal(await claw.metricSum('openclaw_queue_wait_seconds_count'), 2);
      await waiting(claw, 0);
    }));
}

test('who waits longer than queue_timeout gets 503, and never reaches a server', () =>
  withBoth(['/a', '/late'], bounded({ queue_timeout: '200ms' }), async (claw, server) => {
    const first = await claw.send(get('/a'));
    await until('it is there', () => server.held.length === 1);
    const late = await claw.send(get('/late'));
    const { status, text, headers } = await late.response();
    assert.equal(status, 503);
    assert.match(text, /queue_timeout/);
    assert.deepEqual(headers['retry-after'], ['1']);
    server.answer();
    assert.equal((await first.response()).status, 200);
    assert.equal(server.scripted.requestsFor('/late'), 0);
    first.close();
    late.close();
  }));

test('beyond queue_size the answer is 503 at once', () =>
  withBoth(['/a', '/b', '/c'], bounded({ queue_size: 1 }), async (claw, server) => {
    const first = await claw.send(get('/a'));
    await until('it is there', () => server.held.length === 1);
    const second = await claw.send(get('/b'));
    await waiting(claw, 1);
    const third = await claw.send(get('/c'));
    const { status, text } = await third.response();
    assert.equal(status, 503);
    assert.match(text, /queue_full/);
    for (const client of [first, second]) {
      await until('one is there', () => server.held.length === 1);
      server.answer();
      assert.equal((await client.response()).status, 200);
      client.close();
    }
    third.close();
  }));

for (const leaves of ['close', 'reset', 'end'] as const) {
  test(`a client that leaves (${leaves}) while it waits never reaches a server`, () =>
    withBoth(['/a', '/left', '/b'], bounded({}), async (claw, server) => {
      const first = await claw.send(get('/a'));
      await until('it is there', () => server.held.length === 1);
      const left = await claw.send(get('/left'));
      await waiting(claw, 1);
      left[leaves]();
      await waiting(claw, 0);
      const next = await claw.send(get('/b'));
      await waiting(claw, 1);
      server.answer();
      await until('the next is there', () => server.held[0] === '/b');
      server.answer();
      assert.equal((await next.response()).text, '/b');
      assert.equal(server.scripted.requestsFor('/left'), 0);
      assert.equal((await claw.logged('/left')).failure, 'client_gone');
      first.close();
      next.close();
      left.close();
    }));
}

test('a body that comes while its request waits arrives whole', () =>
  withBoth(['/a'], bounded({}), async (claw, server) => {
    const first = await claw.send(get('/a'));
    await until('it is there', () => server.held.length === 1);
    const body = 'x'.repeat(300_000);
    let got = '';
    server.scripted.on('/up', async (peer, head) => {
      got = (await peer.withBody(head, false)).text;
      peer.send(okWith('thanks'));
    });
    const up = await claw.send(
      `POST /up HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await waiting(claw, 1);
    server.answer();
    assert.equal((await up.response()).text, 'thanks');
    assert.equal(got, body);
    first.close();
    up.close();
  }));

test('a place that one worker frees goes to who waits at another', async () => {
  const paths = Array.from({ length: 24 }, (_, at) => `/w${at}`);
  const settings = bounded({});
  await withBoth(
    paths,
    settings,
    async (claw, server) => {
      const clients = await Promise.all(paths.map((path) => claw.send(get(path))));
      await waiting(claw, paths.length - 1);
      for (let served = 1; served <= paths.length; served++) {
        await until('one is there', () => server.held.length === 1);
        assert.equal(server.scripted.lines.length, served);
        server.answer();
      }
      for (const [at, client] of clients.entries()) {
        assert.equal((await client.response()).text, paths[at]);
        client.close();
      }
    },
    2,
  );
});

test('an idle connection at one worker makes room for a request at another', () =>
  withBoth(
    [],
    pooled({ max_connections: 1 }),
    async (claw) => {
      // Enough clients that both workers have some; one connection in all.
      for (let nth = 0; nth < 12; nth++) {
        const client = await claw.send(get('/any'));
        assert.equal((await client.response()).status, 200);
        client.close();
      }
      assert.equal(await claw.metricSum('openclaw_server_connections_open'), 1);
    },
    2,
  ));

test('min_idle: connections are opened ahead of need, and again after the server closed them', async () => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const claw = await Openclaw.start(pooled({ min_idle: 3 })(`127.0.0.1:${port}`));
  await until('three are open', () => sockets.size === 3);
  for (const socket of sockets) socket.destroy();
  await until('three are open again', () => sockets.size === 3);
  await claw.stop();
  server.close();
});

test('who waits is answered at once when no server is left', () =>
  withBoth(
    ['/a'],
    (address) => ({ servers: [{ address, max_connections: 1, name: 'one' }] }),
    async (claw, server) => {
      const first = await claw.send(get('/a'));
      await until('it is there', () => server.held.length === 1);
      const second = await claw.send(get('/b'));
      await waiting(claw, 1);
      await fetch(`http://127.0.0.1:${claw.adminPort}/servers/one/disable?force=true`, {
        method: 'POST',
      });
      const { status, text } = await second.response();
      assert.equal(status, 503);
      assert.match(text, /no_server/);
      server.answer();
      assert.equal((await first.response()).status, 200);
      first.close();
      second.close();
    },
  ));
