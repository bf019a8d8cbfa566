/** A change of servers alone, with clients connected all the while. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { Instance } from '../../src/control/operate/instance.ts';
import { NO_LOG } from '../../src/control/operate/no-log.fixture.ts';
import { IO_UNDER_TEST } from './io-under-test.ts';
import { Peer } from './peer.ts';

/** A server whose answers are ended by the test, or at once. */
async function serverNamed(context: TestContext, name: string) {
  const held: ServerResponse[] = [];
  let clients = 0;
  const server = createServer((request, response) => {
    response.setHeader('x-server', name);
    if (request.url === '/held') held.push(response.writeHead(200));
    else response.end('whole');
    response.flushHeaders();
  });
  server.on('connection', () => {
    clients += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, held, connections: () => clients };
}

const REQUEST = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`;

test('servers come and go without a client that notices, in flight or kept alive', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  const path = join(folder, 'listen.sock');
  const [red, blue] = [await serverNamed(context, 'red'), await serverNamed(context, 'blue')];
  const settingsOf = (...servers: { address: string }[]) => {
    const load_balancing = {
      listen: `unix:${path}`,
      servers: servers.map(({ address }) => address),
      health_check: { enabled: false },
      failover: { detection: { enabled: false } },
      ...IO_UNDER_TEST,
    };
    return parseConfig(JSON.stringify({ load_balancing }), { file: 'test', env: {} }).settings!;
  };
  const instance = new Instance(settingsOf(red), NO_LOG, folder);
  context.after(async () => {
    await instance.stop({ pid: 0, withinMs: 0 });
    rmSync(folder, { recursive: true });
  });
  await instance.start();
  const [kept, busy] = [await Peer.connect({ path }), await Peer.connect({ path })];
  const serverOf = async (peer: Peer) => {
    const { headers } = await peer.send(REQUEST('/')).response();
    assert.equal(headers.connection, undefined);
    return headers['x-server']![0];
  };
  assert.equal(await serverOf(kept), 'red');
  busy.send(REQUEST('/held'));
  while (red.held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  // Beside the one that is held there is one that rests from here on.
  assert.equal(await serverOf(kept), 'red');
  const before = red.connections();

  await instance.reload(settingsOf(red, blue), 1);
  const both = new Set([await serverOf(kept), await serverOf(kept)]);
  assert.deepEqual([...both].sort(), ['blue', 'red']);
  assert.equal(red.connections(), before, 'connections to a server that stays are used on');

  await instance.reload(settingsOf(blue), 1);
  assert.deepEqual([await serverOf(kept), await serverOf(kept)], ['blue', 'blue']);
  red.held[0]!.end('late');
  const late = await busy.response();
  assert.deepEqual([late.headers['x-server'], late.text], [['red'], 'late']);
  assert.equal(await serverOf(busy), 'blue');
  assert.deepEqual([kept.isClosed, busy.isClosed], [false, false]);
});
