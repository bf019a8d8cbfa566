import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { PLAIN_IDENTITY, type ServerAddress } from '../core/ports/server-address.ts';
import type { CloseCause } from '../core/ports/stream.ts';
import {
  CERT,
  Ear,
  HAS_IPV6,
  KEY,
  PIECE,
  silentAddress,
  type TestWith,
  turns,
} from './backend.fixture.ts';

export function servers(test: TestWith): void {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-backend-'));
  const path = join(folder, 'server.sock');
  const places: [string, net.ListenOptions, host: string][] = [
    ['IPv4', { host: '127.0.0.1', port: 0 }, '127.0.0.1'],
    ['the one address of a name that answers', { host: '127.0.0.1', port: 0 }, 'localhost'],
    ['a unix socket', { path }, ''],
  ];
  if (HAS_IPV6) places.push(['IPv6', { host: '::1', port: 0 }, '::1']);
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

  test('take the next address of a name where one refuses, and remember that', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.end('here'),
    );
    const { port } = server.address() as net.AddressInfo;
    around.names.set('a.example', ['127.0.0.2', '127.0.0.1']);
    const ear = around.connect({ host: 'a.example', port });
    assert.equal(ear.opens, 0);
    await ear.until(() => ear.ends === 1);
    assert.deepEqual([ear.opens, ear.text, ear.causes], [1, 'here', []]);
    around.names.set('b.example', ['127.0.0.2', '127.0.0.3']);
    const refused = around.connect({ host: 'b.example', port });
    await refused.until(() => refused.causes.length > 0);
    assert.deepEqual([refused.opens, refused.causes], [0, ['refused']]);
  });

  test('take the next address of a name after 250 ms of silence', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.end('here'),
    );
    const { port } = server.address() as net.AddressInfo;
    await silentAddress(around, '127.0.0.3', port);
    around.names.set('a.example', ['127.0.0.3', '127.0.0.1']);
    const startedMs = performance.now();
    const ear = around.connect({ host: 'a.example', port }, 'PREFACE');
    await ear.until(() => ear.opens === 1);
    // Timers of Node may be early by a millisecond.
    assert.ok(performance.now() - startedMs > 248);
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'here');
    ear.stream.destroy();
    // It is known to be silent now.
    const next = around.connect({ host: 'a.example', port });
    await next.until(() => next.ends === 1);
    assert.equal(next.text, 'here');
  });

  test('are given up while addresses race', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, () => {});
    const { port } = server.address() as net.AddressInfo;
    await silentAddress(around, '127.0.0.3', port);
    const ear = around.connect({ host: '127.0.0.3', port });
    around.names.set('a.example', ['127.0.0.3', '127.0.0.4']);
    const racing = around.connect({ host: 'a.example', port });
    const unknown = around.connect({ host: 'none.example', port });
    for (const one of [ear, racing, unknown]) {
      one.stream.writeText('too early');
      assert.equal(one.stream.pendingBytes, 0);
      one.stream.pause();
      one.stream.end();
      one.stream.destroy();
    }
    const half = around.connect({ host: 'a.example', port });
    await new Promise((resolve) => setTimeout(resolve, 20));
    half.stream.reset();
    await turns();
    for (const one of [ear, racing, unknown, half]) {
      assert.deepEqual([one.opens, one.ends, one.causes], [0, 0, []]);
    }
  });

  test('say why they were not opened', async (around) => {
    const cases: [Partial<ServerAddress>, CloseCause][] = [
      [{ host: 'none.example', port: 80 }, 'name_not_found'],
      [{ path: join(folder, 'x'.repeat(200)) }, 'failed'],
    ];
    // Of Linux: nobody is connected to a broadcast address, and nothing is sent to find out.
    if (process.platform === 'linux')
      cases.push([{ host: '127.255.255.255', port: 80 }, 'unreachable']);
    for (const [address, cause] of cases) {
      const ear = around.connect(address);
      assert.deepEqual(ear.causes, [], 'it is told after the call');
      await ear.until(() => ear.causes.length > 0);
      await turns();
      assert.deepEqual([ear.opens, ear.causes], [0, [cause]]);
    }
  });

  test('may be closed or reset by the server at once', async (around) => {
    const closing = await around.server({ host: '127.0.0.1', port: 0 }, (socket) => socket.end());
    const resetting = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.resetAndDestroy(),
    );
    const ear = around.connect({ host: '127.0.0.1', port: portOf(closing) });
    await ear.until(() => ear.ends === 1);
    assert.deepEqual([ear.opens, ear.causes], [1, []]);
    ear.stream.end();
    await ear.until(() => ear.causes.length > 0);
    assert.deepEqual(ear.causes, ['closed']);
    const torn = around.connect({ host: '127.0.0.1', port: portOf(resetting) });
    await torn.until(() => torn.causes.length > 0);
    assert.deepEqual(torn.causes, ['reset']);
  });

  test('are destroyed as soon as they are open, and quiet then', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, (socket) => {
      socket.write('greeting');
    });
    for (const end of ['destroy', 'reset'] as const) {
      const ear = around.connect({ host: '127.0.0.1', port: portOf(server) }, 'PREFACE');
      ear.onOpen = () => {
        Ear.prototype.onOpen.call(ear);
        ear.stream.writeText('first words');
        ear.stream[end]();
      };
      await ear.until(() => ear.opens === 1);
      await turns();
      assert.deepEqual([ear.text, ear.ends, ear.drains, ear.causes], ['', 0, 0, []]);
    }
  });

  test('are known to lead to an address that the name has, or has no more', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, () => {});
    const address = { host: 'a.example', port: portOf(server), path: '', tls: null };
    const { connector } = around.backend;
    around.names.set('a.example', ['127.0.0.1']);
    const ear = around.connect(address);
    await ear.until(() => ear.opens === 1);
    const version = connector.addressesVersion(address);
    assert.equal(connector.leadsTo(address, ear.stream), true);
    around.names.set('a.example', ['127.0.0.2']);
    assert.equal(connector.addressesVersion(address), version, 'it is not looked up each time');
    around.namesAheadMs = 60_000;
    connector.addressesVersion(address);
    await turns();
    assert.notEqual(connector.addressesVersion(address), version);
    assert.equal(connector.leadsTo(address, ear.stream), false);
    const byAddress = { ...address, host: '127.0.0.1' };
    assert.equal(connector.addressesVersion(byAddress), connector.addressesVersion(byAddress));
    assert.equal(connector.leadsTo(byAddress, ear.stream), true);
  });
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}
