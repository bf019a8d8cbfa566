/**
 * Invariant: whatever bytes come in whatever pieces, the codec does not throw, does not read past
 * their end, and comes to the same outcome; and of what goes on to a server, a strict reader (ours,
 * and node:http as a second opinion) makes the very requests that the codec saw, with the same
 * method, target, header lines and body, one on each connection, and nothing behind it.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_HEAD_LIMITS } from '../../src/core/http1/head.ts';
import { expectOutcome } from './every-split.ts';
import { cut, FUZZ, places, requestBytes } from './messages.ts';
import { type ReadRequest, readRequests } from './read-requests.ts';
import { Wire } from './wire.ts';

const LIMITS = { ...DEFAULT_HEAD_LIMITS, fields: 400 };

test('bytes in any pieces come to the same outcome', () => {
  fc.assert(
    fc.property(requestBytes, places, fc.string({ unit: 'binary-ascii' }), (bytes, at, behind) => {
      const whole = readRequests([bytes]);
      expectOutcome(cut(bytes, at), whole, { behind });
    }),
    FUZZ,
  );
});

test('random bytes in any pieces come to the same outcome', () => {
  const byte = fc.constantFrom(...Buffer.from('GET / HTTP/1.1\r\n\r\n::;,05a \t\0\xff', 'latin1'));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 60 }), places, (some, at) => {
      const bytes = Buffer.from(some);
      expectOutcome(cut(bytes, at), readRequests([bytes]));
    }),
    FUZZ,
  );
});

/** What the servers were sent, whole requests only, beside what the client's bytes were read as. */
function pass(bytes: Buffer, at: readonly number[]): { read: ReadRequest[]; sent: string[] } {
  const { requests: read } = readRequests([bytes]);
  const wire = new Wire();
  const sent: string[] = [];
  for (const piece of cut(bytes, at)) wire.clientSends(piece);
  for (let turn = 0; turn < read.length + 1 && sent.length < wire.servers.length; turn++) {
    const { stream } = wire.servers.at(-1)!;
    const { end } = readRequests([Buffer.from(stream.text, 'latin1')], { limits: LIMITS });
    if (stream.text === '' || stream.state !== 'open' || end === 'partial') break;
    sent.push(stream.text);
    wire.serverSends('HTTP/1.1 204 No Content\r\n\r\n');
    wire.clientSends(Buffer.alloc(0));
  }
  return { read, sent };
}

/** Names that stop at a proxy, and names that it writes anew. */
const NOT_COMPARED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'via',
  'x-request-id',
  'max-forwards',
  'host',
]);
const UNTOUCHABLE = new Set(['content-length']);

/** The header lines that have to arrive as they were sent. */
function endToEnd(fields: [string, string][], options: Set<string>): [string, string][] {
  return fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !NOT_COMPARED.has(lower) && (UNTOUCHABLE.has(lower) || !options.has(lower));
  });
}

function connectionOptions(fields: [string, string][]): Set<string> {
  const values = fields.filter(([name]) => name.toLowerCase() === 'connection');
  return new Set(
    values.flatMap(([, value]) => value.split(',').map((one) => one.trim().toLowerCase())),
  );
}

/** Requests that openclaw answers itself. */
function isForwarded({ method, target, fields }: ReadRequest): boolean {
  if (method === 'CONNECT') return false;
  const hops = fields.find(([name]) => name.toLowerCase() === 'max-forwards')?.[1];
  if (['OPTIONS', 'TRACE'].includes(method) && hops === '0') return false;
  return (
    target.startsWith('/') || (target === '*' && method === 'OPTIONS') || target.includes('://')
  );
}

function originForm({ method, target }: ReadRequest): string {
  if (target.startsWith('/') || target === '*') return target;
  const rest = target.replace(/^[a-z]+:\/\/[^/?]*/i, '');
  if (rest === '' && method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

test('a server reads the requests that the codec read, and no other', () => {
  let forwarded = 0;
  fc.assert(
    fc.property(requestBytes, places, (bytes, at) => {
      const { read, sent } = pass(bytes, at);
      const expected = read.filter(isForwarded);
      assert.ok(sent.length <= expected.length);
      for (const [index, text] of sent.entries()) {
        forwarded += 1;
        const { requests, end } = readRequests([Buffer.from(text, 'latin1')], { limits: LIMITS });
        assert.equal(end, 'between');
        assert.equal(requests.length, 1, 'one message on one connection');
        const got = requests[0]!;
        const want = expected[index]!;
        assert.equal(got.method, want.method);
        assert.equal(got.target, originForm(want));
        assert.equal(got.payload, want.payload);
        assert.equal(got.minorVersion, 1);
        const options = connectionOptions(want.fields);
        if (want.minorVersion === 0) options.add('expect');
        assert.deepEqual(endToEnd(got.fields, new Set()), endToEnd(want.fields, options));
        const forwardedFor = got.fields.filter(([name]) => /^x-forwarded-for$/i.test(name));
        assert.deepEqual(forwardedFor, [['X-Forwarded-For', '203.0.113.7']]);
        assert.equal(got.fields.filter(([name]) => /^host$/i.test(name)).length, 1);
      }
    }),
    FUZZ,
  );
  assert.ok(forwarded > FUZZ.numRuns / 10, `only ${forwarded} requests were sent on`);
});

interface Opinion {
  requests: { method: string; url: string; fields: string[]; body: string }[];
  error: string;
}

/** What node:http makes of the bytes. */
async function secondOpinion(text: string): Promise<Opinion> {
  const opinion: Opinion = { requests: [], error: '' };
  const server = http.createServer({ maxHeaderSize: 128 * 1024 });
  server.maxHeadersCount = 0;
  const [near, far] = duplexPair();
  const over = new Promise<void>((resolve) => {
    server.on('request', (request, response) => {
      const one = {
        method: request.method!,
        url: request.url!,
        fields: request.rawHeaders,
        body: '',
      };
      opinion.requests.push(one);
      request.setEncoding('latin1');
      request.on('data', (piece) => {
        one.body += piece;
      });
      request.on('end', () => response.end());
    });
    server.on('clientError', (error: NodeJS.ErrnoException) => {
      opinion.error = error.code ?? error.message;
      resolve();
    });
    far.on('close', resolve);
    near.on('close', resolve);
    near.on('end', resolve);
  });
  near.resume();
  server.emit('connection', far);
  near.end(Buffer.from(text, 'latin1'));
  await over;
  near.destroy();
  far.destroy();
  server.close();
  return opinion;
}

test('node:http reads the same requests from what a server is sent', async () => {
  let agreed = 0;
  await fc.assert(
    fc.asyncProperty(requestBytes, places, async (bytes, at) => {
      for (const text of pass(bytes, at).sent) {
        const ours = readRequests([Buffer.from(text, 'latin1')], { limits: LIMITS }).requests[0]!;
        // node:http knows a fixed list of methods.
        if (!http.METHODS.includes(ours.method)) continue;
        const { requests, error } = await secondOpinion(text);
        assert.equal(error, '', text);
        assert.equal(requests.length, 1, 'one message on one connection');
        const [theirs] = requests;
        assert.equal(theirs!.method, ours.method);
        assert.equal(theirs!.url, ours.target);
        assert.equal(theirs!.body, ours.payload);
        assert.deepEqual(theirs!.fields, ours.fields.flat());
        agreed += 1;
      }
    }),
    { ...FUZZ, numRuns: Math.min(FUZZ.numRuns, 500) },
  );
  assert.ok(agreed > 20, `only ${agreed} requests were compared`);
});
