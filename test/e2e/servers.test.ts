/** Connections to servers: kept, stale, refused, secured, and every kind of address. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { type Files, selfSigned } from './certificates.ts';
import {
  answerOk,
  type Balancing,
  freePort,
  newFolder,
  Openclaw,
  okWith,
  Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

let server: ScriptedServer;
let openclaw: Openclaw;
/** For tests with other settings. */
const shared = new SharedOpenclaw();

before(async () => {
  server = await ScriptedServer.listen();
  openclaw = await Openclaw.start({ servers: [server.address] });
});

after(async () => {
  await shared.end();
  await openclaw.stop();
  await server.close();
});

const HOST = 'Host: a.example\r\n';

/** Runs with settings of its own. */
async function withOpenclaw(
  balancing: Balancing,
  run: (claw: Openclaw) => Promise<void>,
): Promise<void> {
  const claw = await shared.take(balancing);
  await run(claw).finally(() => claw.stop());
}

async function get(claw: Openclaw, path: string): Promise<[status: number, text: string]> {
  const client = await claw.send(`GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  const { status, text } = await client.response();
  client.close();
  return [status, text];
}

test('a server connection is kept for the requests of all clients', async () => {
  await get(openclaw, '/first');
  const { accepted } = server;
  for (let nth = 0; nth < 5; nth++) assert.deepEqual(await get(openclaw, '/more'), [200, '/more']);
  assert.equal(server.accepted, accepted);
});

test('a server that keeps connections for a second or less finds none reused', async () => {
  for (const keepAlive of ['timeout=1', 'timeout=0, max=5']) {
    server.on('/short', (peer) => {
      peer.send(okWith('ok', `Connection: keep-alive\r\nKeep-Alive: ${keepAlive}\r\n`));
    });
    await get(openclaw, '/short');
    const { accepted } = server;
    await get(openclaw, '/short');
    assert.equal(server.accepted, accepted + 1, keepAlive);
  }
});

for (const leave of ['close', 'reset'] as const) {
  test(`a GET that meets a connection as its server ends it by ${leave} is sent again`, async () => {
    const path = `/stale-get-${leave}`;
    server.on(path, async (peer, head, nth) => {
      if (nth > 1) peer[leave]();
      else await answerOk(peer, head);
    });
    await get(openclaw, '/warm');
    assert.deepEqual(await get(openclaw, path), [200, path]);
    assert.equal(server.requestsFor(path), 2);
    assert.equal((await openclaw.logged(path)).failure, '');
  });

  test(`a POST that meets a connection as its server ends it by ${leave} is not sent twice`, async () => {
    const path = `/stale-post-${leave}`;
    server.on(path, (peer) => peer[leave]());
    await get(openclaw, '/warm');
    const client = await openclaw.send(
      `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi`,
    );
    assert.equal((await client.response()).status, 502);
    assert.equal(server.requestsFor(path), 1);
    client.close();
  });
}

test('a PUT that meets a closed connection is sent again with its body', async () => {
  let body = '';
  server.on('/stale-put', async (peer, head, nth) => {
    if (nth > 1) return peer.close();
    ({ text: body } = await peer.withBody(head, false));
    peer.send(okWith('put'));
  });
  await get(openclaw, '/warm');
  const client = await openclaw.send(
    `PUT /stale-put HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  );
  assert.equal((await client.response()).text, 'put');
  assert.equal(body, 'hello');
  client.close();
});

test('a fresh connection that its server closes is an error of the server', async () => {
  server.on('/rude', (peer) => peer.close());
  assert.equal((await get(openclaw, '/rude'))[0], 502);
  const { failure } = await openclaw.logged('/rude');
  assert.ok(failure === 'server_closed' || failure === 'server_reset', failure);
});

