import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wire } from './wire.ts';

const HOUR_MS = 3_600_000;
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

function exchange(wire: Wire): void {
  wire.clientSends(REQUEST);
  wire.serverSends(ANSWER);
}

test('a connection is kept while its address is one of the name', () => {
  const wire = new Wire({ pool: { idleMax: 4 } });
  exchange(wire);
  wire.version += 1;
  wire.pool.followAddresses();
  exchange(wire);
  assert.equal(wire.servers.length, 1);
});

test('a resting connection is closed when the name no longer has its address', () => {
  const wire = new Wire({ pool: { idleMax: 4 } });
  exchange(wire);
  const [first] = wire.servers;
  wire.gone.add(first!.stream);
  wire.version += 1;
  wire.pool.followAddresses();
  assert.equal(first!.stream.state, 'destroyed');
  exchange(wire);
  assert.equal(wire.servers.length, 2);
});

test('a connection in use answers first, and is closed then', () => {
  const wire = new Wire({ pool: { idleMax: 4 } });
  wire.clientSends(REQUEST);
  const [first] = wire.servers;
  wire.gone.add(first!.stream);
  wire.version += 1;
  wire.pool.followAddresses();
  assert.equal(first!.stream.state, 'open');
  wire.serverSends(ANSWER);
  assert.match(wire.client.text, /^HTTP\/1\.1 200 OK/);
  assert.equal(first!.stream.state, 'destroyed');
});

test('a connection that has reached its age carries no other request', () => {
  const wire = new Wire({ pool: { idleMax: 4, ageMsMax: HOUR_MS } });
  for (let minutes = 0; minutes < 59; minutes++) {
    exchange(wire);
    wire.pass(60_000);
  }
  assert.equal(wire.servers.length, 1);
  wire.pass(60_000);
  exchange(wire);
  assert.equal(wire.servers.length, 2);
  assert.equal(wire.servers[0]!.stream.state, 'destroyed');
});
