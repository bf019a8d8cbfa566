/** What clients and security.tls agree on: certificates, protocols, ciphers, sessions, OCSP. */
import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { authority, type Files, selfSigned, signedBy } from '../../test/e2e/certificates.ts';
import type { CertificatePlan, Staple, TlsPlan } from '../plan/tls.ts';
import { TicketKeys } from '../table/ticket-keys.ts';
import { CERT, KEY, PIECE, type Surroundings, type TestWith } from './backend.fixture.ts';
import { clientOf, PLAN, secureListener } from './tls.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'openclaw-tls-'));
const ROOT = authority(folder, 'root');
const OTHER_ROOT = authority(folder, 'other-root');

function planned(files: Files, names: readonly string[], ocsp: Staple | null): CertificatePlan {
  const { cert, key } = textsOf(files);
  return { cert, key, names, ocsp };
}

function textsOf({ cert_path, key_path }: Files): { cert: string; key: string } {
  return { cert: readFileSync(cert_path, 'utf8'), key: readFileSync(key_path, 'utf8') };
}

function named(...names: string[]): CertificatePlan {
  const files = selfSigned(
    folder,
    names[0]!.replace('*', 'any'),
    names.map((name) => `DNS:${name}`),
  );
  return planned(files, names, null);
}

const A = named('a.example', '*.wild.example');
const B = named('b.example');
const C = named('c.wild.example');
const MANY: TlsPlan = { ...PLAN, certificates: [A, B, C] };

/** What a handshake is refused with, as the listener and its client tell it. */
async function refusal(around: Surroundings, plan: TlsPlan, options: tls.ConnectionOptions) {
  const { port, ear, told, details } = await secureListener(around, plan);
  await assert.rejects(clientOf(around, port, { maxVersion: 'TLSv1.2', ...options }));
  await ear.until(() => told.length > 0);
  return [told[0], details[0]];
}

/** A session that was made by one connection. */
async function sessionOf(around: Surroundings, port: number, version: tls.SecureVersion) {
  const client = await clientOf(around, port, { minVersion: version, maxVersion: version });
  const session = version === 'TLSv1.3' ? (await once(client, 'session'))[0] : client.getSession();
  client.destroy();
  return session as Buffer;
}

