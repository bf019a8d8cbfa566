import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import tls from 'node:tls';
import type { TlsPlan } from '../plan/tls.ts';
import { TicketKeys } from '../table/ticket-keys.ts';
import {
  CERT,
  Ear,
  KEY,
  MUCH_BYTES,
  PIECE,
  readAll,
  type Surroundings,
  type TestWith,
} from './backend.fixture.ts';
import type { Accepted, Secured } from './backend.ts';

const PLAN: TlsPlan = {
  certificates: [{ cert: CERT, key: KEY, names: ['localhost'], ocsp: null }],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: 'HIGH',
  curves: 'X25519:P-256',
  clientCa: '',
  clientCertificates: 'none',
  http2: false,
  handshakeMs: 10_000,
  hstsLine: '',
  ticketMemory: TicketKeys.create(randomBytes).memory,
};
/** A listener that shakes hands; what becomes of each, as text, and the secured connections. */
async function secureListener(around: Surroundings, plan: TlsPlan, prefix = '') {
  const security = around.backend.securityOf(plan);
  const ear = new Ear();
  const told: string[] = [];
  const secured: Secured[] = [];
  const begin = (accepted: Accepted) =>
    accepted.secure(security, {
      secured: (one) => {
        secured.push(one);
        told.push('secured');
        one.toStream(ear.own);
        const { stream } = ear;
        around.atEnd(() => stream.destroy());
      },
      failed: (reason) => {
        told.push(reason);
        ear.crashed();
      },
    });
  const listener = await around.listen((accepted) => {
    if (prefix === '') begin(accepted);
    else {
      const reader = new Ear();
      accepted.toStream((stream) => {
        reader.stream = stream;
        return reader;
      });
      reader.onText = (text) => {
        const early = Buffer.from(text.slice(prefix.length), 'latin1');
        begin(accepted.afterHeader(early, { ...accepted, peer: accepted.peer, isSecure: false }));
      };
    }
  });
  return { port: listener.port, ear, told, secured };
}

export function security(test: TestWith): void {
  const clientOf = async (around: Surroundings, port: number, options: tls.ConnectionOptions) => {
    const client = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    client.on('error', () => {});
    around.atEnd(() => client.destroy());
    await once(client, 'secureConnect');
    return client;
  };

  test('carries bytes both ways, held ones too, and ends in good order', async (around) => {
    const { port, ear, secured } = await secureListener(around, PLAN);
    const client = await clientOf(around, port, { ALPNProtocols: ['http/1.1'] });
    client.write('hello');
    await ear.until(() => ear.text === 'hello');
    assert.equal(secured[0]!.protocol, 'http/1.1');
    assert.equal(secured[0]!.isSecure, true);
    assert.equal(secured[0]!.clientCertificate, null);
    let written = 0;
    while (written < MUCH_BYTES) {
      ear.stream.writeBytes(PIECE, 0, PIECE.length);
      written += PIECE.length;
    }
    assert.ok(ear.stream.pendingBytes > 0);
    assert.ok(ear.stream.unsentBytes() > 0);
    let taken = 0;
    client.on('data', (bytes: Buffer) => {
      taken += bytes.length;
    });
    await ear.until(() => ear.drains > 0);
    assert.equal(ear.stream.pendingBytes, 0);
    ear.stream.end();
    await once(client, 'end');
    assert.equal(taken, written);
    client.end();
    await ear.until(() => ear.causes.length > 0);
    assert.deepEqual(ear.causes, ['closed']);
  });

  test('tells whoever asks for no protocol that is spoken here', async (around) => {
    const { port, ear, told } = await secureListener(around, PLAN);
    await assert.rejects(clientOf(around, port, { ALPNProtocols: ['smtp'] }));
    await ear.until(() => told.length > 0);
    assert.deepEqual(told, ['no_shared_protocol']);
  });

  test('takes up a session again', async (around) => {
    const { port, ear, secured } = await secureListener(around, PLAN);
    const first = await clientOf(around, port, { maxVersion: 'TLSv1.2' });
    const session = first.getSession()!;
    first.end();
    await ear.until(() => secured.length === 1);
    await clientOf(around, port, { maxVersion: 'TLSv1.2', session });
    await ear.until(() => secured.length === 2);
    assert.deepEqual(
      secured.map(({ isResumed }) => isResumed),
      [false, true],
    );
  });

  test('asks for a certificate where one is required', async (around) => {
    const plan: TlsPlan = { ...PLAN, clientCa: CERT, clientCertificates: 'required' };
    const { port, ear, told, secured } = await secureListener(around, plan);
    await clientOf(around, port, { cert: CERT, key: KEY, maxVersion: 'TLSv1.2' });
    await ear.until(() => secured.length === 1);
    assert.deepEqual(secured[0]!.clientCertificate, new X509Certificate(CERT).raw);
    await assert.rejects(clientOf(around, port, { maxVersion: 'TLSv1.2' }));
    await ear.until(() => told.length === 2);
    assert.deepEqual(told, ['secured', 'no_client_certificate']);
  });

  test('begins behind what stands before it, however the bytes come together', async (around) => {
    const header = 'PROXY UNKNOWN\r\n';
    const { port, ear } = await secureListener(around, PLAN, header);
    const plain = await around.client({ host: '127.0.0.1', port });
    plain.write(header);
    const client = tls.connect({ socket: plain, rejectUnauthorized: false });
    around.atEnd(() => client.destroy());
    client.end('hello');
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'hello');
  });

  test('tells who speaks none, who is silent, and who leaves', async (around) => {
    const { port, ear, told } = await secureListener(around, { ...PLAN, handshakeMs: 50 });
    const plain = await around.client({ host: '127.0.0.1', port });
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(await readAll(plain), /^HTTP\/1\.1 400 [\s\S]*This port speaks HTTPS/);
    await ear.until(() => told.length === 1);
    const leaving = await around.client({ host: '127.0.0.1', port });
    leaving.end();
    await ear.until(() => told.length === 2);
    const silent = await around.client({ host: '127.0.0.1', port });
    await around.backend.acceptWaiting(5_000);
    around.wheel.advance(performance.now() + 1_000);
    await ear.until(() => told.length === 3);
    await once(silent.resume(), 'end');
    assert.deepEqual(told, ['not_tls', 'left', 'timeout']);
  });

  test('is given up without a word', async (around) => {
    const security = around.backend.securityOf(PLAN);
    const listener = await around.listen((accepted) =>
      accepted
        .secure(security, {
          secured: () => assert.fail('it was given up'),
          failed: () => assert.fail('it was given up'),
        })
        .abort(),
    );
    const peer = await around.client({ host: '127.0.0.1', port: listener.port });
    await once(peer.resume(), 'end');
    assert.equal(around.door.taken, 0);
  });

  test('is refused by OpenSSL where a key is no good', async (around) => {
    const [certificate] = PLAN.certificates;
    const broken = { ...PLAN, certificates: [{ ...certificate!, key: 'no key' }] };
    assert.throws(() => around.backend.securityOf(broken));
  });
}
