import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { TlsPlan } from '../plan/tls.ts';
import { CERT, KEY, MUCH_BYTES, PIECE, readAll, type TestWith, turns } from './backend.fixture.ts';
import { clientOf, PLAN, secureListener } from './tls.fixture.ts';

const TRUSTING = { rejectUnauthorized: false };
/** Known to Node, though not to its types. */
const HALF_OPEN: object = { allowHalfOpen: true };

/** Types of TLS's records (RFC 8446 §5.1). */
const ALERT = 21;
const APPLICATION_DATA = 23;

export function security(test: TestWith): void {
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

  test('takes records in halves, however small', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const plain = await around.client({ host: '127.0.0.1', port });
    plain.setNoDelay(true);
    const client = tls.connect({ socket: sliced(plain, 3), rejectUnauthorized: false });
    around.atEnd(() => client.destroy());
    client.write('hello');
    await ear.until(() => ear.text === 'hello');
    client.write('again');
    await ear.until(() => ear.text === 'helloagain');
    ear.stream.writeText('answer');
    assert.equal(await readAll(client, 6), 'answer');
  });

  test('writes after the client has ended', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const client = await clientOf(around, port, HALF_OPEN);
    client.end('hello');
    await ear.until(() => ear.ends === 1);
    assert.deepEqual([ear.text, ear.causes], ['hello', []]);
    ear.stream.writeText('late answer');
    ear.stream.end();
    assert.equal(await readAll(client), 'late answer');
    await ear.until(() => ear.causes.length > 0);
    assert.deepEqual([ear.ends, ear.causes], [1, ['closed']]);
    await until(() => around.door.taken === 0);
  });

  test('says goodbye where it is destroyed just after a write', async (around) => {
    const { port, ear } = await secureListener(around, { ...PLAN, maxVersion: 'TLSv1.2' });
    const plain = await around.client({ host: '127.0.0.1', port });
    const came: Buffer[] = [];
    plain.on('data', (bytes: Buffer) => came.push(bytes));
    const client = tls.connect({ socket: sliced(plain, 65_536), rejectUnauthorized: false });
    around.atEnd(() => client.destroy());
    client.write('hello');
    ear.onText = () => {
      ear.stream.writeText('answer');
      ear.stream.destroy();
    };
    assert.equal(await readAll(client), 'answer');
    const types = recordTypes(Buffer.concat(came));
    assert.deepEqual(types.slice(-2), [APPLICATION_DATA, ALERT]);
    await until(() => around.door.taken === 0);
  });

  test('takes the end of a client that does not say goodbye for an end', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const plain = await around.client({ host: '127.0.0.1', port });
    const client = tls.connect({ socket: plain, rejectUnauthorized: false });
    client.on('error', () => {});
    await once(client, 'secureConnect');
    client.write('hello');
    await ear.until(() => ear.text === 'hello');
    plain.end();
    await ear.until(() => ear.ends === 1);
  });

  test('tells of a client that is reset', async (around) => {
    const { port, ear, secured } = await secureListener(around, PLAN);
    const plain = await around.client({ host: '127.0.0.1', port });
    tls.connect({ socket: sliced(plain, PIECE.length), ...TRUSTING }).on('error', () => {});
    await ear.until(() => secured.length === 1);
    plain.resetAndDestroy();
    // Node's own TLS takes it for an end.
    await ear.until(() => ear.causes.length > 0 || ear.ends > 0);
    assert.ok(ear.ends === 1 || ear.causes[0] === 'reset');
  });

  test('resets a client', async (around) => {
    const { port, ear, secured } = await secureListener(around, PLAN);
    const plain = await around.client({ host: '127.0.0.1', port });
    const errors: string[] = [];
    plain.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code!));
    tls.connect({ socket: sliced(plain, PIECE.length), ...TRUSTING }).on('error', () => {});
    await ear.until(() => secured.length === 1);
    ear.stream.reset();
    await new Promise((resolve) => plain.once('close', resolve));
    assert.deepEqual([errors, ear.causes], [['ECONNRESET'], []]);
    await until(() => around.door.taken === 0);
  });

  test('says which bytes a client does not take, and lets go of it', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const client = await clientOf(around, port, {});
    client.pause();
    client.write('hello');
    await ear.until(() => ear.text === 'hello');
    for (let written = 0; written < MUCH_BYTES; written += PIECE.length) {
      ear.stream.writeBytes(PIECE, 0, PIECE.length);
    }
    await turns();
    const unsent = ear.stream.unsentBytes();
    assert.ok(unsent > 0);
    await turns();
    assert.equal(ear.stream.unsentBytes(), unsent);
    ear.stream.destroy();
    await until(() => around.door.taken === 0);
    assert.deepEqual([ear.drains, ear.causes], [0, []]);
  });

  test('is quiet while it is paused', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const client = await clientOf(around, port, {});
    client.write('one');
    await ear.until(() => ear.text === 'one');
    ear.stream.pause();
    client.write('two');
    client.end();
    await turns();
    assert.deepEqual([ear.text, ear.ends], ['one', 0]);
    ear.stream.resume();
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'onetwo');
  });

  test('ends where its owner throws, and tells who contains that', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const client = await clientOf(around, port);
    const fault = new Error('a fault of the owner');
    ear.onText = () => {
      throw fault;
    };
    client.write('hello');
    await ear.until(() => ear.crashes === 1);
    assert.deepEqual(around.errors, [fault]);
    await until(() => around.door.taken === 0);
  });

  test('closes where what comes was not written by the client', async (around) => {
    const { port, ear } = await secureListener(around, PLAN);
    const plain = await around.client({ host: '127.0.0.1', port });
    const client = tls.connect({ socket: plain, rejectUnauthorized: false });
    client.on('error', () => {});
    client.write('hello');
    await ear.until(() => ear.text === 'hello');
    plain.write(Buffer.from('170303001304040404040404040404040404040404040404', 'hex'));
    await ear.until(() => ear.causes.length > 0);
    assert.deepEqual([ear.text, ear.causes], ['hello', ['tls_failed']]);
  });

  test('lets nobody change the keys by a second handshake', async (around) => {
    const { port, ear, secured } = await secureListener(around, PLAN);
    const client = await clientOf(around, port, { maxVersion: 'TLSv1.2' });
    await ear.until(() => secured.length === 1);
    const error = await new Promise<Error | null>((resolve) => {
      client.once('error', resolve);
      client.renegotiate({}, resolve);
    });
    assert.ok(error !== null);
    assert.equal(secured.length, 1);
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

/** Passes on what TLS writes to a socket in small pieces, each in a turn of its own. */
function sliced(socket: net.Socket, pieceBytes: number): Duplex {
  return new Duplex({
    read: () => void socket.resume(),
    write(bytes: Buffer, _encoding, done) {
      const send = (at: number): void => {
        if (at >= bytes.length) return done();
        socket.write(bytes.subarray(at, at + pieceBytes));
        setImmediate(send, at + pieceBytes);
      };
      send(0);
    },
    construct(done) {
      socket.on('data', (bytes: Buffer) => this.push(bytes));
      socket.on('end', () => this.push(null));
      done();
    },
  });
}

/** Turns of the loop until it is so; the test's own timeout bounds it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turns(1);
}

function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at]!);
  return types;
}
