import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Holdings } from './holdings.ts';

/** Releases, and tells what was released, in order. */
function released(holdings: Holdings): (number | string)[] {
  const all: (number | string)[] = [];
  holdings.release({
    unmap: (start, lengthBytes) => all.push(`${start}+${lengthBytes}`),
    close: (fd) => all.push(fd),
  });
  return all;
}

test('what is held is released once, memory last, by whoever has the record of it', () => {
  const holdings = Holdings.create(1000);
  for (const fd of [3, 31, 32, 63, 64, 500, 999]) holdings.add(fd);
  holdings.add(64);
  holdings.remove(32);
  holdings.remove(700);
  holdings.mapped(2n ** 46n, 4096);
  holdings.mapped(4096n, 8192);
  const other = new Holdings(holdings.memory);
  const expected = [3, 31, 63, 64, 500, 999, '4096+8192', `${2n ** 46n}+4096`];
  assert.deepEqual(released(other), expected);
  assert.deepEqual(released(holdings), []);
});

test('descriptors beyond the limit are not noted', () => {
  const holdings = Holdings.create(64);
  holdings.add(64);
  holdings.add(1_000_000);
  holdings.remove(96);
  assert.deepEqual(released(holdings), []);
});

test('mappings have a bound', () => {
  const holdings = Holdings.create(64);
  for (let at = 1; at <= 8; at++) holdings.mapped(BigInt(at), 1);
  assert.throws(() => holdings.mapped(9n, 1), RangeError);
});
