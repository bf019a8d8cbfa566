import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Arena } from '../arena.ts';
import { calls, EAGAIN, EPIPE, errno } from '../calls.ts';
import { SMALL_RECEIVE_BYTES, STAGE_BYTES } from '../poller.ts';
import { connecting, listening, portOf } from '../sockets.ts';
import { uringMissing } from './missing.ts';
import { openUring } from './open-uring.ts';
import { RecordingHolder, RecordingListener, RecordingSocket } from './polled.fixture.ts';
import type { UringPoller } from './uring-poller.ts';

const ARENA_BYTES = 16 * 1024 * 1024;
/** Turns after which what has not happened will not. */
const POLLS_MAX = 2000;
const WAIT_MS = 20;
/** The test's own end comes before. */
const TOO_LONG_MS = 600_000;

describe('an io_uring poller', { skip: uringMissing() ?? false }, () => {
  let poller: UringPoller;
  let listener: RecordingListener;
  let holder: RecordingHolder;
  let place: { host: string; port: number; path: string };

  beforeEach(() => {
    holder = new RecordingHolder();
    poller = openUring(Arena.map(ARENA_BYTES), -1, holder);
    listener = new RecordingListener(listening({ host: '127.0.0.1', port: 0, path: '' }, 64));
    place = { host: '127.0.0.1', port: portOf(listener.fd), path: '' };
    poller.accept(listener);
  });

  afterEach(() => {
    poller.leave(listener);
    calls.close(listener.fd);
    poller.end();
  });

  function pollUntil(isDone: () => boolean): void {
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      if (isDone()) return;
      poller.poll(WAIT_MS);
    }
    assert.fail('it has not happened');
  }

  /** Both ends, connected, and receiving unless told otherwise. */
  function pair({ isFarReceiving = true } = {}): [RecordingSocket, RecordingSocket] {
    const before = listener.accepted.length;
    const near = new RecordingSocket(poller, connecting(place));
    poller.adopt(near);
    poller.awaitWritable(near);
    pollUntil(() => near.writable === 1 && listener.accepted.length > before);
    const far = new RecordingSocket(poller, listener.accepted.at(-1)!);
    poller.adopt(far);
    poller.receive(near);
    if (isFarReceiving) poller.receive(far);
    return [near, far];
  }

  it('tells of a send in the next turn, however that ends', () => {
    const [near, far] = pair();
    poller.holdBack(far);
    const block = Buffer.alloc(STAGE_BYTES, 'x');
    let polls = 0;
    while (near.sent.at(-1) !== -EAGAIN) {
      assert.ok(near.say(block));
      poller.poll(0);
      polls += 1;
      assert.equal(near.sent.length, polls);
      assert.ok(polls < POLLS_MAX);
    }
    const sentBytes = near.sent.slice(0, -1).reduce((sum, result) => sum + result, 0);
    assert.ok(sentBytes > 0);
    poller.awaitWritable(near);
    poller.receive(far);
    pollUntil(() => near.writable === 2 && far.received.length === sentBytes);
    poller.close(far);
    pollUntil(() => near.endedBy !== -1);
    for (let tries = 0; near.sent.at(-1) !== -EPIPE && tries < POLLS_MAX; tries++) {
      near.say(block);
      poller.poll(0);
    }
    assert.equal(near.sent.at(-1), -EPIPE);
    poller.close(near);
  });

  it('does not wait for something else where a socket waits for its send', () => {
    const [near, far] = pair({ isFarReceiving: false });
    poller.poll(0);
    near.say(Buffer.from('x'));
    poller.awaitSent();
    poller.poll(TOO_LONG_MS);
    assert.deepEqual(near.sent, [1]);
    near.say(Buffer.from('x'));
    poller.shutdown(near);
    poller.poll(TOO_LONG_MS);
    assert.deepEqual(near.sent, [1, 1]);
    poller.close(near);
    poller.close(far);
  });

  it('sends what was received from where it lies', () => {
    const [near, far] = pair();
    far.use = (start, lengthBytes) => {
      poller.arena.bytes[start - 1] = 0x3e;
      poller.send(far, start - 1, lengthBytes + 1);
    };
    for (let round = 0; round < 1000; round++) {
      const text = `round ${round}`;
      near.received = Buffer.alloc(0);
      near.say(Buffer.from(text));
      pollUntil(() => near.received.length > text.length);
      assert.equal(near.received.toString(), `>${text}`);
    }
    poller.close(near);
    poller.close(far);
  });

  it('loses nothing where buffers run out', () => {
    const pairs = Array.from({ length: 24 }, () => pair());
    const sent = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(at, at);
    const gone = pairs.map(() => 0);
    const isFull = pairs.map(() => false);
    const push = () => {
      for (const [index, [near]] of pairs.entries()) {
        // Each send was told of in the turn after it.
        const result = near.sent.pop() ?? 0;
        if (result > 0) gone[index]! += result;
        if (result < 0) {
          isFull[index] = true;
          near.writable = 0;
          poller.awaitWritable(near);
        }
        if (near.writable > 0) isFull[index] = false;
        const from = gone[index]!;
        if (from < sent.length && !isFull[index]) near.say(sent.subarray(from, from + 64 * 1024));
      }
    };
    pollUntil(() => {
      push();
      return pairs.every(([, far]) => far.received.length === sent.length);
    });
    for (const [near, far] of pairs) {
      assert.ok(far.received.equals(sent));
      poller.close(near);
      poller.close(far);
    }
  });

  it('gives a socket larger pieces once that wants them', () => {
    const [near, far] = pair();
    near.say(Buffer.alloc(10));
    pollUntil(() => far.received.length === 10);
    far.receiveBytes = 64 * 1024;
    near.say(Buffer.alloc(10));
    pollUntil(() => far.received.length === 20);
    poller.poll(0);
    near.say(Buffer.alloc(STAGE_BYTES));
    pollUntil(() => near.sent.length === 3);
    pollUntil(() => far.received.length === 20 + near.sent[2]!);
    assert.ok(Math.max(...far.pieces) > 16 * 1024);
    far.receiveBytes = 16 * 1024;
    near.say(Buffer.alloc(STAGE_BYTES));
    pollUntil(() => near.sent.length === 4);
    pollUntil(() => far.received.length === 20 + near.sent[2]! + near.sent[3]!);
    poller.close(near);
    poller.close(far);
  });

  it('gives a socket that is held back one more piece, and the rest later', () => {
    const [near, far] = pair();
    poller.holdBack(far);
    near.say(Buffer.from('one'));
    pollUntil(() => far.received.length === 3);
    poller.poll(0);
    near.say(Buffer.from('two'));
    for (let polls = 0; polls < 5; polls++) poller.poll(1);
    assert.equal(far.received.toString(), 'one');
    poller.receive(far);
    pollUntil(() => far.received.toString() === 'onetwo');
    poller.close(near);
    poller.close(far);
  });

  for (const [who, messages, bytesMax] of [
    ['a new one', 0, 2 * SMALL_RECEIVE_BYTES],
    ['one that has answered small messages', 3, 160 * 1024],
  ] as const) {
    it(`gives a socket that is held back little more of a flood: ${who}`, () => {
      const [near, far] = pair();
      for (let message = 1; message <= messages; message++) {
        near.say(Buffer.from('x'));
        pollUntil(() => far.received.length === message);
        far.say(Buffer.from('y'));
        pollUntil(() => near.received.length === message);
      }
      far.use = () => poller.holdBack(far);
      const block = Buffer.alloc(STAGE_BYTES, 'x');
      while (near.sent.at(-1) !== -EAGAIN && near.sent.length < POLLS_MAX) {
        near.say(block);
        poller.poll(0);
      }
      for (let polls = 0; polls < 5; polls++) poller.poll(1);
      assert.ok(far.received.length <= bytesMax, `${far.received.length} bytes`);
      poller.close(near);
      poller.close(far);
    });
  }

  it('receives on where it is held back and let go on within a turn', () => {
    const [near, far] = pair();
    far.use = () => {
      poller.holdBack(far);
      poller.receive(far);
    };
    for (let round = 1; round <= 50; round++) {
      near.say(Buffer.from('x'));
      pollUntil(() => far.received.length === round);
    }
    poller.holdBack(far);
    near.say(Buffer.from('x'));
    pollUntil(() => far.received.length === 51);
    far.use = () => {};
    poller.receive(far);
    near.say(Buffer.from('x'));
    pollUntil(() => far.received.length === 52);
    poller.close(near);
    poller.close(far);
  });

  it('closes after what was sent, and the peer knows in the same turn', () => {
    const [near, far] = pair({ isFarReceiving: false });
    poller.poll(0);
    near.say(Buffer.from('last words'));
    poller.awaitWritable(near);
    poller.close(near);
    poller.poll(0);
    const into = poller.arena.address(poller.stage(64), 64);
    assert.equal(calls.read(far.fd, into, 64), 10);
    assert.equal(calls.read(far.fd, into, 64), 0);
    assert.deepEqual(near.sent, []);
    poller.close(far);
  });

  it("does nothing to the next socket that has a closed one's descriptor", () => {
    const [near, far] = pair();
    poller.close(far);
    pollUntil(() => near.endedBy === 0);
    const next = new RecordingSocket(poller, connecting(place));
    assert.equal(next.fd, far.fd);
    poller.adopt(next);
    poller.awaitWritable(next);
    pollUntil(() => next.writable === 1 && listener.accepted.length === 2);
    const peer = new RecordingSocket(poller, listener.accepted[1]!);
    poller.adopt(peer);
    poller.receive(peer);
    far.say(Buffer.from('not mine'));
    poller.shutdown(far);
    poller.awaitWritable(far);
    poller.receive(far);
    poller.close(far);
    for (let polls = 0; polls < 5; polls++) poller.poll(1);
    assert.deepEqual([peer.received.length, peer.endedBy, far.sent], [0, -1, []]);
    for (const socket of [near, next, peer]) poller.close(socket);
  });

  it('says the end after what is on its way, and receives on', () => {
    const [near, far] = pair();
    near.say(Buffer.from('question'));
    poller.shutdown(near);
    pollUntil(() => far.endedBy === 0);
    assert.equal(far.received.toString(), 'question');
    assert.deepEqual(near.sent, [8]);
    far.say(Buffer.from('answer'));
    pollUntil(() => near.received.length > 0);
    assert.equal(near.received.toString(), 'answer');
    poller.shutdown(far);
    pollUntil(() => near.endedBy === 0);
    poller.close(near);
    poller.close(far);
  });

  it('holds a descriptor until the kernel is told to close it', () => {
    const [near, far] = pair();
    poller.close(near);
    assert.deepEqual(holder.removed, []);
    poller.poll(0);
    assert.deepEqual(holder.removed, [near.fd]);
    poller.close(far);
  });

  it('tells nothing more of a closed socket, nor of it to the next one with its slot', () => {
    for (let round = 0; round < 200; round++) {
      const [near, far] = pair();
      far.say(Buffer.from('too late'));
      near.say(Buffer.from('x'));
      poller.poll(0);
      poller.close(near);
      const heard = [near.received.length, near.sent.length, near.endedBy];
      const [next, other] = pair();
      poller.close(far);
      for (let polls = 0; polls < 3; polls++) poller.poll(0);
      assert.deepEqual([near.received.length, near.sent.length, near.endedBy], heard);
      assert.deepEqual([next.received.length, next.sent.length, next.endedBy], [0, 0, -1]);
      poller.close(next);
      poller.close(other);
    }
    pollUntil(() => poller.poll(0) === 0);
    poller.leave(listener);
    pollUntil(() => poller.isIdle);
  });

  it('lets go of a listening socket at once, and tells of those who were accepted', () => {
    const before = connecting(place);
    poller.poll(WAIT_MS);
    poller.leave(listener);
    pollUntil(() => poller.isIdle);
    assert.equal(listener.accepted.length, 1);
    const after = connecting(place);
    for (let polls = 0; polls < 3; polls++) poller.poll(1);
    assert.equal(listener.accepted.length, 1);
    const accepted = calls.accept4(listener.fd, 0n, 0n, 0);
    assert.ok(accepted >= 0, `errno ${errno()}`);
    for (const fd of [before, after, accepted, ...listener.accepted]) calls.close(fd);
  });

  it('tells of a loop that is ready as long as it is', () => {
    const [near, far] = pair({ isFarReceiving: false });
    const loop = openUring(Arena.map(ARENA_BYTES), far.fd, holder);
    loop.poll(0);
    assert.equal(loop.isLoopReady, false);
    poller.close(near);
    poller.poll(0);
    for (let polls = 0; polls < 3; polls++) {
      loop.poll(WAIT_MS);
      assert.equal(loop.isLoopReady, true);
    }
    loop.end();
    poller.close(far);
  });

  it('has room for what a turn sends, and no more', () => {
    assert.equal(poller.stage(STAGE_BYTES + 1), -1);
    let stages = 0;
    while (poller.stage(STAGE_BYTES) !== -1) stages += 1;
    assert.equal(stages, Math.floor((2 * 1024 * 1024) / STAGE_BYTES));
    poller.poll(0);
    assert.notEqual(poller.stage(STAGE_BYTES), -1);
  });

  it('goes on with the others where one throws', () => {
    const [near, far] = pair();
    const [other, another] = pair();
    far.use = () => {
      throw new Error('of a test');
    };
    let thrown = 0;
    near.say(Buffer.from('x'));
    other.say(Buffer.from('y'));
    for (let polls = 0; polls < 5; polls++) {
      try {
        poller.poll(1);
      } catch {
        thrown += 1;
      }
    }
    assert.equal(thrown, 1);
    assert.equal(another.received.toString(), 'y');
    for (const socket of [near, far, other, another]) poller.close(socket);
  });
});
