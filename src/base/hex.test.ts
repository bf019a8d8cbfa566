import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex8 } from './hex.ts';

test('eight digits, zeros before, up to 2^32 - 1', () => {
  for (const value of [0, 1, 0x7f, 0x80, 0xff, 0x1234, 0x89abcdef, 0xffffffff]) {
    assert.equal(hex8(value), value.toString(16).padStart(8, '0'));
  }
});
