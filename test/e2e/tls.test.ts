/** TLS to clients, with the openssl command and Node's own TLS on the other end. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { authority, ocspAnswer, openssl, selfSigned, signedBy } from './certificates.ts';
import {
  freePort,
  type Message,
  newFolder,
  Openclaw,
  okWith,
  Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
  untilSettled,
} from './harness.ts';

const folder = newFolder();
const main = selfSigned(folder, 'main', ['DNS:localhost', 'IP:127.0.0.1']);
const rsa = selfSigned(folder, 'rsa', ['DNS:localhost', 'IP:127.0.0.1'], 'rsa');
const wild = selfSigned(folder, 'wild', ['DNS:*.example.com', 'DNS:example.com']);
const exact = selfSigned(folder, 'exact', ['DNS:shop.example.com']);
const ours = authority(folder, 'ours');
const theirs = authority(folder, 'theirs');

let server: ScriptedServer;
before(async () => {
  server = await ScriptedServer.listen();
});
const shared = new SharedOpenclaw();
const pair = new SharedOpenclaw({ workers: 2 });
after(async () => {
  await shared.end();
  await pair.end();
  await server.close();
});

const heads: Message[] = [];
const hello = (peer: Peer, head: Message) => {
  heads.push(head);
  peer.send(okWith('hello'));
};

const withTls = (settings: object) => ({
  servers: [server.address],
  security: { tls: { ...main, ...settings } },
});
const start = (settings: object, balancing: object = {}) =>
  Openclaw.start({ ...withTls(settings), ...balancing });
/** By a reload, where the test asks nothing of the start or of failed handshakes before. */
const reload = (settings: object) => shared.take(withTls(settings));
/** The same with two workers. */
const reloadPair = (settings: object) => pair.take(withTls(settings));

async function secureTo(port: number, options: tls.ConnectionOptions = {}): Promise<Peer> {
  const socket = tls.connect({
    ...{ host: '127.0.0.1', port, rejectUnauthorized: false, allowHalfOpen: true },
    ...options,
  } as tls.ConnectionOptions);
  const peer = new Peer(socket);
  await Promise.race([
    once(socket, 'secureConnect'),
    once(socket, 'close').then(() => Promise.reject(peer.error ?? new Error('closed'))),
  ]);
  return peer;
}

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const tlsOf = (peer: Peer) => peer.socket as tls.TLSSocket;
const commonName = (peer: Peer) => tlsOf(peer).getPeerX509Certificate()!.subject;

test('a request over TLS reaches its server as one of https, and its answer says HSTS', async () => {
  server.on('/', hello);
  const openclaw = await reload({ hsts: '365d' });
  try {
    const client = await secureTo(openclaw.port);
    const response = await client.send(GET('/')).response();
    assert.equal(response.text, 'hello');
    assert.deepEqual(response.headers['strict-transport-security'], ['max-age=31536000']);
    const again = await client.send(GET('/')).response();
    assert.equal(again.text, 'hello');
    const refused = await client.send('GET / HTTP/1.1\r\n\r\n').response();
    assert.equal(refused.status, 400);
    assert.deepEqual(refused.headers['strict-transport-security'], ['max-age=31536000']);
    client.close();
    const forwarded = heads.at(-1)!;
    assert.deepEqual(forwarded.headers['x-forwarded-proto'], ['https']);
    assert.match(forwarded.headers.forwarded![0]!, /proto=https/);
  } finally {
    await openclaw.stop();
  }
});

test('plain HTTP is sent on to HTTPS with method and target kept', async () => {
  const plain = await freePort();
  const openclaw = await reload({ redirect_http: `127.0.0.1:${plain}` });
  try {
    const client = await Peer.connect({ host: '127.0.0.1', port: plain });
    const head = 'POST /a?b=%20 HTTP/1.1\r\nHost: example.com:8080\r\nContent-Length: 2\r\n\r\nhi';
    const response = await client.send(head).response();
    assert.equal(response.status, 308);
    const to = `https://example.com:${openclaw.port}/a?b=%20`;
    assert.deepEqual(response.headers.location, [to]);
    assert.equal(response.headers['strict-transport-security'], undefined);
    const next = await client
      .send('GET http://other.example/x HTTP/1.1\r\nHost: a\r\n\r\n')
      .response();
    assert.deepEqual(next.headers.location, [`https://other.example:${openclaw.port}/x`]);
    client.close();
  } finally {
    await openclaw.stop();
  }
});

