import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { PLAIN_IDENTITY, type ServerTls } from '../core/ports/server-address.ts';
import { type ProbeResult, probe } from './probe.ts';
import { realClock } from './real-clock.ts';
import { Resolver } from './resolver.ts';

const TLS_FOLDER = new URL('../../test/e2e/tls/', import.meta.url);
const LONG_MS = 10_000;

/** Messages of the health service, as its protocol description has them. */
const message = (...bytes: number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);
const SERVING = message(8, 1);

async function portOf(context: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

type Answer = (stream: ServerHttp2Stream, asked: string, service: Buffer) => void;

function listen(context: TestContext, answer: Answer, tls?: object): Promise<number> {
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('error', () => {});
    stream.once('end', () => answer(stream, String(headers[':path']), Buffer.concat(pieces)));
  });
  return portOf(context, server as unknown as Server);
}

/** Answers with a message and a code. */
function says(body: Buffer, code = '0'): Answer {
  return (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code }));
    stream.end(body);
  };
}

function probed(port: number, service = '', tls: ServerTls | null = null, timeoutMs = LONG_MS) {
  const address = { host: '127.0.0.1', port, path: '', tls };
  const spec = { http: null, grpc: { service, authority: `127.0.0.1:${port}` } };
  return new Promise<ProbeResult>((resolve) =>
    probe(address, spec, timeoutMs, resolve, new Resolver(realClock)),
  );
}

test('a server that says SERVING is healthy; it is asked as the protocol says', async (context) => {
  let asked = '';
  let bytes = Buffer.alloc(0);
  const port = await listen(context, (stream, path, body) => {
    [asked, bytes] = [path, body as typeof bytes];
    says(SERVING)(stream, path, body);
  });
  const result = await probed(port, 'shop.Cart');
  assert.deepEqual([result.isHealthy, result.reason, result.status], [true, '', 200]);
  assert.deepEqual(
    result.steps.map(({ name }) => name),
    ['connect', 'first byte'],
  );
  assert.equal(asked, '/grpc.health.v1.Health/Check');
  assert.deepEqual([...bytes.subarray(0, 7)], [0, 0, 0, 0, 11, 0x0a, 9]);
  assert.equal(bytes.subarray(7).toString(), 'shop.Cart');
  await probed(port);
  assert.deepEqual([...bytes], [0, 0, 0, 0, 0]);
});

test('any other answer is a failure with its reason', async (context) => {
  const cases: [Answer, RegExp][] = [
    [says(message(8, 2)), /^NOT_SERVING$/],
    [says(message(8, 3)), /^SERVICE_UNKNOWN$/],
    [says(message()), /^UNKNOWN$/],
    [says(message(8, 9)), /^state 9$/],
    [says(Buffer.from([0, 0])), /^malformed response$/],
    [says(SERVING, '5'), /^grpc status 5 NOT_FOUND/],
    [says(SERVING, '99'), /^grpc status 99$/],
    [says(SERVING, 'constructor'), /^grpc status constructor$/],
    [
      (stream) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
      /UNIMPLEMENTED/,
    ],
    [
      (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
      /^status 404, expected 200$/,
    ],
    [(stream) => stream.close(2), /HTTP\/2|closed/],
  ];
  for (const [answer, expected] of cases) {
    const { isHealthy, reason } = await probed(await listen(context, answer));
    assert.equal(isHealthy, false);
    assert.match(reason, expected);
  }
});

test('a server of HTTP/1 is no gRPC server, a silent one times out', async (context) => {
  const port = await portOf(
    context,
    createHttpServer((_request, response) => response.end('hi')),
  );
  assert.match((await probed(port)).reason, /HTTP\/2|closed|reset/);
  const silent = await listen(context, () => {});
  assert.match((await probed(silent, '', null, 100)).reason, /timed out after 100ms/);
});

test('over TLS the certificate counts, as for traffic', async (context) => {
  const [key, cert] = ['server.key', 'server.crt'].map((name) => {
    return readFileSync(new URL(name, TLS_FOLDER));
  });
  const port = await listen(context, says(SERVING), { key, cert });
  const tls = { serverName: 'localhost', verify: false, identity: PLAIN_IDENTITY };
  assert.equal((await probed(port, '', tls)).reason, '');
  assert.match((await probed(port, '', { ...tls, verify: true })).reason, /^tls/);
});
