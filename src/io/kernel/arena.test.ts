import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from './arena.ts';
import { ffi } from './ffi.ts';

test('an arena gives addresses of what lies inside, and of nothing else', {
  skip: ffi === null,
}, () => {
  const arena = Arena.map(8192);
  arena.bytes.write('here', 100, 'latin1');
  assert.equal(ffi!.toString(arena.address(100, 5)), 'here');
  assert.equal(arena.address(8192, 0) - arena.address(0, 8192), 8192n);
  for (const [start, lengthBytes] of [
    [-1, 1],
    [0, 8193],
    [8192, 1],
    [0, -1],
    [Number.NaN, 1],
    [0, Number.NaN],
  ] as const) {
    assert.throws(() => arena.address(start, lengthBytes), RangeError);
  }
  arena.unmap();
});

test('an arena sets parts aside that do not overlap', { skip: ffi === null }, () => {
  const arena = Arena.map(4096);
  const starts = [arena.reserve(1), arena.reserve(64), arena.reserve(65)];
  assert.deepEqual(starts, [0, 64, 128]);
  assert.throws(() => arena.reserve(4096), RangeError);
  arena.unmap();
});
