import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientBoard } from './client-board.ts';

const client = (address: string, requests: number) => ({ address, requests, errors: 1, bytes: 10 });

test('a client is added up over the threads, and what a thread told before is void', () => {
  const board = new ClientBoard();
  board.tell(0, [client('a', 5), client('b', 100)]);
  board.tell(0, [client('a', 6), client('b', 1)]);
  board.tell(1, [client('a', 2)]);
  assert.deepEqual(
    board.top(10).map(({ address, requests, errors, bytes }) => [address, requests, errors, bytes]),
    [
      ['a', 8, 2, 20],
      ['b', 1, 1, 10],
    ],
  );
  board.tell(0, []);
  assert.deepEqual(
    board.top(10).map(({ address }) => address),
    ['a'],
  );
});

test('who asks now comes before who asked long ago', () => {
  const board = new ClientBoard();
  let nowMs = 1000;
  for (let second = 0; second < 20; second++) {
    board.tell(0, [client('yesterday', 1_000_000), client('now', 50 * second)]);
    board.tick(nowMs);
    nowMs += 1000;
  }
  const [first, ...rest] = board.topNow(10);
  assert.equal(first!.address, 'now');
  assert.ok(Math.abs(first!.requestsPerSecond - 50) < 1);
  assert.deepEqual(rest, []);
  assert.equal(board.top(10)[0]!.address, 'yesterday');
});
