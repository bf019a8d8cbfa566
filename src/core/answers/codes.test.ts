import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURE_CODES_MAX } from '../../table/measures.ts';
import { CODES, codeIndex } from './codes.ts';

test('every code has one place, and the table has room for all', () => {
  assert.ok(CODES.length <= FAILURE_CODES_MAX, 'raise FAILURE_CODES_MAX');
  assert.deepEqual(CODES.map(codeIndex), [...CODES.keys()]);
});
