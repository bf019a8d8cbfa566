import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { Holdings } from '../holdings.ts';
import { Arena } from './arena.ts';
import { calls } from './calls.ts';
import { EpollPoller } from './epoll.ts';
import { kernelMissing } from './missing.ts';
import type { Poller } from './poller.ts';
import { RELEASES } from './release.ts';
import { listening, portOf } from './sockets.ts';
import { uringMissing } from './uring/missing.ts';
import { openUring } from './uring/open-uring.ts';
import { RecordingListener, RecordingSocket } from './uring/polled.fixture.ts';

const ARENA_BYTES = 16 * 1024 * 1024;
const POLLS_MAX = 1000;
const PEERS = 5;
/** Nothing hangs for longer. */
const TEST_MS_MAX = 20_000;

const POLLERS = [
  {
    kind: 'epoll',
    skip: kernelMissing(),
    open: (arena: Arena, holdings: Holdings): Poller => new EpollPoller(arena, -1, holdings),
  },
  {
    kind: 'io_uring',
    skip: uringMissing(),
    open: (arena: Arena, holdings: Holdings): Poller => openUring(arena, -1, holdings),
  },
];

for (const { kind, skip, open } of POLLERS) {
  test(`${kind}: peers of a thread that is gone hear of it, and its memory is free`, {
    skip: skip ?? false,
    timeout: TEST_MS_MAX,
  }, async (t) => {
    const holdings = Holdings.create(undefined);
    const arena = Arena.map(ARENA_BYTES);
    holdings.mapped(arena.address(0, 0), arena.sizeBytes);
    const poller = open(arena, holdings);
    holdings.add(poller.fd);
    for (const { address, lengthBytes } of poller.mappings) holdings.mapped(address, lengthBytes);
    // As the control thread has it: it stays open.
    const fd = listening({ host: '127.0.0.1', port: 0, path: '' }, 64);
    const listener = new RecordingListener(fd);
    poller.accept(listener);
    const peers = Array.from({ length: PEERS }, () => net.connect(portOf(fd), '127.0.0.1'));
    t.after(() => peers.map((peer) => peer.destroy()));
    const closed = peers.map((peer) => once(peer.resume(), 'close'));
    await Promise.all(peers.map((peer) => once(peer, 'connect')));
    for (let polls = 0; listener.accepted.length < PEERS && polls < POLLS_MAX; polls++) {
      poller.poll(1);
    }
    const sockets = listener.accepted.map((accepted) => new RecordingSocket(poller, accepted));
    for (const socket of sockets) {
      holdings.add(socket.fd);
      poller.adopt(socket);
      poller.receive(socket);
    }
    poller.poll(0);
    // It dies when it has just closed one, which the kernel may not have been told yet.
    poller.close(sockets[0]!);
    const starts = [arena.address(0, 0), ...poller.mappings.map(({ address }) => address)];

    holdings.release(RELEASES);
    const mapped = readFileSync('/proc/self/maps', 'utf8');
    await Promise.all(closed);
    for (const start of starts)
      assert.ok(!mapped.includes(`${start.toString(16)}-`), 'still mapped');
    // Who comes now is for others.
    const late = net.connect(portOf(fd), '127.0.0.1');
    await once(late, 'connect');
    let accepted = -1;
    for (let tries = 0; accepted < 0 && tries < POLLS_MAX; tries++) {
      accepted = calls.accept4(fd, 0n, 0n, 0o4000);
    }
    assert.ok(accepted >= 0);
    late.destroy();
    calls.close(accepted);
    calls.close(fd);
  });
}

/** The thread ends while it is told of the first of several. */
class DyingListener extends RecordingListener {
  override onAccepted(): void {
    throw new Error('out of memory');
  }
}

for (const { kind, skip, open } of POLLERS) {
  test(`${kind}: whom a thread has accepted that dies at once hears of it`, {
    skip: skip ?? false,
    timeout: TEST_MS_MAX,
  }, async (t) => {
    const holdings = Holdings.create(undefined);
    const poller = open(Arena.map(ARENA_BYTES), holdings);
    holdings.add(poller.fd);
    const fd = listening({ host: '127.0.0.1', port: 0, path: '' }, 64);
    t.after(() => calls.close(fd));
    const peers = Array.from({ length: PEERS }, () => net.connect(portOf(fd), '127.0.0.1'));
    t.after(() => peers.map((peer) => peer.destroy()));
    const closed = peers.map((peer) => once(peer.resume(), 'close'));
    await Promise.all(peers.map((peer) => once(peer, 'connect')));
    poller.accept(new DyingListener(fd));
    assert.throws(() => poller.poll(1), /out of memory/);

    holdings.release(RELEASES);
    // Whom it had not accepted waits for another thread.
    for (let peer = 0; peer < PEERS; peer++) {
      const accepted = calls.accept4(fd, 0n, 0n, 0);
      if (accepted >= 0) calls.close(accepted);
    }
    await Promise.all(closed);
  });
}
