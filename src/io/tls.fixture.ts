/** A listener that shakes hands, and clients of Node's. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import tls from 'node:tls';
import type { TlsPlan } from '../plan/tls.ts';
import { TicketKeys } from '../table/ticket-keys.ts';
import { CERT, Ear, KEY, type Surroundings } from './backend.fixture.ts';
import type { Accepted, Secured } from './backend.ts';

export const PLAN: TlsPlan = {
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
export async function secureListener(around: Surroundings, plan: TlsPlan, prefix = '') {
  const security = around.backend.securityOf(plan);
  const ear = new Ear();
  const told: string[] = [];
  const details: string[] = [];
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
      failed: (reason, detail) => {
        told.push(reason);
        details.push(detail);
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
  return { port: listener.port, ear, told, details, secured };
}

/** A client whose handshake is done. */
export async function clientOf(
  around: Surroundings,
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const client = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  around.atEnd(() => client.destroy());
  await once(client, 'secureConnect');
  return client;
}