export function choices(test: TestWith): void {
  const shown: [servername: string | undefined, CertificatePlan][] = [
    [undefined, A],
    ['a.example', A],
    ['B.Example', B],
    ['any.wild.example', A],
    ['c.wild.example', C],
    ['two.any.wild.example', A],
    ['unknown.example', A],
  ];
  test('shows the certificate of the name that is asked for', async (around) => {
    const { port } = await secureListener(around, MANY);
    for (const [servername, { cert }] of shown) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const asked = servername === undefined ? {} : { servername };
        const client = await clientOf(around, port, { ...asked, maxVersion });
        const { raw } = client.getPeerX509Certificate()!;
        assert.deepEqual(raw, new X509Certificate(cert).raw, `${servername} by ${maxVersion}`);
        client.destroy();
      }
    }
  });

  test('shows the kind of key that the client knows', async (around) => {
    const rsa = planned(selfSigned(folder, 'rsa', ['DNS:a.example'], 'rsa'), ['a.example'], null);
    const ec = planned(selfSigned(folder, 'ec', ['DNS:a.example'], 'ec'), ['a.example'], null);
    const { port } = await secureListener(around, { ...PLAN, certificates: [rsa, ec] });
    for (const [kind, { cert }] of [
      ['RSA', rsa],
      ['ECDSA', ec],
    ] as const) {
      const ciphers = `ECDHE-${kind}-AES128-GCM-SHA256`;
      const client = await clientOf(around, port, { maxVersion: 'TLSv1.2', ciphers });
      assert.deepEqual(client.getPeerX509Certificate()!.raw, new X509Certificate(cert).raw);
    }
  });

  test('sends the chain along', async (around) => {
    const leaf = textsOf(signedBy(ROOT, folder, 'leaf', ['DNS:leaf.example']));
    const chain = leaf.cert + textsOf(ROOT).cert;
    const one = { cert: chain, key: leaf.key, names: ['leaf.example'], ocsp: null };
    const { port } = await secureListener(around, { ...PLAN, certificates: [one] });
    const client = await clientOf(around, port);
    const { issuerCertificate } = client.getPeerCertificate(true);
    assert.deepEqual(issuerCertificate.raw, new X509Certificate(textsOf(ROOT).cert).raw);
  });

  test('prefers its own order of protocols, and needs none', async (around) => {
    const { port, ear, secured } = await secureListener(around, { ...PLAN, http2: true });
    for (const [ALPNProtocols, agreed] of [
      [['http/1.1', 'h2'], 'h2'],
      [['smtp', 'http/1.1'], 'http/1.1'],
      [undefined, false],
    ] as const) {
      const offer = ALPNProtocols === undefined ? {} : { ALPNProtocols: [...ALPNProtocols] };
      const client = await clientOf(around, port, offer);
      assert.equal(client.alpnProtocol, agreed);
    }
    await ear.until(() => secured.length === 3);
    assert.deepEqual(
      secured.map(({ protocol }) => protocol),
      ['h2', 'http/1.1', null],
    );
  });

  test('speaks no version, cipher or group but those of the plan', async (around) => {
    const newest: TlsPlan = { ...PLAN, minVersion: 'TLSv1.3' };
    const old = 'ERR_SSL_UNSUPPORTED_PROTOCOL';
    assert.deepEqual(await refusal(around, newest, {}), ['unsupported_version', old]);
    const suites: TlsPlan = { ...PLAN, ciphers: 'TLS_AES_256_GCM_SHA384' };
    assert.deepEqual(await refusal(around, suites, {}), ['unsupported_version', old]);
    const narrow: TlsPlan = { ...PLAN, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' };
    assert.deepEqual(await refusal(around, narrow, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }), [
      'no_shared_cipher',
      'ERR_SSL_NO_SHARED_CIPHER',
    ]);
    const curve = { maxVersion: 'TLSv1.3', minVersion: 'TLSv1.3', ecdhCurve: 'P-384' } as const;
    assert.deepEqual(await refusal(around, PLAN, curve), [
      'no_shared_group',
      'ERR_SSL_NO_SUITABLE_KEY_SHARE',
    ]);
  });

  test('takes the suite of the plan in TLS 1.3', async (around) => {
    const suite = 'TLS_CHACHA20_POLY1305_SHA256';
    const { port } = await secureListener(around, { ...PLAN, ciphers: `HIGH:${suite}` });
    assert.equal((await clientOf(around, port)).getCipher().standardName, suite);
    const older = await clientOf(around, port, { maxVersion: 'TLSv1.2' });
    assert.equal(older.getProtocol(), 'TLSv1.2');
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`takes up a session of another thread by ${version}, until its key is forgotten`, async (around) => {
      const keys = TicketKeys.create(randomBytes);
      const plan: TlsPlan = { ...PLAN, ticketMemory: keys.memory };
      const session = await sessionOf(around, (await secureListener(around, plan)).port, version);
      const { port } = await secureListener(around.another(), plan);
      const isResumed = async () => {
        const client = await clientOf(around, port, { maxVersion: version, session });
        const isReused = client.isSessionReused();
        client.destroy();
        return isReused;
      };
      assert.equal(await isResumed(), true);
      keys.turn(randomBytes);
      keys.turn(randomBytes);
      assert.equal(await isResumed(), true);
      keys.turn(randomBytes);
      assert.equal(await isResumed(), false);
    });
  }

  test('staples what the authority says, to the certificate that it is about, in its time', async (around) => {
    const soon = { response: Buffer.from('what is said of a'), untilMs: Date.now() + 60_000 };
    const late = { response: Buffer.from('what was said of c'), untilMs: Date.now() - 1 };
    const certificates = [{ ...A, ocsp: soon }, B, { ...C, ocsp: late }];
    const { port } = await secureListener(around, { ...PLAN, certificates });
    for (const [servername, said] of [
      ['a.example', 'what is said of a'],
      ['b.example', undefined],
      ['c.wild.example', undefined],
    ] as const) {
      const asking = tls.connect({
        ...{ host: '127.0.0.1', port, servername, requestOCSP: true, rejectUnauthorized: false },
      });
      around.atEnd(() => asking.destroy());
      const [stapled] = await once(asking, 'OCSPResponse');
      assert.equal((stapled as Buffer | null)?.toString(), said);
    }
  });

  test('takes a certificate where one is brought, and only of its authorities', async (around) => {
    const mine = textsOf(signedBy(ROOT, folder, 'client'));
    const foreign = textsOf(signedBy(OTHER_ROOT, folder, 'foreign'));
    const clientCa = textsOf(ROOT).cert;
    const optional: TlsPlan = { ...PLAN, clientCa, clientCertificates: 'optional' };
    const { port, ear, secured } = await secureListener(around, optional);
    await clientOf(around, port);
    await clientOf(around, port, mine);
    await ear.until(() => secured.length === 2);
    assert.deepEqual(
      secured.map(({ clientCertificate }) => clientCertificate),
      [null, new X509Certificate(mine.cert).raw],
    );
    for (const clientCertificates of ['optional', 'required'] as const) {
      for (const [shown, why] of [
        [foreign, /^UNABLE_TO_(GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE)$/],
        [{ cert: CERT, key: KEY }, /^DEPTH_ZERO_SELF_SIGNED_CERT$/],
      ] as const) {
        const listener = await secureListener(around, { ...optional, clientCertificates });
        clientOf(around, listener.port, shown).catch(() => {});
        await listener.ear.until(() => listener.told.length > 0);
        assert.deepEqual(listener.told, ['bad_client_certificate']);
        assert.match(listener.details[0]!, why);
      }
    }
  });

  test('takes up a session with the certificate that it was begun with', async (around) => {
    const mine = textsOf(signedBy(ROOT, folder, 'resuming'));
    const clientCa = textsOf(ROOT).cert;
    const plan: TlsPlan = { ...PLAN, clientCa, clientCertificates: 'required' };
    const { port, ear, secured } = await secureListener(around, plan);
    const first = await clientOf(around, port, { ...mine, maxVersion: 'TLSv1.2' });
    const session = first.getSession()!;
    const again = await clientOf(around, port, { maxVersion: 'TLSv1.2', session });
    assert.equal(again.isSessionReused(), true);
    await ear.until(() => secured.length === 2);
    assert.deepEqual(secured[1]!.clientCertificate, new X509Certificate(mine.cert).raw);
    // Under other authorities it counts for nothing.
    const others = { ...plan, clientCa: textsOf(OTHER_ROOT).cert };
    const { port: otherPort } = await secureListener(around, others);
    await assert.rejects(clientOf(around, otherPort, { maxVersion: 'TLSv1.2', session }));
  });

  test("gives Node's HTTP/2 library what it stands on", async (around) => {
    const security = around.backend.securityOf({ ...PLAN, http2: true });
    const listener = await around.listen((accepted) =>
      accepted.secure(security, {
        secured: (secured) => {
          const session = http2.performServerHandshake(secured.forNodeHttp2());
          session.on('error', () => {});
          around.atEnd(() => session.destroy());
          session.on('stream', (stream) => stream.pipe(stream));
        },
        failed: (reason) => assert.fail(reason),
      }),
    );
    const client = http2.connect(`https://127.0.0.1:${listener.port}`, {
      rejectUnauthorized: false,
    });
    around.atEnd(() => client.destroy());
    const stream = client.request({ ':method': 'POST' });
    stream.end(PIECE);
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    assert.ok(Buffer.concat(pieces).equals(PIECE));
  });
}
