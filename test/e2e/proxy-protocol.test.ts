/** The PROXY protocol, in from trusted proxies and out to servers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { type ProxyHeader, readProxyHeader } from '../../src/core/proxy-protocol/read.ts';
import { proxyHeader } from '../../src/core/proxy-protocol/write.ts';
import { selfSigned } from './certificates.ts';
import {
  type Balancing,
  newFolder,
  Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

const GET = 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n';
const ENDS = {
  sourceAddress: '192.0.2.1',
  sourcePort: 4711,
  destinationAddress: '198.51.100.1',
  destinationPort: 80,
};
const V1 = proxyHeader('v1', ENDS, false);
const V2 = proxyHeader('v2', ENDS, true);

const shared = new SharedOpenclaw();
after(() => shared.end());

async function start(context: TestContext, balancing: Balancing) {
  const server = await ScriptedServer.listen();
  const heads: string[] = [];
  server.on('/', async (peer, head) => {
    heads.push(head.head);
    await peer.withBody(head, false);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const openclaw = await shared.take({
    servers: [server.address],
    proxy_protocol: true,
    trusted_proxies: ['127.0.0.1'],
    ...balancing,
  });
  context.after(async () => {
    await openclaw.stop();
    await server.close();
  });
  return { openclaw, server, heads };
}

test('the client is the one that a trusted proxy names, in both versions', async (context) => {
  const { openclaw, heads } = await start(context, {});
  const first = await openclaw.send(V1 + GET);
  assert.equal((await first.response()).status, 200);
  assert.equal((await first.send(GET).response()).status, 200, 'the header comes once');
  const second = await openclaw.connect();
  for (const byte of V2) second.send(byte);
  assert.equal((await second.send(GET).response()).status, 200);
  for (const head of heads) assert.match(head, /\r\nX-Forwarded-For: 192\.0\.2\.1\r\n/);
  assert.match(heads[0]!, /X-Forwarded-Proto: http\r\n/);
  assert.match(heads[2]!, /X-Forwarded-Proto: https\r\n/, 'it spoke TLS to the proxy');
  assert.equal((await openclaw.logged('/')).peer, '192.0.2.1');
});

test('limits and access lists count the client, not the proxy', async (context) => {
  const { openclaw } = await start(context, {
    security: { access_control: { denylist: ['192.0.2.0/24'] } },
    performance: { rate_limiting: { max_connections_per_ip: 1 } },
  });
  const other = (last: number) =>
    proxyHeader('v2', { ...ENDS, sourceAddress: `203.0.113.${last}` }, false);
  assert.equal((await (await openclaw.send(V1 + GET)).response()).status, 403);
  assert.equal((await (await openclaw.send(other(1) + GET)).response()).status, 200);
  assert.equal((await (await openclaw.send(other(1) + GET)).response()).status, 429);
  assert.equal((await (await openclaw.send(other(2) + GET)).response()).status, 200);
});

test('a connection of a trusted proxy without a header is closed, counted and logged', async (context) => {
  const { openclaw, heads } = await start(context, {});
  const plain = await openclaw.send(GET);
  await plain.gone();
  assert.equal(plain.unread, '');
  const broken = await openclaw.send('PROXY TCP4 1.2.3.4 5.6.7.8 9 99999\r\n');
  await broken.gone();
  const failures = 'openclaw_failures_total{code="bad_proxy_header"}';
  await until('both are counted', async () => (await openclaw.metric(failures)) === 2);
  await until('it is logged', () =>
    openclaw.log().some(({ failure }) => failure === 'bad_proxy_header'),
  );
  assert.equal(heads.length, 0);
});

test('nobody else may name his own address', async (context) => {
  const { openclaw, heads } = await start(context, {});
  const liar = await Peer.connect({
    host: '127.0.0.1',
    port: openclaw.port,
    localAddress: '127.0.0.2',
  });
  assert.equal((await liar.send(V1 + GET).response()).status, 400);
  const honest = await Peer.connect({
    host: '127.0.0.1',
    port: openclaw.port,
    localAddress: '127.0.0.2',
  });
  assert.equal((await honest.send(GET).response()).status, 200, 'without a header');
  assert.match(heads[0]!, /X-Forwarded-For: 127\.0\.0\.2\r\n/);
});

test('what a proxy says of itself leaves the connection its own address', async (context) => {
  const { openclaw, heads } = await start(context, {});
  const local = '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0';
  assert.equal((await (await openclaw.send(local + GET)).response()).status, 200);
  assert.match(heads[0]!, /X-Forwarded-For: 127\.0\.0\.1\r\n/);
});

test('a reload asks the next connection for its header', async (context) => {
  const { openclaw } = await start(context, { proxy_protocol: false });
  const before = await openclaw.send(GET);
  assert.equal((await before.response()).status, 200);
  await openclaw.reload((settings) => {
    settings.load_balancing.proxy_protocol = true;
  });
  assert.equal((await before.send(GET).response()).status, 200);
  assert.equal((await (await openclaw.send(V1 + GET)).response()).status, 200);
  await (await openclaw.send(GET)).gone();
});

/** A server that reads a PROXY header, then answers each request with what it said. */
async function proxiedServer(context: TestContext, secure?: tls.TlsOptions) {
  const headers: ProxyHeader[] = [];
  const server = net.createServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const header = readProxyHeader(bytes, 0, bytes.length);
      if (typeof header === 'number') return void socket.destroy();
      headers.push(header);
      socket.pause();
      socket.unshift(bytes.subarray(header.end));
      const plain =
        secure === undefined
          ? socket
          : new tls.TLSSocket(socket, {
              isServer: true,
              secureContext: tls.createSecureContext(secure),
            });
      let heard = '';
      plain.on('data', (piece: Buffer) => {
        heard += piece.toString('latin1');
        for (let end = heard.indexOf('\r\n\r\n'); end !== -1; end = heard.indexOf('\r\n\r\n')) {
          heard = heard.slice(end + 4);
          plain.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        }
      });
      plain.on('error', () => {});
      plain.resume();
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return { headers, address: `127.0.0.1:${(server.address() as net.AddressInfo).port}` };
}

