import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { canDuplicate } from '../../io/kernel/duplicate.ts';
import { nodeListeningSockets } from '../../io/node/listening-sockets.ts';
import type { ListenAddress } from '../../plan/listen.ts';
import { LaneSockets } from './lane-sockets.ts';

const TCP: ListenAddress = { host: '127.0.0.1', port: 0, path: '', speaks: 'http' };
const KEPT = { skip: !canDuplicate };

function unixAddress(t: { after(done: () => void): void }): ListenAddress {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-lanes-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return { host: '', port: 0, path: join(folder, 'listen.sock'), speaks: 'http' };
}

test(
  'each lane has a socket of its own on a TCP address, and one lane that of a path',
  KEPT,
  async (t) => {
    const unix = unixAddress(t);
    const sockets = new LaneSockets(nodeListeningSockets);
    for (const lane of [0, 1]) await sockets.open(lane, [TCP, unix], [0, 1]);
    const of = (lane: number) =>
      sockets.of(lane, [0, 1], [TCP, unix]).map(({ address }) => address);
    assert.deepEqual([of(0), of(1)], [[TCP, unix], [TCP]]);
    sockets.drop(() => true)();
  },
);

test('the sockets of lanes that do not run are spread over those that do', KEPT, async () => {
  const sockets = new LaneSockets(nodeListeningSockets);
  for (const lane of [0, 1, 2, 3]) await sockets.open(lane, [TCP], [0, 1, 2, 3]);
  const running = [1, 3];
  const all = running.map((lane) => sockets.of(lane, running, [TCP]).map(({ fd }) => fd));
  assert.deepEqual(
    all.map((one) => one.length),
    [2, 2],
  );
  assert.equal(new Set(all.flat()).size, 4);
  sockets.drop(() => true)();
});

test('a lane takes over the socket of one that is no more', KEPT, async () => {
  const sockets = new LaneSockets(nodeListeningSockets);
  for (const lane of [0, 1]) await sockets.open(lane, [TCP], [0, 1]);
  const fdsOf = (lane: number, lanes: number[]) =>
    sockets.of(lane, lanes, [TCP]).map(({ fd }) => fd);
  const before = fdsOf(1, [0, 1]);
  assert.equal(fdsOf(0, [0]).length, 2);
  await sockets.open(2, [TCP], [0]);
  assert.deepEqual(fdsOf(2, [0, 2]), before);
  assert.equal(fdsOf(0, [0, 2]).length, 1);
  sockets.drop(() => true)();
});

test('who connects waits in a socket that nobody accepts from', KEPT, async (t) => {
  const unix = unixAddress(t);
  const sockets = new LaneSockets(nodeListeningSockets);
  await sockets.open(0, [unix], [0]);
  const client = net.connect(unix.path);
  await once(client, 'connect');
  client.destroy();
  sockets.drop(() => true)();
});

test('the path of a unix socket goes with it, unless it is handed over', KEPT, async (t) => {
  const unix = unixAddress(t);
  const sockets = new LaneSockets(nodeListeningSockets);
  await sockets.open(0, [unix], [0]);
  sockets.drop(() => true, true)();
  assert.ok(existsSync(unix.path));
  rmSync(unix.path);
  await sockets.open(0, [unix], [0]);
  sockets.drop(() => true)();
  assert.ok(!existsSync(unix.path));
});