test('no old protocol, no weak cipher, group or signature, no compression, no renegotiation', async () => {
  const openclaw = await reload({ certificates: [rsa] });
  const at = `127.0.0.1:${openclaw.port}`;
  const talk = (...args: string[]) => openssl(['s_client', '-connect', at, ...args], 'Q\n');
  const agreed = (output: string) => /^New, (\S+), Cipher is (\S+)/m.exec(output)?.[2] ?? '(NONE)';
  try {
    for (const version of ['-tls1', '-tls1_1']) {
      const output = talk(version, '-cipher', 'ALL:@SECLEVEL=0');
      assert.match(output, /alert protocol version/, version);
    }
    const good = [
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
      'DHE-RSA-AES128-GCM-SHA256',
      'DHE-RSA-AES256-GCM-SHA384',
      'DHE-RSA-CHACHA20-POLY1305',
    ];
    for (const cipher of good) assert.equal(agreed(talk('-tls1_2', '-cipher', cipher)), cipher);
    // Whatever else OpenSSL knows, offered all at once: nothing of it is taken.
    const others = ['ALL', 'COMPLEMENTOFALL', ...good.map((cipher) => `!${cipher}`), '@SECLEVEL=0'];
    assert.equal(agreed(talk('-tls1_2', '-cipher', others.join(':'))), '(NONE)');
    const weak = ['eNULL', 'aNULL', 'RC4', '3DES', 'EXPORT', 'kRSA', 'kPSK', 'SHA1', 'AESCCM'];
    for (const cipher of weak) {
      const output = talk('-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`);
      assert.equal(agreed(output), '(NONE)', cipher);
    }
    assert.match(talk('-tls1_3'), /^New, TLSv1.3/m);
    for (const group of ['X25519', 'prime256v1', 'secp384r1']) {
      assert.match(talk('-tls1_3', '-groups', group), /^New, TLSv1.3/m, group);
    }
    for (const group of ['secp521r1', 'X448', 'ffdhe2048']) {
      assert.doesNotMatch(talk('-tls1_3', '-groups', group), /^New, TLSv1.3/m, group);
    }
    for (const group of ['secp192r1', 'secp224r1', 'sect283k1']) {
      const output = talk('-tls1_2', '-groups', group, '-cipher', 'ECDHE:@SECLEVEL=0');
      assert.equal(agreed(output), '(NONE)', group);
    }
    const [, bits] =
      /Server Temp Key: DH, (\d+) bits/.exec(talk('-tls1_2', '-cipher', 'kDHE')) ?? [];
    assert.ok(Number(bits) >= 2048, `DH of ${bits} bits`);
    const sha1 = ['-sigalgs', 'RSA+SHA1:ECDSA+SHA1', '-cipher', 'ALL:@SECLEVEL=0'];
    assert.equal(agreed(talk('-tls1_2', ...sha1)), '(NONE)');
    const plain = talk('-tls1_2');
    assert.match(plain, /Compression: NONE/);
    assert.match(plain, /Secure Renegotiation IS supported/);
    assert.match(plain, /Extended master secret: yes/);
    assert.match(talk('-tls1_2', '-fallback_scsv'), /inappropriate fallback/);
    const again = openssl(['s_client', '-connect', at, '-tls1_2'], 'R\n');
    assert.match(again, /RENEGOTIATING/);
    assert.match(again, /no renegotiation/);
  } finally {
    await openclaw.stop();
  }
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session of ${version} is resumed at every worker`, async () => {
    server.on('/', hello);
    const openclaw = await reloadPair({});
    try {
      const options = { minVersion: version, maxVersion: version };
      const first = await secureTo(openclaw.port, options);
      const sessions: Buffer[] = [];
      tlsOf(first).on('session', (session: Buffer) => sessions.push(session));
      await first.send(GET('/')).response();
      // One of 1.2 came with the handshake, those of 1.3 come after it.
      if (version === 'TLSv1.2') sessions.push(tlsOf(first).getSession()!);
      const session = await until('a session', () => sessions[0]);
      const workers = () =>
        Promise.all(
          ['0', '1'].map((worker) =>
            openclaw.metric(`openclaw_client_connections_accepted_total{worker="${worker}"}`),
          ),
        );
      const before = await workers();
      await until('a resumption at each worker', async () => {
        const client = await secureTo(openclaw.port, { ...options, session });
        await client.send(GET('/')).response();
        assert.equal(tlsOf(client).isSessionReused(), true);
        client.close();
        return (await workers()).every((count, worker) => count > before[worker]!);
      });
      const count = (session: string) =>
        openclaw.metric(`openclaw_tls_handshakes_total{session="${session}"}`);
      assert.ok((await count('resumed')) >= 2);
      assert.equal(await count('new'), 1);
      first.close();
    } finally {
      await openclaw.stop();
    }
  });
}

test('the name that a client asks for chooses the certificate', async () => {
  const openclaw = await reload({ certificates: [wild, exact, rsa] });
  const shown = async (servername: string | undefined, options: tls.ConnectionOptions = {}) => {
    const client = await secureTo(openclaw.port, {
      ...(servername === undefined ? {} : { servername }),
      ...options,
    });
    const name = commonName(client);
    client.close();
    return name;
  };
  try {
    assert.equal(await shown(undefined), 'CN=main');
    assert.equal(await shown('elsewhere.org'), 'CN=main');
    assert.equal(await shown('example.com'), 'CN=wild');
    assert.equal(await shown('WWW.Example.com'), 'CN=wild');
    assert.equal(await shown('a.b.example.com'), 'CN=main');
    assert.equal(await shown('shop.example.com'), 'CN=exact');
    // Two keys for one name: the client's ciphers choose.
    const rsaOnly = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
    assert.equal(await shown('localhost', rsaOnly), 'CN=rsa');
  } finally {
    await openclaw.stop();
  }
});

test('clients without a certificate of the right authority are not let in, resumed ones neither', async () => {
  server.on('/', hello);
  const openclaw = await start({ client_ca_path: ours.cert_path });
  const read = (files: { cert_path: string; key_path: string }) => ({
    cert: openssl(['x509', '-in', files.cert_path]),
    key: openssl(['pkey', '-in', files.key_path]),
  });
  const ask = async (options: tls.ConnectionOptions) => {
    const client = await secureTo(openclaw.port, options);
    try {
      return (await client.send(GET('/')).response()).status;
    } finally {
      client.close();
    }
  };
  const reasons = () =>
    openclaw
      .log()
      .filter((line) => line.event === 'tls_handshake_failed')
      .map((line) => line.reason);
  try {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const right = read(signedBy(ours, folder, `right-${maxVersion}`));
      const wrong = read(signedBy(theirs, folder, `wrong-${maxVersion}`));
      assert.equal(await ask({ maxVersion, ...right }), 200);
      await assert.rejects(ask({ maxVersion, ...wrong }));
      await assert.rejects(ask({ maxVersion }));
    }
    await until('four lines of the log', () => reasons().length === 4);
    assert.deepEqual(reasons(), [
      'bad_client_certificate',
      'no_client_certificate',
      'bad_client_certificate',
      'no_client_certificate',
    ]);
  } finally {
    await openclaw.stop();
  }
});

test("a client's certificate goes on to servers, where one is brought, and nobody makes one up", async () => {
  const seen: Message[] = [];
  server.on('/who', (peer, head) => {
    seen.push(head);
    peer.send(okWith('hello'));
  });
  const openclaw = await reload({
    client_ca_path: ours.cert_path,
    client_certificates: 'optional',
  });
  const made = 'Client-Cert: :AAAA:\r\nclient-cert-chain: :AAAA:\r\n';
  const request = GET('/who').replace('\r\n\r\n', `\r\n${made}\r\n`);
  const ask = async (options: tls.ConnectionOptions) => {
    const client = await secureTo(openclaw.port, options);
    const sessions: Buffer[] = [];
    tlsOf(client).on('session', (session: Buffer) => sessions.push(session));
    // One of 1.2 came with the handshake, those of 1.3 come after it.
    if (options.maxVersion === 'TLSv1.2') sessions.push(tlsOf(client).getSession()!);
    assert.equal((await client.send(request).response()).status, 200);
    const { headers } = seen.at(-1)!;
    assert.equal(headers['client-cert-chain'], undefined);
    const isReused = tlsOf(client).isSessionReused();
    const session = options.session ?? (await until('a session', () => sessions[0]));
    client.close();
    return { said: headers['client-cert'], session, isReused };
  };
  try {
    const files = signedBy(ours, folder, 'ann');
    const der = openssl(['x509', '-in', files.cert_path]).replace(/-----[A-Z ]+-----|\s/g, '');
    const ann = {
      cert: openssl(['x509', '-in', files.cert_path]),
      key: openssl(['pkey', '-in', files.key_path]),
    };
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await ask({ maxVersion, ...ann });
      assert.deepEqual(first.said, [`:${der}:`]);
      const again = await ask({ maxVersion, ...ann, session: first.session });
      assert.equal(again.isReused, true);
      assert.deepEqual(again.said, [`:${der}:`], 'a resumed session is still hers');
      const nobody = await ask({ maxVersion });
      assert.equal(nobody.said, undefined);
      const still = await ask({ maxVersion, session: nobody.session });
      assert.deepEqual([still.isReused, still.said], [true, undefined]);
    }
    const wrong = signedBy(theirs, folder, 'eve');
    const eve = {
      cert: openssl(['x509', '-in', wrong.cert_path]),
      key: openssl(['pkey', '-in', wrong.key_path]),
    };
    await assert.rejects(
      ask({ maxVersion: 'TLSv1.2', ...eve }),
      'one that is brought is looked at',
    );
  } finally {
    await openclaw.stop();
  }
});

test('a certificate that changes serves new handshakes, and open connections go on', async () => {
  server.on('/', hello);
  const own = newFolder();
  const live = { cert_path: `${own}/live.crt`, key_path: `${own}/live.key` };
  const put = (files: { cert_path: string; key_path: string }) => {
    copyFileSync(files.cert_path, live.cert_path);
    copyFileSync(files.key_path, live.key_path);
  };
  put(main);
  const openclaw = await reloadPair(live);
  const events = (event: string) => openclaw.log().filter((line) => line.event === event).length;
  const shown = async () => {
    const client = await secureTo(openclaw.port);
    const name = commonName(client);
    client.close();
    return name;
  };
  try {
    const open = await secureTo(openclaw.port);
    await open.send(GET('/')).response();
    // A certificate without its key is not taken over.
    copyFileSync(exact.cert_path, live.cert_path);
    await until('a refusal', () => events('certificates_refused') === 1);
    assert.equal(await shown(), 'CN=main');
    put(exact);
    await until('the renewal', () => events('certificates_renewed') === 1);
    assert.equal(await shown(), 'CN=exact');
    assert.equal((await open.send(GET('/')).response()).text, 'hello');
    open.close();
    // A link that is moved, as certbot does, and a reload see it too.
    put(wild);
    openclaw.child.kill('SIGHUP');
    await until('the reload', async () => (await shown()) === 'CN=wild');
  } finally {
    await openclaw.stop();
  }
});

test("an authority's answer about a certificate is stapled to it, and swapped when it changes", async () => {
  const own = newFolder();
  const shop = signedBy(ours, own, 'shop', ['DNS:localhost']);
  const answer = ocspAnswer(ours, shop, own, 7);
  const stapled = `${own}/live.ocsp`;
  copyFileSync(answer, stapled);
  const openclaw = await reloadPair({ ...shop, ocsp_path: stapled });
  const at = `127.0.0.1:${openclaw.port}`;
  const asked = (...args: string[]) =>
    openssl(['s_client', '-connect', at, '-status', '-CAfile', ours.cert_path, ...args], 'Q\n');
  try {
    for (const version of ['-tls1_2', '-tls1_3']) {
      assert.match(
        asked(version),
        /OCSP Response Status: successful[\s\S]*Cert Status: good/,
        version,
      );
    }
    const unasked = openssl(['s_client', '-connect', at], 'Q\n');
    assert.doesNotMatch(unasked, /OCSP Response Status/);
    const nextUpdate = () => /Next Update: (.+)/.exec(asked())?.[1];
    const before = nextUpdate();
    copyFileSync(ocspAnswer(ours, shop, own, 30), stapled);
    await until('the new answer', () => nextUpdate() !== before);
    // One that says no is no help to anybody.
    copyFileSync(ocspAnswer(ours, shop, own, 7, true), stapled);
    await until('none at all', () => /no response sent/.test(asked()));
  } finally {
    await openclaw.stop();
  }
});

test('of many certificates each has its own answer stapled, and the others none', async () => {
  const own = newFolder();
  const lone = signedBy(ours, own, 'lone', ['DNS:lone.example']);
  const ocsp_path = ocspAnswer(ours, lone, own, 7);
  const openclaw = await reload({ certificates: [{ ...lone, ocsp_path }, exact] });
  const asked = (name: string) =>
    openssl(
      ['s_client', '-connect', `127.0.0.1:${openclaw.port}`, '-status', '-servername', name],
      'Q\n',
    );
  try {
    assert.match(asked('lone.example'), /Cert Status: good/);
    assert.match(asked('shop.example.com'), /no response sent/);
    assert.match(asked('elsewhere.org'), /no response sent/);
  } finally {
    await openclaw.stop();
  }
});

test('a client that does not finish its handshake, or speaks no TLS, is counted and named', async () => {
  const openclaw = await start({}, { timeout: { request: '300ms' } });
  const failures = (reason: string) =>
    openclaw.metric(`openclaw_tls_handshake_failures_total{reason="${reason}"}`);
  try {
    const silent = await openclaw.connect();
    await silent.gone();
    assert.equal(await failures('timeout'), 1);
    const plain = await openclaw.send(GET('/'));
    const answer = await plain.response();
    assert.equal(answer.status, 400);
    assert.match(answer.text, /This port speaks HTTPS.*\(not_tls\)/);
    await plain.gone();
    assert.equal(await failures('not_tls'), 1);
    const gone = await openclaw.connect();
    gone.close();
    await until('that it left', async () => (await failures('left')) === 1);
    const line = await until('a line', () =>
      openclaw.log().find((one) => one.reason === 'not_tls'),
    );
    assert.match(String(line.help), /redirect_http/);
  } finally {
    await openclaw.stop();
  }
});

test('large bodies pass whole in both directions, with a reader that takes its time', async () => {
  const sent = randomBytes(8 * 1024 * 1024);
  const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  let sending: Socket | undefined;
  server.on('/large', async (peer, head) => {
    const body = await peer.bytes(Number(head.headers['content-length']));
    sending = peer.socket;
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`).send(body);
  });
  const openclaw = await reload({});
  try {
    const client = await secureTo(openclaw.port);
    client.send(`POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${sent.length}\r\n\r\n`);
    client.send(sent);
    const head = await client.head();
    assert.equal(head.status, 200);
    tlsOf(client).pause();
    await untilSettled('what a paused client lets through', () => sending!.bytesWritten);
    tlsOf(client).resume();
    assert.equal(hashOf(await client.bytes(sent.length)), hashOf(sent));
    client.close();
  } finally {
    await openclaw.stop();
  }
});

