import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import net from 'node:net';
import { after, test } from 'node:test';
import { PLAIN_IDENTITY } from '../core/ports/server-address.ts';
import { type HttpProbe, type ProbeResult, probe } from './probe.ts';
import { realClock } from './real-clock.ts';
import { Resolver } from './resolver.ts';

const servers: (Server | net.Server)[] = [];
const sockets = new Set<net.Socket>();
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

async function portOf<S extends net.Server>(server: S): Promise<number> {
  servers.push(server);
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

const http = (listener: RequestListener) => portOf(createServer(listener));

const addressOf = (port: number) => ({ host: '127.0.0.1', port, path: '', tls: null });

const ASKS: HttpProbe = {
  method: 'GET',
  target: '/health?deep=1',
  authority: 'a.example:80',
  headers: {},
  expectedStatus: [{ min: 200, max: 200 }],
  expectedBody: '',
};

const LONG_MS = 10_000;

const resolver = new Resolver(realClock);

function probed(port: number, asks: HttpProbe | null, timeoutMs = LONG_MS): Promise<ProbeResult> {
  return new Promise((resolve) =>
    probe(addressOf(port), { http: asks }, timeoutMs, resolve, resolver),
  );
}

const reasonOf = async (...args: Parameters<typeof probed>) => (await probed(...args)).reason;

async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('a server that answers as expected is healthy, and each step has its time', async () => {
  const port = await http((_request, response) => response.end('fine'));
  const result = await probed(port, ASKS);
  assert.equal(result.reason, '');
  assert.equal(result.isHealthy, true);
  assert.equal(result.status, 200);
  assert.deepEqual(
    result.steps.map((step) => step.name),
    ['connect', 'first byte'],
  );
  for (const step of result.steps) assert.ok(step.ms >= 0 && step.ms <= result.ms);
});

test('a process that was away for longer than the timeout gives the probe its time', async () => {
  const port = await http((_request, response) => response.end('fine'));
  const result = probed(port, ASKS, 500);
  const untilMs = performance.now() + 800;
  while (performance.now() < untilMs);
  assert.equal((await result).reason, '');
});

test('the request is the configured one', async () => {
  let seen = {};
  const port = await http((request, response) => {
    const { host, authorization, connection } = request.headers;
    seen = { line: `${request.method} ${request.url}`, host, authorization, connection };
    response.end();
  });
  await probed(port, { ...ASKS, method: 'HEAD', headers: { Authorization: 'Bearer x' } });
  assert.deepEqual(seen, {
    line: 'HEAD /health?deep=1',
    host: 'a.example:80',
    authorization: 'Bearer x',
    connection: 'close',
  });
});

test('a configured Host replaces that of the address', async () => {
  let host: string | undefined;
  const port = await http((request, response) => {
    host = request.headers.host;
    response.end();
  });
  await probed(port, { ...ASKS, headers: { host: 'b.example' } });
  assert.equal(host, 'b.example');
});

test('a name is resolved, and that is a step', async () => {
  const port = await http((_request, response) => response.end());
  const address = { host: 'localhost', port, path: '', tls: null };
  const result = await new Promise<ProbeResult>((resolve) => {
    probe(address, { http: ASKS }, LONG_MS, resolve, resolver);
  });
  assert.equal(result.steps[0]?.name, 'resolve');
});

test('a port that nobody listens on is refused', async () => {
  assert.equal(await reasonOf(await closedPort(), ASKS), 'connect refused');
  assert.equal(await reasonOf(await closedPort(), null), 'connect refused');
});

test('another status is named with the expected ones', async () => {
  const port = await http((_request, response) => response.writeHead(503).end());
  assert.equal(await reasonOf(port, ASKS), 'status 503, expected 200');
  const expectedStatus = [
    { min: 200, max: 299 },
    { min: 304, max: 304 },
  ];
  assert.equal(
    await reasonOf(port, { ...ASKS, expectedStatus }),
    'status 503, expected 200-299, 304',
  );
});

test('silence ends at the timeout, whichever step it is', async () => {
  const port = await http(() => {});
  assert.equal(await reasonOf(port, ASKS, 50), 'timed out after 50ms');
});

test('a connection that is reset or closed before the answer is told as such', async () => {
  const resets = await portOf(net.createServer((socket) => socket.resetAndDestroy()));
  assert.match(await reasonOf(resets, ASKS), /^connect(ion)? (reset|closed before its answer)$/);
  const closes = await portOf(
    net.createServer((socket) => socket.once('data', () => socket.destroy())),
  );
  assert.match(await reasonOf(closes, ASKS), /^connection/);
});

test('an answer that is no HTTP is malformed', async () => {
  const port = await portOf(net.createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
  assert.match(await reasonOf(port, ASKS), /^malformed response \(/);
});

test('a body is searched for the expected text, over pieces and up to its bound', async () => {
  const asks = { ...ASKS, expectedBody: 'ready' };
  const pieces = await http((_request, response) => {
    response.write('x'.repeat(60_000));
    response.write('rea');
    setImmediate(() => response.end('dy'));
  });
  const result = await probed(pieces, asks);
  assert.equal(result.reason, '');
  assert.equal(result.steps.at(-1)?.name, 'body');
  const other = await http((_request, response) => response.end('starting'));
  assert.equal(await reasonOf(other, asks), 'the body does not contain "ready"');
  const endless = await http((_request, response) => {
    response.write('x'.repeat(70_000));
  });
  assert.equal(await reasonOf(endless, asks), 'the body does not contain "ready"');
});

test('a probe by TCP only connects', async () => {
  const port = await portOf(net.createServer());
  const result = await probed(port, null);
  assert.equal(result.isHealthy, true);
  assert.deepEqual(
    result.steps.map((step) => step.name),
    ['connect'],
  );
});

test('a TLS handshake with a server that speaks none fails', async () => {
  const port = await http((_request, response) => response.end());
  const tls = { serverName: '127.0.0.1', verify: false, identity: PLAIN_IDENTITY };
  const result = await new Promise<ProbeResult>((resolve) => {
    probe({ ...addressOf(port), tls }, { http: ASKS }, LONG_MS, resolve, resolver);
  });
  assert.match(result.reason, /^tls: /);
});

test('a probe that is cancelled says nothing more', async () => {
  const port = await http((_request, response) => response.end());
  let said = 0;
  const count = () => {
    said += 1;
  };
  const cancel = probe(addressOf(port), { http: ASKS }, LONG_MS, count, resolver);
  cancel();
  await probed(port, ASKS);
  assert.equal(said, 0);
});

test('a probe that cannot be sent is an unhealthy server, with the cause', async () => {
  const port = await http((_request, response) => response.end());
  const reasons = [
    await reasonOf(port, { ...ASKS, target: '/中' }),
    await reasonOf(port, { ...ASKS, headers: { 'X Y': 'a' } }),
    await reasonOf(port, { ...ASKS, headers: { Authorization: 'a\r\nX: b' } }),
  ];
  assert.deepEqual(reasons, [
    'the probe cannot be sent: "/中" is not a path',
    'the probe cannot be sent: "X Y" is not a header name',
    'the probe cannot be sent: the value of Authorization cannot be sent in a header',
  ]);
});

test('an answer that traffic accepts, a probe accepts', async () => {
  const accepted = [
    'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-Old : spaced\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.0 200 OK\r\nX-Name: M\xfcller\r\n\r\n',
  ];
  for (const answer of accepted) {
    const port = await portOf(net.createServer((socket) => socket.end(answer, 'latin1')));
    assert.equal(await reasonOf(port, ASKS), '', answer);
  }
});

test('an answer that traffic refuses, a probe refuses', async () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok';
  const port = await portOf(net.createServer((socket) => socket.end(answer)));
  assert.match(await reasonOf(port, ASKS), /^malformed response \(.*Content-Length/);
});

test('a body in chunks is searched without their framing', async () => {
  const answer =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nre\r\n3\r\nady\r\n0\r\n\r\n';
  const port = await portOf(net.createServer((socket) => socket.end(answer)));
  assert.equal(await reasonOf(port, { ...ASKS, expectedBody: 'ready' }), '');
});
