/** Queues of two workers on one table; how they fit into an exchange is shown in sim/ and test/e2e. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containing } from '../../base/contain.ts';
import { SharedTable } from '../../table/table.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import { type Waiter, WaitQueue } from './wait-queue.ts';

const POOL = 0;
const SERVER = 0;

/** Two workers at one server with room for a few. */
class World {
  readonly table = SharedTable.create({ serverRows: 1, workerLanes: 2 });
  readonly queues: WaitQueue[];
  readonly served: string[] = [];
  /** Workers that were called, in order. */
  readonly called: number[] = [];
  readonly roomMax: number;
  nowMs = 1_000;

  constructor(roomMax: number) {
    this.roomMax = roomMax;
    this.queues = [0, 1].map((lane) => {
      const context = {
        table: this.table,
        lane,
        clock: { nowMs: () => this.nowMs },
        wake: (other: number) => this.called.push(other),
        contain: containing(() => {}),
      };
      const queue = new WaitQueue(context as unknown as WorkerContext, POOL);
      queue.pool = { giveWay() {} };
      return queue;
    });
  }

  lineUp(lane: number, name: string, isNext = false): Waiter | null {
    const queue = this.queues[lane]!;
    const waiter: Waiter = {
      waitingSinceMs: 0,
      ahead: null,
      behind: null,
      crashed: () => queue.remove(waiter),
      takeTurn: () => {
        if (name === 'broken') throw new Error(name);
        if (!this.table.enter(SERVER, lane, this.roomMax)) return false;
        this.served.push(name);
        queue.remove(waiter);
        return true;
      },
    };
    return queue.add(waiter, isNext, 3, this.nowMs) ? waiter : null;
  }

  /** A request of a worker ends. */
  end(lane: number): void {
    this.table.leave(SERVER, lane);
    this.queues[lane]!.roomFreed();
  }
}

test('a turn that throws ends who had it, and the next one is served', () => {
  const world = new World(0);
  for (const name of ['a', 'broken', 'b']) world.lineUp(0, name);
  world.queues[0]!.tick(world.nowMs);
  assert.deepEqual(world.served, ['a', 'b']);
  assert.equal(world.table.poolCounts.waiting(POOL), 0);
});

test('who came first is served first, and who had its turn before goes ahead', () => {
  const world = new World(0);
  world.lineUp(0, 'a');
  world.lineUp(0, 'b');
  world.lineUp(0, 'again', true);
  world.queues[0]!.tick(world.nowMs);
  assert.deepEqual(world.served, ['again', 'a', 'b']);
  assert.equal(world.table.poolCounts.waiting(POOL), 0);
});

test('no more wait than may, over all workers', () => {
  const world = new World(1);
  assert.ok(world.lineUp(0, 'a') && world.lineUp(1, 'b') && world.lineUp(1, 'c'));
  assert.equal(world.lineUp(0, 'd'), null);
  assert.equal(world.queues[0]!.length, 1);
});

test('a worker keeps its room while nobody waits much longer elsewhere', () => {
  const world = new World(1);
  world.table.enter(SERVER, 0);
  world.lineUp(1, 'other');
  world.nowMs += 10;
  world.lineUp(0, 'own');
  world.end(0);
  assert.deepEqual(world.served, ['own']);
});

test('a worker hands its room on to who waits much longer elsewhere', () => {
  const world = new World(1);
  world.table.enter(SERVER, 0);
  world.lineUp(1, 'other');
  world.nowMs += 30;
  world.lineUp(0, 'own');
  world.end(0);
  assert.deepEqual([world.served, world.called], [[], [1]]);
  world.queues[1]!.called(world.nowMs);
  assert.deepEqual(world.served, ['other']);
});

test('room that nobody here wants is handed on at once', () => {
  const world = new World(1);
  world.table.enter(SERVER, 0);
  world.lineUp(1, 'other');
  world.end(0);
  assert.deepEqual(world.called, [1]);
});

test('a call that is lost, or a worker that died, leaves no room unused beyond a tick', () => {
  const world = new World(1);
  world.table.enter(SERVER, 0);
  world.lineUp(1, 'other');
  world.nowMs += 30;
  world.lineUp(0, 'own');
  world.end(0);
  world.queues[0]!.tick(world.nowMs);
  assert.deepEqual(world.served, ['own']);
  world.table.forgetWorker(0);
  world.queues[1]!.tick(world.nowMs);
  assert.deepEqual(world.served, ['own', 'other']);
  assert.deepEqual([world.table.poolCounts.waiting(POOL), world.table.inFlight(SERVER)], [0, 1]);
});

test('newcomers line up behind their own queue, and behind who waits long elsewhere', () => {
  const world = new World(1);
  const [queue, other] = world.queues as [WaitQueue, WaitQueue];
  assert.equal(queue.hasElders(world.nowMs), false);
  const elder = world.lineUp(1, 'elder')!;
  assert.deepEqual([queue.hasElders(world.nowMs), other.hasElders(world.nowMs)], [false, true]);
  world.nowMs += 30;
  assert.equal(queue.hasElders(world.nowMs), true);
  other.remove(elder);
  assert.equal(queue.hasElders(world.nowMs), false);
});