for (const version of ['v1', 'v2'] as const) {
  test(`a server that asks for it is told the client by ${version}, on a connection of his own`, async (context) => {
    const { headers, address } = await proxiedServer(context);
    const openclaw = await shared.take({ servers: [{ address, proxy_protocol: version }] });
    context.after(() => openclaw.stop());
    const first = await openclaw.connect();
    const port = first.socket.localPort;
    assert.equal((await first.send(GET).response()).text, 'ok');
    const second = await Peer.connect({
      host: '127.0.0.1',
      port: openclaw.port,
      localAddress: '127.0.0.2',
    });
    assert.equal((await second.send(GET).response()).text, 'ok');
    assert.deepEqual(
      headers.map(({ source }) => source?.address),
      ['127.0.0.1', '127.0.0.2'],
    );
    assert.deepEqual(headers[0]!.source, { address: '127.0.0.1', port });
    assert.deepEqual(headers[0]!.destination, { address: '127.0.0.1', port: openclaw.port });
  });
}

const folder = newFolder();
const certificate = selfSigned(folder, 'main', ['DNS:localhost', 'IP:127.0.0.1']);
const pem = {
  cert: readFileSync(certificate.cert_path, 'utf8'),
  key: readFileSync(certificate.key_path, 'utf8'),
};

test('a server that speaks TLS hears the header before the handshake', async (context) => {
  const { headers, address } = await proxiedServer(context, pem);
  const openclaw = await shared.take({
    servers: [{ address, proxy_protocol: 'v2', tls: { verify: false } }],
  });
  context.after(() => openclaw.stop());
  assert.equal((await (await openclaw.send(GET)).response()).text, 'ok');
  assert.equal(headers[0]!.source?.address, '127.0.0.1');
});

test('health checks of a server that asks for it begin with a header too', async (context) => {
  const { headers, address } = await proxiedServer(context);
  const openclaw = await shared.take({
    servers: [{ address, proxy_protocol: 'v2' }],
    health_check: { type: 'http', endpoint: '/health', interval: '1s', timeout: '500ms' },
  });
  context.after(() => openclaw.stop());
  await until('it is probed and up', async () => {
    const { pools } = await openclaw.status();
    return pools[0]!.servers[0]!.state === 'up';
  });
  assert.equal(headers[0]!.source, null, 'LOCAL');
});

test('a listener that speaks TLS reads the header before the handshake', async (context) => {
  const { openclaw, heads } = await start(context, {
    security: { tls: certificate, access_control: { denylist: ['192.0.2.66'] } },
  });
  const secureFrom = async (header: string) => {
    const plain = net.connect({ host: '127.0.0.1', port: openclaw.port });
    plain.on('error', () => {});
    plain.write(header, 'latin1');
    const secure = tls.connect({ socket: plain, rejectUnauthorized: false });
    const peer = new Peer(secure);
    await once(secure, 'secureConnect').catch(() => {});
    return peer;
  };
  const peer = await secureFrom(V1);
  assert.equal((await peer.send(GET).response()).status, 200);
  assert.match(heads[0]!, /X-Forwarded-For: 192\.0\.2\.1\r\n/);
  assert.match(heads[0]!, /X-Forwarded-Proto: https\r\n/);
  peer.close();
  const denied = await secureFrom(
    proxyHeader('v2', { ...ENDS, sourceAddress: '192.0.2.66' }, false),
  );
  await until('no handshake for whom is not let in', () => denied.isClosed);
});
