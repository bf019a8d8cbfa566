/** Handshakes on the connections as the listener and its colleagues hand them over. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { rethrow } from '../../../base/contain.ts';
import { TimerWheel } from '../../../base/wheel.ts';
import { NOBODY } from '../../../core/ports/stream.ts';
import { TicketKeys } from '../../../table/ticket-keys.ts';
import type { Accepted, HandshakeOwner } from '../../backend.ts';
import { realClock } from '../../real-clock.ts';
import { tlsFailureOf } from '../../tls/failures.ts';
import { alpnOf } from '../../tls/server-settings.ts';
import { NodeAccepted } from '../accepted.ts';
import { NodeListener } from '../listener.ts';
import { ReadBuffers } from '../read-buffers.ts';
import type { NodeSecurity } from './handshake.ts';
import { ServerContexts } from './server-contexts.ts';

const CERTIFICATES = join(import.meta.dirname, '../../../../test/e2e/tls');
const context = {
  clock: realClock,
  wheel: new TimerWheel(realClock.nowMs(), 50),
  buffers: new ReadBuffers(64 * 1024),
  reusePort: false,
  contain: rethrow,
};
const plan = {
  certificates: [
    {
      cert: readFileSync(join(CERTIFICATES, 'server.crt'), 'utf8'),
      key: readFileSync(join(CERTIFICATES, 'server.key'), 'utf8'),
      names: ['localhost'],
      ocsp: null,
    },
  ],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: 'HIGH',
  curves: 'X25519',
  clientCa: '',
  clientCertificates: 'none',
  http2: false,
  handshakeMs: 10_000,
  hstsLine: '',
  ticketMemory: new SharedArrayBuffer(0),
} as const;
const security: NodeSecurity = {
  contexts: new ServerContexts(plan, TicketKeys.create(randomBytes)),
  alpnProtocols: alpnOf(plan),
  clientCertificates: 'none',
  handshakeMs: plan.handshakeMs,
};

/** Sends back what comes, in capitals. */
const shout: HandshakeOwner = {
  secured(secured) {
    secured.toStream((stream) => ({
      ...NOBODY,
      onBytes: (bytes, start, end) =>
        stream.writeText(bytes.toString('latin1', start, end).toUpperCase()),
      onEnd: () => stream.end(),
    }));
  },
  failed: (reason) => assert.fail(reason),
};
const shake = (accepted: Accepted) => accepted.secure(security, shout);

async function talk(port: number, before = ''): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  if (before !== '') socket.write(before);
  const client = tls.connect({ socket, rejectUnauthorized: false });
  client.end('hello');
  let said = '';
  client.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(client, 'close');
  return said;
}

test("a listener's connection is secured on its handle", async () => {
  const address = { host: '127.0.0.1', port: 0, path: '', speaks: 'https' } as const;
  const listener = await NodeListener.open(address, context, shake);
  assert.equal(await talk(listener.port), 'HELLO');
  listener.close();
});

test("without the seam of Node it is secured on Node's own socket", async () => {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    shake(NodeAccepted.ofSocket(context, socket)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  assert.equal(await talk((server.address() as net.AddressInfo).port), 'HELLO');
  server.close();
});

test('what stands before TLS is read first, however the bytes come together', async () => {
  const HEADER = 'PROXY UNKNOWN\r\n';
  const address = { host: '127.0.0.1', port: 0, path: '', speaks: 'https' } as const;
  const listener = await NodeListener.open(address, context, (accepted) => {
    accepted.toStream(() => ({
      ...NOBODY,
      onBytes(bytes, start, end) {
        assert.equal(bytes.toString('latin1', start, start + HEADER.length), HEADER);
        shake(accepted.afterHeader(bytes.subarray(start + HEADER.length, end), accepted));
      },
    }));
  });
  assert.equal(await talk(listener.port, HEADER), 'HELLO');
  listener.close();
});

test("whoever asks for http:// is told so, on the handle and on Node's own socket", async () => {
  const reasons: string[] = [];
  const owner: HandshakeOwner = {
    secured: () => assert.fail('no TLS was spoken'),
    failed: (reason) => reasons.push(reason),
  };
  const begin = (accepted: Accepted) => accepted.secure(security, owner);
  const ask = async (port: number): Promise<string> => {
    const client = net.connect(port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let said = '';
    client.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await once(client, 'close');
    return said;
  };
  const address = { host: '127.0.0.1', port: 0, path: '', speaks: 'https' } as const;
  const listener = await NodeListener.open(address, context, begin);
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    begin(NodeAccepted.ofSocket(context, socket)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  for (const port of [listener.port, (server.address() as net.AddressInfo).port]) {
    assert.match(await ask(port), /^HTTP\/1\.1 400 [\s\S]*This port speaks HTTPS/);
  }
  assert.deepEqual(reasons, ['not_tls', 'not_tls']);
  listener.close();
  server.close();
});

test('an answer past its end would make clients refuse the certificate: it is not stapled', () => {
  const [certificate] = plan.certificates;
  const ocsp = { response: Buffer.from('answer'), untilMs: 5 };
  const contexts = new ServerContexts(
    { ...plan, certificates: [{ ...certificate, ocsp }] },
    TicketKeys.create(randomBytes),
  );
  assert.equal(contexts.stapleFor(contexts.fallback, 4), ocsp.response);
  assert.equal(contexts.stapleFor(contexts.fallback, 5), undefined);
});

test('what a client says of our certificate is told from other faults', () => {
  assert.equal(tlsFailureOf('ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN'), 'certificate_refused');
  assert.equal(tlsFailureOf('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'certificate_refused');
  assert.equal(tlsFailureOf('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'), 'other');
  assert.equal(tlsFailureOf(undefined), 'other');
});
