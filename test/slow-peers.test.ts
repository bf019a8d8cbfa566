/**
 * What the simulation found of peers that are slow to read: regressions, told one by one on a
 * stage with a scripted client and server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actor, Stage } from '../sim/stage.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const LARGE = 'b'.repeat(40_000);
const LARGE_ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`;
const SMALL_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A server that gives its answers in turn, each when a whole head has come. */
function answers(...texts: readonly string[]): (server: Actor) => void {
  const left = [...texts];
  return (server) => {
    let heads = 0;
    server.onHeard = (heard) => {
      const count = heard.split('\r\n\r\n').length - 1;
      for (; heads < count; heads++) server.stream.writeText(left.shift() ?? SMALL_ANSWER);
    };
  };
}

function bodyOf(heard: string): string {
  return heard.slice(heard.indexOf('\r\n\r\n') + 4);
}

// Before: the connection went back to the pool paused, and the next request on it got 504.
test('a server connection paused for a slow client carries the next request', () => {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n${'b'.repeat(8_000)}`;
  const stage = new Stage(
    'client',
    answers(`HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${'a'.repeat(30_000)}`, answer),
  );
  const slow = stage.client(GET);
  slow.stream.pause();
  stage.pass(200);
  slow.stream.resume();
  stage.pass(200);
  slow.stream.pause();
  const other = stage.client(GET);
  stage.pass(500);
  assert.equal(stage.serverSides.length, 1);
  assert.match(other.heard, /^HTTP\/1\.1 200 /);
  assert.equal(bodyOf(other.heard).length, 8_000);
});

// Before: the client's connection stayed paused, and its next request was never seen.
test('a client answered before its upload was taken can go on', () => {
  const body = 'u'.repeat(8_000);
  const stage = new Stage('server', (server) => {
    server.stream.pause();
    stage.clock.after(300, () => server.stream.writeText(SMALL_ANSWER));
    stage.clock.after(1_500, () => server.stream.resume());
    server.onHeard = (heard) => {
      if (heard.includes('GET /')) server.stream.writeText(SMALL_ANSWER);
    };
  });
  const client = stage.client(
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  stage.pass(1_000);
  client.stream.writeText(GET);
  stage.pass(1_500);
  assert.equal(client.heard.split('HTTP/1.1 200').length - 1, 2);
});

// Before: what the client had not taken when the server was done was thrown away.
test('a half-closed client gets all of its response', () => {
  const stage = new Stage('client', answers(LARGE_ANSWER));
  const client = stage.client(GET);
  client.stream.end();
  client.stream.pause();
  stage.pass(1_000);
  client.stream.resume();
  stage.pass(1_000);
  assert.equal(bodyOf(client.heard).length, LARGE.length);
  assert.equal(client.fate, 'end');
});

// Before: it was closed with a FIN, and half a body looked whole.
test('a response without length that a client stops taking ends with a reset', () => {
  const stage = new Stage('client', (server) => {
    server.onHeard = () => {
      server.stream.writeText(`HTTP/1.1 200 OK\r\n\r\n${LARGE}`);
      server.stream.end();
    };
  });
  const client = stage.client('GET / HTTP/1.0\r\nHost: x\r\n\r\n');
  client.stream.pause();
  stage.pass(8_000);
  client.stream.resume();
  stage.pass(1_000);
  assert.ok(bodyOf(client.heard).length < LARGE.length);
  assert.equal(client.fate, 'reset');
});

// Before: the request behind it was begun, on a connection that was about to be closed.
test('no pipelined request is begun behind a response that its client stops taking', () => {
  const stage = new Stage('client', answers(LARGE_ANSWER));
  const client = stage.client(GET + GET.replace('/', '/second'));
  client.stream.pause();
  stage.pass(20_000);
  assert.equal(
    stage.serverSides.some((server) => server.heard.includes('/second')),
    false,
  );
  assert.equal(stage.table.inFlight(0), 0);
  assert.notEqual(client.fate, 'end');
});

// Before: the idle timeout ran from when the server was done.
test('a client that takes its response slowly but steadily is not idle', () => {
  const stage = new Stage('client', answers(LARGE_ANSWER));
  const client = stage.client(GET);
  stage.sip(client, 1_900, 40);
  stage.pass(1_000);
  assert.equal(bodyOf(client.heard).length, LARGE.length);
});

// Before: the read timeout ran from when the last byte was queued, and the client got 504.
test('a server that takes an upload slowly but steadily is not silent', () => {
  const body = 'u'.repeat(20_000);
  const stage = new Stage('server', (server) => {
    server.stream.pause();
    server.onHeard = (heard) => {
      if (bodyOf(heard).length === body.length) server.stream.writeText(SMALL_ANSWER);
    };
  });
  const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
  const client = stage.client(head + body);
  stage.pass(100);
  stage.sip(stage.serverSides[0]!, 1_500, 12);
  assert.match(client.heard, /^HTTP\/1\.1 200 /);
});

// Before: a server that had ended its side lost the client's last bytes.
test('the last bytes of a tunnel reach a server that is slow to take them', () => {
  const stage = new Stage('server', (server) => {
    server.onHeard = () => {
      server.onHeard = () => {};
      server.stream.writeText('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      server.stream.end();
      server.stream.pause();
    };
  });
  const client = stage.client(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  );
  stage.pass(100);
  // More than what is on the way at most, and not enough for us to stop reading before the end.
  client.stream.writeText('b'.repeat(1_600));
  client.stream.end();
  stage.pass(500);
  const server = stage.serverSides[0]!;
  server.stream.resume();
  stage.pass(500);
  assert.equal(bodyOf(server.heard).length, 1_600);
});

// Before: the second of two requests that are answered at once was lost when the client had ended.
test('a half-closed client gets an answer to each request that waited behind another', () => {
  const stage = new Stage('server', (server) => {
    stage.clock.after(300, () => server.stream.writeText(SMALL_ANSWER));
  });
  const trace = 'TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n';
  const client = stage.client(GET + trace + trace);
  client.stream.end();
  stage.pass(1_000);
  assert.equal(client.heard.split('HTTP/1.1 200').length - 1, 1);
  assert.equal(client.heard.split('HTTP/1.1 405').length - 1, 2);
});