test('a server that refuses is passed over, for every method', async () => {
  const refusing = await freePort();
  await withOpenclaw({ servers: [`127.0.0.1:${refusing}`, server.address] }, async (claw) => {
    for (let nth = 0; nth < 4; nth++) {
      const path = `/spare-${nth}`;
      const client = await claw.send(`POST ${path} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi`);
      assert.equal((await client.response()).text, path);
      assert.equal(server.requestsFor(path), 1);
      client.close();
    }
    await until('a second attempt is logged', () => claw.log().some((line) => line.attempts === 2));
  });
});

test('servers that all refuse make a 502 that says so in the log alone', async () => {
  const ports = [await freePort(), await freePort()];
  const servers = ports.map((port) => `127.0.0.1:${port}`);
  await withOpenclaw({ servers }, async (claw) => {
    const [status, text] = await get(claw, '/none');
    assert.equal(status, 502);
    for (const port of ports) assert.ok(!text.includes(String(port)), text);
    const { failure, attempts } = await claw.logged('/none');
    assert.equal(failure, 'connect_refused');
    assert.ok(attempts >= ports.length, String(attempts));
    const client = await claw.send(`HEAD /none HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await client.response(true)).status, 502);
    client.close();

    const back = await ScriptedServer.listen({ port: ports[0]! });
    await until('one that is back is used', async () => (await get(claw, '/back'))[0] === 200);
    await back.close();
  });
});

const CERTIFICATE = join(import.meta.dirname, 'tls/server.crt');

/** A TLS server that answers with the name it was asked for and how often its peer connected. */
async function tlsServer(): Promise<{ address: string; close: () => void }> {
  const secure = tls.createServer({
    cert: readFileSync(CERTIFICATE),
    key: readFileSync(join(import.meta.dirname, 'tls/server.key')),
  });
  secure.on('tlsClientError', () => {});
  secure.on('secureConnection', (socket) => {
    const peer = new Peer(socket);
    void (async () => {
      for (;;) {
        const request = await peer.request();
        peer.send(okWith(`${socket.servername || 'no name'} ${request.text.length}`));
      }
    })().catch(() => peer.close());
  });
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const { port } = secure.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, close: () => secure.close() };
}

test('TLS to a server whose authority is named is verified, kept and carries large bodies', async () => {
  const secure = await tlsServer();
  const { address } = secure;
  const servers = [{ address, tls: { ca_path: CERTIFICATE, server_name: 'server.example' } }];
  await withOpenclaw({ servers }, async (claw) => {
    assert.deepEqual(await get(claw, '/named'), [200, 'server.example 0']);
    const client = await claw.send(
      `POST /large HTTP/1.1\r\n${HOST}Content-Length: 3000000\r\n\r\n${'x'.repeat(3_000_000)}`,
    );
    assert.equal((await client.response()).text, 'server.example 3000000');
    client.close();
  });
  secure.close();
});

test('TLS to a server that cannot be verified fails, unless verification is off', async () => {
  const secure = await tlsServer();
  const { address } = secure;
  const cases: [name: string, settings: object, status: number][] = [
    ['unknown authority', {}, 502],
    ['another name', { ca_path: CERTIFICATE, server_name: 'other.example' }, 502],
    ['verification off', { verify: false }, 200],
  ];
  for (const [name, settings, status] of cases) {
    const servers = [{ address, tls: { enabled: true, ...settings } }];
    await withOpenclaw({ servers }, async (claw) => {
      claw.output.stderr = '';
      assert.equal((await get(claw, '/tls'))[0], status, name);
      if (status === 502) assert.equal((await claw.logged('/tls')).failure, 'tls_failed', name);
    });
  }
  secure.close();
});

test('TLS to a server that speaks none is a tls_failed', async () => {
  const plain = await ScriptedServer.listen();
  plain.server.removeAllListeners('connection');
  plain.server.on('connection', (socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('hello, plainly\r\n'),
  );
  const servers = [{ address: plain.address, tls: { enabled: true, verify: false } }];
  await withOpenclaw({ servers }, async (claw) => {
    claw.output.stderr = '';
    assert.equal((await get(claw, '/plain'))[0], 502);
    assert.equal((await claw.logged('/plain')).failure, 'tls_failed');
  });
  await plain.close();
});

test('an authority file that is none does not take the worker down', async () => {
  const folder = newFolder();
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n');
  const secure = await tlsServer();
  const started = await Openclaw.start({
    servers: [{ address: secure.address, tls: { ca_path: ca } }],
  }).catch((error: Error) => error);
  // To refuse such a file at the start is as good.
  if (started instanceof Error) assert.match(started.message, /ca\.pem/);
  else {
    assert.equal((await get(started, '/ca'))[0], 502);
    assert.equal((await started.status()).workerDeaths, 0);
    await started.stop();
  }
  secure.close();
});

test('an authority that is replaced counts at once, and its old connections are left', async () => {
  const folder = newFolder();
  const [one, two] = ['one', 'two'].map((name) => selfSigned(folder, name, ['IP:127.0.0.1']));
  const contextOf = ({ cert_path, key_path }: Files) => ({
    cert: readFileSync(cert_path),
    key: readFileSync(key_path),
  });
  const ca = join(folder, 'ca.pem');
  copyFileSync(one!.cert_path, ca);
  let accepted = 0;
  const secure = https.createServer(contextOf(one!), (_request, response) => response.end('hello'));
  secure.on('secureConnection', () => {
    accepted += 1;
  });
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const { port } = secure.address() as AddressInfo;
  const servers = [{ address: `127.0.0.1:${port}`, tls: { ca_path: ca } }];
  await withOpenclaw({ servers }, async (claw) => {
    const renewals = () =>
      claw.log().filter(({ event }) => event === 'certificates_renewed').length;
    const check = async () => assert.deepEqual(await get(claw, '/ca'), [200, 'hello']);
    await check();
    await check();
    assert.equal(accepted, 1);
    // The server keeps its connection and would go on answering there.
    secure.setSecureContext(contextOf(two!));
    copyFileSync(two!.cert_path, ca);
    await until('the renewal', () => renewals() === 1);
    await check();
    assert.equal(accepted, 2);
    // A reload reads it anew as well.
    secure.setSecureContext(contextOf(one!));
    copyFileSync(one!.cert_path, ca);
    await claw.reload(() => {});
    await check();
    assert.equal(accepted, 3);
  });
  secure.closeAllConnections();
  secure.close();
});

test('servers are reached over IPv6, by name and over unix sockets', async () => {
  const path = join(newFolder(), 'server.sock');
  const six = await ScriptedServer.listen({ host: '::1' });
  const unix = await ScriptedServer.listen({ path });
  const named = await ScriptedServer.listen();
  const servers = [`[::1]:${six.port}`, `localhost:${named.port}`, `unix:${path}`];
  await withOpenclaw({ servers }, async (claw) => {
    for (let nth = 0; nth < 6; nth++) {
      assert.deepEqual(await get(claw, '/reached'), [200, '/reached']);
    }
    for (const one of [six, unix, named]) assert.equal(one.requestsFor('/reached'), 2);
  });
  await Promise.all([six.close(), unix.close(), named.close()]);
});

test('a name without address is a name_not_found', async () => {
  await withOpenclaw({ servers: ['no-such-host.invalid:80'] }, async (claw) => {
    assert.equal((await get(claw, '/nowhere'))[0], 502);
    assert.equal((await claw.logged('/nowhere')).failure, 'name_not_found');
  });
});

test('a unix socket listens, and is gone afterwards', async () => {
  const path = join(newFolder(), 'listen.sock');
  const claw = await Openclaw.start(
    { servers: [server.address], listen: `unix:${path}` },
    { workers: 2 },
  );
  const client = await Peer.connect({ path });
  const response = await client.send(`GET /unix HTTP/1.1\r\n${HOST}\r\n`).response();
  assert.equal(response.text, '/unix');
  client.close();
  await claw.stop();
  await assert.rejects(Peer.connect({ path }));
});
