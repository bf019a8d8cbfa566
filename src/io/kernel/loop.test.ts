import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Arena } from './arena.ts';
import { Loop } from './loop.ts';
import type { Poller } from './poller.ts';

/** Notes how long it was told to wait; something happens in its first polls. */
class WaitingPoller implements Partial<Poller> {
  readonly arena = null as unknown as Arena;
  readonly waits: number[] = [];
  isLoopReady = false;
  polls: number;
  busyPolls: number;

  constructor(polls: number, busyPolls = 0) {
    this.polls = polls;
    this.busyPolls = busyPolls;
  }

  get isIdle(): boolean {
    return this.waits.length >= this.polls;
  }

  poll(waitMs: number): number {
    this.waits.push(waitMs);
    return this.waits.length <= this.busyPolls ? 1 : 0;
  }
}

async function turnsOf(poller: WaitingPoller, prepare: (loop: Loop) => void = () => {}) {
  let nowMs = 1000;
  const clock = { nowMs: () => nowMs, wallMs: () => nowMs };
  const loop = new Loop(poller as unknown as Poller, clock);
  prepare(loop);
  loop.wake();
  while (!poller.isIdle) {
    await new Promise((resolve) => setImmediate(resolve));
    nowMs += 4;
  }
  return poller.waits;
}

test('a loop waits in the kernel long where nothing goes on, and shortly while there is traffic', async () => {
  assert.deepEqual(await turnsOf(new WaitingPoller(2)), [20, 20]);
  assert.deepEqual(await turnsOf(new WaitingPoller(4, 2)), [20, 1, 1, 20]);
});

test('libuv has its turn after some polls, however much comes', async () => {
  const waits = await turnsOf(new WaitingPoller(18, 18));
  assert.deepEqual(waits.slice(0, 18), [20, ...Array(15).fill(1), 20, 1]);
});

test('a loop waits no longer than until a beat is due', async () => {
  const waits = await turnsOf(new WaitingPoller(4), (loop) => {
    loop.beat({ dueMs: 1009.5 });
    loop.beat({ dueMs: 5000 });
    loop.beat({ dueMs: 1001 })();
  });
  assert.deepEqual(waits, [10, 6, 2, 0]);
});

test('while Node works on connections its loop has a turn after each poll', async () => {
  const waits = await turnsOf(new WaitingPoller(3, 2), (loop) => loop.nodeUses(1));
  assert.deepEqual(waits, [20, 20, 20]);
});

test('what is posted has its turn without waiting, once for each time', async () => {
  let turns = 0;
  const posted = {
    onTurn() {
      turns += 1;
    },
  };
  const waits = await turnsOf(new WaitingPoller(2), (loop) => {
    loop.post(posted);
    loop.post(posted);
  });
  assert.deepEqual([waits[0], turns], [0, 2]);
});
