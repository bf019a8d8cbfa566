import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { TicketKeys } from './ticket-keys.ts';

const here = () => TicketKeys.create(randomBytes);

test('every thread makes and reads tickets with the same key', () => {
  const control = here();
  const [one, other] = [TicketKeys.open(control.memory), TicketKeys.open(control.memory)];
  assert.deepEqual(one.current, other.current);
  assert.deepEqual(other.find(one.current.name), one.current);
});

test('a turn brings another key, and tickets of the two keys before it are still read', () => {
  const control = here();
  const worker = TicketKeys.open(control.memory);
  const first = worker.current;
  control.turn(randomBytes);
  const second = worker.current;
  assert.notDeepEqual(second.name, first.name);
  assert.deepEqual(worker.find(first.name), first);
  control.turn(randomBytes);
  assert.deepEqual(worker.find(first.name), first);
  assert.deepEqual(worker.find(second.name), second);
  control.turn(randomBytes);
  assert.equal(worker.find(first.name), undefined);
});

test('a name that was never ours is not found', () => {
  assert.equal(here().find(randomBytes(16)), undefined);
});
