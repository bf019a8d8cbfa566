import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../../base/random.ts';
import { Arena } from '../arena.ts';
import { calls, EAGAIN, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_NONBLOCK_CLOEXEC } from '../calls.ts';
import { connecting, listening, portOf } from '../sockets.ts';
import { uringMissing } from './missing.ts';
import { MSG_WAITALL, OP_SEND, SKIP_SUCCESS } from './numbers.ts';
import { openRing } from './open-ring.ts';
import { Ring } from './ring.ts';

const ARENA_BYTES = 1024 * 1024;
const SEND_BYTES_MAX = 64 * 1024;
const SENDS = 5000;
/** Sends of one call. */
const AT_ONCE_MAX = 4;

/** What the poller's handling of memory stands on, as the kernel of this machine does it. */
describe('a send by io_uring that may not wait', { skip: uringMissing() ?? false }, () => {
  for (const isSilent of [false, true]) {
    it(isSilent ? 'is silent only if it took all' : 'is done within the call', () => {
      const arena = Arena.map(ARENA_BYTES);
      const kernel = openRing(arena, 8, 16);
      const ring = new Ring(kernel.memory, kernel.enter);
      const at = arena.reserve(SEND_BYTES_MAX);
      const address = arena.address(at, SEND_BYTES_MAX);
      const [low, high] = [Number(BigInt.asIntN(32, address)), Number(address >> 32n)];
      const operation = isSilent ? OP_SEND | SKIP_SUCCESS : OP_SEND;
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL;

      const listeningFd = listening({ host: '127.0.0.1', port: 0, path: '' }, 8);
      const place = { host: '127.0.0.1', port: portOf(listeningFd), path: '' };
      const fds = Array.from({ length: AT_ONCE_MAX }, () => connecting(place));
      const peers = fds.map(() => calls.accept4(listeningFd, 0n, 0n, SOCK_NONBLOCK_CLOEXEC));
      const taken = fds.map(() => 0);
      const random = seededRandom(1);
      const outcomes = { all: 0, less: 0, nothing: 0 };
      for (let sends = 0; sends < SENDS; sends += fds.length) {
        const lengths = fds.map(() => 1 + Math.floor(random() * SEND_BYTES_MAX));
        for (const [index, fd] of fds.entries()) {
          ring.put(operation, fd, low, high, lengths[index]!, flags, index, 0, 0);
        }
        ring.submit(0);
        assert.ok(ring.isUpToDate());
        const results = isSilent ? [...lengths] : fds.map(() => 0);
        const count = ring.completed();
        if (!isSilent) assert.equal(count, fds.length);
        for (let index = 0; index < count; index++) {
          const completion = ring.take();
          const result = ring.words[completion + 2]!;
          results[ring.words[completion]!] = result;
          if (isSilent) assert.ok(result < lengths[ring.words[completion]!]!);
        }
        for (const [index, result] of results.entries()) {
          assert.ok(result === -EAGAIN || (result > 0 && result <= lengths[index]!));
          taken[index]! += Math.max(result, 0);
          if (result === lengths[index]) outcomes.all += 1;
          else if (result > 0) outcomes.less += 1;
          else outcomes.nothing += 1;
        }
        // Now and then a peer takes some, so that all outcomes go on.
        const index = Math.floor(random() * fds.length);
        for (let receives = Math.floor(random() * 60); receives > 0; receives--) {
          taken[index]! -= received(peers[index]!, address);
        }
      }
      for (const [index, peer] of peers.entries()) {
        calls.close(fds[index]!);
        for (;;) {
          const bytes = received(peer, address);
          if (bytes === 0) break;
          taken[index]! -= bytes;
        }
        calls.close(peer);
      }
      assert.deepEqual(taken, [0, 0, 0, 0]);
      for (const count of Object.values(outcomes)) assert.ok(count > 0, JSON.stringify(outcomes));
      calls.close(listeningFd);
      kernel.end();
      arena.unmap();
    });
  }
});

/** @returns 0: nothing is there */
function received(fd: number, address: bigint): number {
  return Math.max(calls.read(fd, address, SEND_BYTES_MAX), 0);
}
