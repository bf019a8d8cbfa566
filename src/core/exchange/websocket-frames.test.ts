import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ws from 'ws';
import { seededRandom } from '../../base/random.ts';
import {
  closeFrame,
  FrameFollower,
  maskedCloseFrame,
  WebSocketDirection,
} from './websocket-frames.ts';

/** Both are exported, though their types are not. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => NodeJS.WritableStream;
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

/** A frame as the ws library writes it. */
function frame(length: number, opcode: number, isMasked: boolean, isLast = true): Buffer {
  const options = { fin: isLast, opcode, mask: isMasked, readOnly: true, rsv1: false };
  return Buffer.concat(Sender.frame(Buffer.alloc(length, 0x88), options));
}

const LENGTHS = [0, 1, 2, 125, 126, 127, 65_535, 65_536, 70_000];

/** Ends of frames, as offsets, found in pieces of these sizes. */
function endsIn(bytes: Buffer, pieceBytes: () => number): number[] {
  const follower = new FrameFollower();
  const ends: number[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + pieceBytes());
    for (let at = start; at < end; ) {
      at = follower.followFrame(bytes, at, end);
      if (follower.isBetweenFrames) ends.push(at);
    }
    start = end;
  }
  return ends;
}

for (const isMasked of [false, true]) {
  test(`frames end where they end, however they are cut (${isMasked ? 'masked' : 'plain'})`, () => {
    const frames = LENGTHS.map((length, at) => frame(length, 2, isMasked, at % 2 === 0));
    const bytes = Buffer.concat(frames);
    let sum = 0;
    const ends = frames.map(({ length }) => (sum += length));
    const random = seededRandom(7);
    for (const size of [1, 2, 3, 7, 4096, bytes.length]) {
      assert.deepEqual(
        endsIn(bytes, () => size),
        ends,
        `pieces of ${size}`,
      );
    }
    for (let round = 0; round < 50; round++) {
      assert.deepEqual(
        endsIn(bytes, () => 1 + Math.floor(random() * 9000)),
        ends,
      );
    }
  });
}

test('a close frame is noticed when it is whole', () => {
  const follower = new FrameFollower();
  const bytes = Buffer.concat([frame(10, 1, true), frame(2, 8, true)]);
  follower.follow(bytes, 0, bytes.length - 1);
  assert.equal(follower.hasClosed, false);
  follower.follow(bytes, bytes.length - 1, bytes.length);
  assert.deepEqual([follower.hasClosed, follower.isBetweenFrames], [true, true]);
});

for (const [isServer, bytes] of [
  [false, closeFrame()],
  [true, maskedCloseFrame(0xdeadbeef)],
] as const) {
  test(`the close frame for a ${isServer ? 'server' : 'client'} is one to the ws library`, async () => {
    const receiver = new Receiver({ isServer });
    const closed = new Promise((resolve) => receiver.once('conclude', resolve));
    receiver.write(bytes);
    assert.equal(await closed, 1001);
  });
}

test('what comes with the end of the frame under way is cut off, wherever its bytes are cut', () => {
  const [before, under, late] = [frame(4, 1, true), frame(9, 2, true), frame(3, 1, true)];
  const goodbye = frame(2, 8, true);
  const all = Buffer.concat([before, under, late, goodbye]);
  const ends = before.length + under.length;
  for (let first = before.length + 1; first < ends; first++) {
    for (let second = first; second <= all.length; second++) {
      let said = 0;
      const passed: Buffer[] = [];
      const direction = new WebSocketDirection(() => {
        said += 1;
        passed.push(Buffer.from('!'));
      });
      const give = (start: number, end: number) => {
        passed.push(all.subarray(start, direction.pass(all, start, end)));
        direction.passed();
      };
      give(0, first);
      direction.end();
      assert.equal(said, 0);
      give(first, second);
      give(second, all.length);
      assert.equal(said, 1);
      assert.ok(direction.hasClosed);
      const expected = Buffer.concat([all.subarray(0, ends), Buffer.from('!')]);
      assert.ok(Buffer.concat(passed).equals(expected), `cut at ${first} and ${second}`);
    }
  }
});

test('a peer that closes by itself gets no close frame of ours beside its own', () => {
  const direction = new WebSocketDirection(() => assert.fail('a second close frame'));
  const goodbye = frame(2, 8, false);
  assert.equal(direction.pass(goodbye, 0, 2), 2);
  direction.end();
  assert.equal(direction.pass(goodbye, 2, 4), 4);
  direction.passed();
  assert.equal(direction.pass(goodbye, 0, 4), 0);
});
