/**
 * Clients that hold connections by being slow: bodies that drip, responses that are sipped. What
 * they are held to is a rate, so that one byte now and then does not renew their time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actor, Stage } from '../sim/stage.ts';

const LARGE = 'b'.repeat(40_000);
const LARGE_ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`;
const SMALL_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

const readsAll = (server: Actor) => {
  server.onHeard = (heard) => {
    if (heard.length >= POST.length + 20_000) server.stream.writeText(SMALL_ANSWER);
  };
};
const answersLarge = (server: Actor) => {
  server.onHeard = () => server.stream.writeText(LARGE_ANSWER);
};

/** Sends a body in equal pieces. */
function drip(stage: Stage, client: Actor, bytes: number, everyMs: number, times: number): void {
  for (let time = 0; time < times && client.fate === 'open'; time++) {
    stage.pass(everyMs);
    client.stream.writeText('b'.repeat(bytes));
  }
  stage.pass(10);
}

// readMs and writeMs of a stage's clients are two seconds.
test('a body that drips is refused, however short its silences', () => {
  const stage = new Stage('server', readsAll, { uploadBytesPerSecond: 100 });
  const client = stage.client(POST);
  drip(stage, client, 10, 500, 12);
  assert.match(client.heard, /^HTTP\/1\.1 408 [\s\S]*body_too_slow/);
  assert.equal(stage.table.inFlight(0), 0);
});

test('a body at the least rate, with a pause here and there, gets through', () => {
  const stage = new Stage('server', readsAll, { uploadBytesPerSecond: 1_000 });
  const client = stage.client(POST);
  drip(stage, client, 500, 400, 20);
  stage.pass(1_400);
  drip(stage, client, 1_000, 500, 10);
  assert.match(client.heard, /^HTTP\/1\.1 200 /);
});

test('a body that comes slowly because its server takes it slowly is not refused', () => {
  const stage = new Stage(
    'server',
    (server) => {
      readsAll(server);
      server.stream.pause();
    },
    { uploadBytesPerSecond: 10_000, highWaterBytes: 1_024 },
  );
  const client = stage.client(POST + 'b'.repeat(20_000));
  stage.pass(100);
  stage.sip(stage.serverSides[0]!, 1_000, 22);
  stage.pass(500);
  assert.match(client.heard, /^HTTP\/1\.1 200 /);
});

test('a response that is sipped is broken off, and its server is free', () => {
  const stage = new Stage('client', answersLarge, { downloadBytesPerSecond: 10_000 });
  const client = stage.client(GET);
  stage.sip(client, 1_000, 10);
  stage.pass(100);
  assert.ok(client.heard.length < LARGE.length / 2);
  assert.equal(client.fate, 'reset');
  assert.equal(stage.table.inFlight(0), 0);
});

test('a response that is taken at the least rate arrives whole', () => {
  const stage = new Stage('client', answersLarge, { downloadBytesPerSecond: 500 });
  const client = stage.client(GET);
  stage.sip(client, 1_000, 45);
  stage.pass(100);
  assert.equal(
    client.heard.length,
    LARGE_ANSWER.length +
      client.heard.indexOf('\r\n\r\n') +
      4 -
      LARGE_ANSWER.indexOf('\r\n\r\n') -
      4,
  );
});

test('the end of a response that is sipped after its server was done is broken off too', () => {
  const stage = new Stage('client', answersLarge, {
    downloadBytesPerSecond: 10_000,
    highWaterBytes: 65_536,
  });
  const client = stage.client(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  client.stream.pause();
  stage.pass(100);
  assert.equal(stage.table.inFlight(0), 0);
  stage.sip(client, 1_000, 12);
  assert.ok(client.heard.length < LARGE.length / 2);
  assert.notEqual(client.fate, 'open');
});
