/**
 * An error of our own ends the connection that was being handled, and leaves nothing behind: made
 * to happen in every method that a request goes through, at each of its first calls.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containing } from '../../src/base/contain.ts';
import { Http1ClientConnection } from '../../src/core/clients/http1-client-connection.ts';
import { Http1Writer } from '../../src/core/clients/http1-writer.ts';
import { Linger } from '../../src/core/clients/linger.ts';
import { Decisions } from '../../src/core/decisions/decisions.ts';
import { Engine } from '../../src/core/exchange/engine.ts';
import { Exchange } from '../../src/core/exchange/exchange.ts';
import { BodyReader } from '../../src/core/http1/body.ts';
import { Head } from '../../src/core/http1/head.ts';
import { HeadReader } from '../../src/core/http1/reader.ts';
import { Attempt } from '../../src/core/servers/attempt.ts';
import { HeldBody } from '../../src/core/servers/held-body.ts';
import { Http1ServerConnection } from '../../src/core/servers/http1-server-connection.ts';
import { Pool } from '../../src/core/servers/pool.ts';
import { MemoryStream, Wire } from './wire.ts';

const CALLS_MAX = 12;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const GET = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');

const CLASSES: readonly { prototype: object; name: string }[] = [
  ...[
    Exchange,
    Http1ClientConnection,
    Http1Writer,
    Linger,
    Http1ServerConnection,
    Pool,
    Attempt,
    Engine,
    HeldBody,
    Decisions,
  ],
  ...[HeadReader, BodyReader, Head, MemoryStream],
];

/** What would have to be whole for anything to be given back. */
const GIVES_BACK = new Set(['crashed', 'destroy', 'reset', 'clientGone', 'exchangeOver']);

interface Place {
  readonly name: string;
  readonly prototype: Record<string, (...given: unknown[]) => unknown>;
  readonly method: string;
}

function places(): Place[] {
  return CLASSES.flatMap(({ prototype, name }) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([method, { value }]) => typeof value === 'function' && method !== 'constructor')
      .filter(([method]) => !GIVES_BACK.has(method))
      .map(([method]) => ({
        name: `${name}.${method}`,
        prototype: prototype as Place['prototype'],
        method,
      })),
  );
}

/** Throws at one of the next calls, once. @returns whether it threw, and takes it back */
function throwAt({ prototype, method, name }: Place, nth: number): () => boolean {
  const original = prototype[method]!;
  let calls = 0;
  prototype[method] = function (...given) {
    calls += 1;
    if (calls === nth) throw new Error(`in ${name}, call ${nth}`);
    return original.apply(this, given);
  };
  return () => {
    prototype[method] = original;
    return calls >= nth;
  };
}

/** Bodies, pipelining, a kept-alive connection, a retry, a client that leaves, queued requests. */
function talk(wire: Wire): void {
  wire.clientSends(
    Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n'),
  );
  wire.clientSends(Buffer.concat([Buffer.from('2\r\nll\r\n0\r\n\r\n'), GET, GET]));
  wire.serverSends('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-');
  wire.serverSends('Length: 2\r\n\r\no');
  wire.serverSends('k');
  wire.serverSends(OK);
  wire.serverEnds();
  wire.clientSends(Buffer.alloc(0));
  wire.serverSends('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nup to the end');
  wire.serverEnds();
  wire.reconnect();
  wire.clientSends(GET);
  wire.clientLeaves();
  wire.reconnect();
  wire.clientSends(GET);
  wire.serverSends('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal');
  wire.serverEnds();
  wire.reconnect();
  wire.clientSends(Buffer.from('GET / HTTP/1.1\r\n: bad\r\n\r\n'));
}

test('an error anywhere costs one connection, and nothing stays taken', () => {
  let met = 0;
  for (const place of places()) {
    for (let nth = 1; nth <= CALLS_MAX; nth++) {
      const reported: unknown[] = [];
      const wire = new Wire({
        contain: containing((error) => reported.push(error)),
        pool: {
          idleMax: 8,
          retries: 1,
          retryBudgetPercent: 20,
          retryWithinMs: 1000,
        },
        policy: { replayBytes: 1024 },
      });
      const restore = throwAt(place, nth);
      try {
        talk(wire);
      } finally {
        if (restore()) met += 1;
        else nth = CALLS_MAX;
      }
      const where = `${place.name}, call ${nth}: ${reported.map((one) => (one as Error).message)}`;
      for (const error of reported as Error[])
        assert.match(error.message, /^in /, error.stack ?? '');
      wire.clientLeaves();
      wire.wheel.advance(100);
      const open = wire.servers.filter(({ stream }) => stream.state !== 'destroyed');
      assert.equal(wire.table.inFlight(0), 0, `in flight after ${where}`);
      assert.equal(wire.table.poolCounts.connections(0), open.length, `connections after ${where}`);
      assert.equal(wire.table.poolCounts.waiting(0), 0, `waiting after ${where}`);
      wire.reconnect();
      wire.clientSends(GET);
      wire.serverSends(OK);
      assert.match(wire.client.text, /^HTTP\/1.1 200 OK\r\n.*ok$/s, `next request after ${where}`);
    }
  }
  assert.ok(met > 150, `${met} errors were met`);
});