test('many small pieces in one turn arrive in their order, and the end comes after them', async () => {
  const lines = Array.from({ length: 500 }, (_, index) => `piece ${index}\n`);
  server.on('/pieces', async (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    for (const line of lines) peer.send(line);
    peer.end();
  });
  const openclaw = await reload({});
  try {
    const text = await new Promise<string>((resolve, reject) => {
      const options = { rejectUnauthorized: false, headers: { connection: 'close' } };
      https
        .get(`https://127.0.0.1:${openclaw.port}/pieces`, options, (response) => {
          let all = '';
          response.setEncoding('utf8').on('data', (piece: string) => {
            all += piece;
          });
          response.on('end', () => resolve(all));
        })
        .on('error', reject);
    });
    assert.equal(text, lines.join(''));
  } finally {
    await openclaw.stop();
  }
});

test('pipelined requests are answered in their order, and the last answer comes before the end', async () => {
  const openclaw = await reload({});
  try {
    const client = await secureTo(openclaw.port);
    const paths = Array.from({ length: 200 }, (_, at) => `/pipelined/${at}`);
    const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    client.send(paths.map(GET).join('') + last);
    for (const path of paths) assert.equal((await client.response()).text, path);
    assert.equal((await client.response()).text, '/last');
    await client.ended();
  } finally {
    await openclaw.stop();
  }
});

test('a tunnel runs over TLS', async () => {
  server.on('/tunnel', async (peer) => {
    peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    peer.send(await peer.bytes(4));
  });
  const openclaw = await reload({});
  try {
    const client = await secureTo(openclaw.port);
    client.send('GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    assert.equal((await client.head()).status, 101);
    client.send('ping');
    assert.equal((await client.bytes(4)).toString(), 'ping');
    client.close();
  } finally {
    await openclaw.stop();
  }
});

test('a key that does not belong to its certificate keeps openclaw from starting, and says so', async () => {
  const file = `${folder}/mismatch.key`;
  writeFileSync(file, openssl(['pkey', '-in', exact.key_path]));
  await assert.rejects(start({ key_path: file }), /mismatch.key/);
});
