/** TLS to servers: whom we trust, what we show, and what is said of a server that we do not trust. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { authority, type Files, signedBy } from '../../test/e2e/certificates.ts';
import { PLAIN_IDENTITY, type ServerTls, type TlsIdentity } from '../core/ports/server-address.ts';
import { MUCH_BYTES, PIECE, type Surroundings, type TestWith, turns } from './backend.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'openclaw-tls-servers-'));
const ROOT = authority(folder, 'root');
const SERVER = textsOf(signedBy(ROOT, folder, 'server', ['DNS:server.example', 'IP:127.0.0.1']));
const CLIENT = textsOf(signedBy(ROOT, folder, 'client'));

function textsOf({ cert_path, key_path }: Files): { cert: string; key: string } {
  return { cert: readFileSync(cert_path, 'utf8'), key: readFileSync(key_path, 'utf8') };
}

const TRUSTING: TlsIdentity = { ...PLAIN_IDENTITY, digest: 'root', ca: textsOf(ROOT).cert };
const SETTINGS: ServerTls = { serverName: 'server.example', verify: true, identity: TRUSTING };

/** A server that sends back what comes. */
export async function echo(
  around: Surroundings,
  options: tls.TlsOptions = {},
  onSocket: (socket: tls.TLSSocket) => void = (socket) => socket.pipe(socket),
): Promise<number> {
  const server = tls.createServer({ ...SERVER, ALPNProtocols: ['http/1.1'], ...options }, onSocket);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    around.atEnd(() => socket.destroy());
  });
  around.atEnd(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as net.AddressInfo).port;
}

export function securedServers(test: TestWith): void {
  const to = (around: Surroundings, port: number, settings: Partial<ServerTls> = {}) =>
    around.connect({ host: '127.0.0.1', port, tls: { ...SETTINGS, ...settings } });

  test('are asked for by name, and verified by it and by the authorities of the identity', async (around) => {
    const names: unknown[] = [];
    const port = await echo(around, {}, (socket) => {
      names.push(socket.servername);
      assert.equal(socket.alpnProtocol, 'http/1.1');
      socket.pipe(socket);
    });
    for (const serverName of ['server.example', 'server.example.', '127.0.0.1']) {
      const ear = to(around, port, { serverName });
      await ear.until(() => ear.opens === 1);
      ear.stream.writeText('hello');
      await ear.until(() => ear.text === 'hello');
    }
    assert.deepEqual(names, ['server.example', 'server.example', false]);
  });

  const doubted: [why: string, Partial<ServerTls>][] = [
    ['has another name', { serverName: 'other.example' }],
    ['has another address', { serverName: '127.0.0.2' }],
    ['is of no authority that is known', { identity: PLAIN_IDENTITY }],
    ['is to be verified by what is no certificate', { identity: { ...TRUSTING, ca: 'no PEM' } }],
  ];
  for (const [why, settings] of doubted) {
    test(`are not spoken to where one ${why}`, async (around) => {
      const port = await echo(around);
      const ear = to(around, port, settings);
      await ear.until(() => ear.causes.length > 0);
      assert.deepEqual([ear.opens, ear.causes], [0, ['tls_failed']]);
    });
  }

  test('may be anybody where nothing is verified', async (around) => {
    const port = await echo(around);
    const identity = PLAIN_IDENTITY;
    const ear = to(around, port, { serverName: 'other.example', verify: false, identity });
    await ear.until(() => ear.opens === 1);
  });

  test('are shown our certificate', async (around) => {
    const shown: string[] = [];
    const ca = textsOf(ROOT).cert;
    const port = await echo(around, { requestCert: true, ca }, (socket) => {
      shown.push(String(socket.getPeerCertificate().subject?.CN));
      socket.pipe(socket);
    });
    const identity = { ...TRUSTING, ...CLIENT, digest: 'root and client' };
    const ear = to(around, port, { identity });
    await ear.until(() => ear.opens === 1);
    ear.stream.writeText('hello');
    await ear.until(() => ear.text === 'hello');
    assert.deepEqual(shown, ['client']);
    const bare = to(around, port);
    await bare.until(() => bare.causes.length > 0 || bare.ends > 0);
    assert.equal(bare.text, '');
  });

  test('that speak no TLS, or leave, are told from those that are refused', async (around) => {
    const http = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const mute = await around.server({ host: '127.0.0.1', port: 0 }, (socket) => socket.end());
    for (const [server, cause] of [
      [http, 'tls_failed'],
      [mute, 'reset'],
    ] as const) {
      const ear = to(around, (server.address() as net.AddressInfo).port);
      await ear.until(() => ear.causes.length > 0);
      assert.deepEqual([ear.opens, ear.causes], [0, [cause]]);
    }
  });

  test('are left in the middle of a handshake, and nobody hears of it', async (around) => {
    const silent = await around.server({ host: '127.0.0.1', port: 0 }, () => {});
    const ear = to(around, (silent.address() as net.AddressInfo).port);
    await once(silent, 'connection');
    await turns();
    ear.stream.destroy();
    await turns();
    assert.deepEqual([ear.opens, ear.causes], [0, []]);
  });

  test('take much, say when they have, and hear the end', async (around) => {
    const port = await echo(around);
    const ear = to(around, port);
    await ear.until(() => ear.opens === 1);
    let receivedBytes = 0;
    ear.onText = (text) => {
      receivedBytes += text.length;
      ear.text = '';
    };
    let writtenBytes = 0;
    while (writtenBytes < MUCH_BYTES) {
      ear.stream.writeTextAndBytes('text', PIECE, 0, PIECE.length);
      writtenBytes += 4 + PIECE.length;
    }
    assert.ok(ear.stream.pendingBytes > 0);
    await ear.until(() => ear.drains > 0);
    ear.stream.end();
    await ear.until(() => ear.causes.length > 0);
    assert.equal(receivedBytes, writtenBytes);
    assert.deepEqual([ear.ends, ear.causes], [1, ['closed']]);
  });
}
