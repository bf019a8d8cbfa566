import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { PLAIN_IDENTITY } from '../core/ports/server-address.ts';
import { CERT, KEY, PIECE, type TestWith, turns } from './backend.fixture.ts';

export function servers(test: TestWith): void {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-backend-'));
  const path = join(folder, 'server.sock');
  const places: [string, net.ListenOptions, host: string][] = [
    ['IPv4', { host: '127.0.0.1', port: 0 }, '127.0.0.1'],
    ['IPv6', { host: '::1', port: 0 }, '::1'],
    ['the one address of a name that answers', { host: '127.0.0.1', port: 0 }, 'localhost'],
    ['a unix socket', { path }, ''],
  ];
  for (const [what, listen, host] of places) {
    test(`reach ${what}, and what goes first goes first`, async (around) => {
      const server = await around.server(listen, (socket) => socket.pipe(socket));
      const bound = server.address();
      const port = typeof bound === 'string' ? 0 : bound!.port;
      const ear = around.connect({ host, port, path: host === '' ? path : '' }, 'PREFACE ');
      await ear.until(() => ear.opens === 1);
      ear.stream.writeText('request');
      ear.stream.end();
      await ear.until(() => ear.causes.length > 0);
      assert.equal(ear.text, 'PREFACE request');
      assert.deepEqual([ear.opens, ear.ends, ear.causes], [1, 1, ['closed']]);
    });
  }

  test('are refused, and say so after the call', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, () => {});
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    for (const address of [{ host: '127.0.0.1', port }, { path: join(folder, 'none.sock') }]) {
      const ear = around.connect(address);
      assert.deepEqual(ear.causes, []);
      await ear.until(() => ear.causes.length > 0);
      assert.deepEqual([ear.opens, ear.causes], [0, ['refused']]);
    }
  });

  test('are given up before they are open, and quiet then', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, () => {});
    const ear = around.connect({
      host: '127.0.0.1',
      port: (server.address() as net.AddressInfo).port,
    });
    ear.stream.writeText('too early');
    ear.stream.destroy();
    await turns();
    assert.deepEqual([ear.opens, ear.causes], [0, []]);
  });

  test('hear the last words of a server that takes no more', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, (socket) => {
      socket.once('data', () => socket.end('413', () => socket.destroy()));
    });
    const { port } = server.address() as net.AddressInfo;
    const ear = around.connect({ host: '127.0.0.1', port });
    await ear.until(() => ear.opens === 1);
    ear.stream.writeText('upload');
    await ear.until(() => ear.text === '413');
  });

  test('are encrypted where the address says so', async (around) => {
    const server = tls.createServer({ cert: CERT, key: KEY }, (socket) => socket.pipe(socket));
    around.atEnd(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const settings = { serverName: 'localhost', verify: false, identity: PLAIN_IDENTITY };
    const ear = around.connect({ host: '127.0.0.1', port, tls: settings });
    await ear.until(() => ear.opens === 1);
    ear.stream.writeTextAndBytes('secret ', PIECE, 0, PIECE.length);
    await ear.until(() => ear.text.length === 7 + PIECE.length);
    assert.equal(ear.text, `secret ${PIECE}`);
    ear.stream.destroy();
    const doubted = around.connect({ host: '127.0.0.1', port, tls: { ...settings, verify: true } });
    await doubted.until(() => doubted.causes.length > 0);
    assert.deepEqual([doubted.opens, doubted.causes], [0, ['tls_failed']]);
  });
}
