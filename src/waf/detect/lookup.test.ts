import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateLookups } from './lookup.ts';

const lookup = (...parts: string[]): string => parts.join('');
const DOLLAR = '$';

test('nested lookups are evaluated inside out', () => {
  const spelt = lookup(
    DOLLAR,
    '{',
    DOLLAR,
    '{lower:J}',
    DOLLAR,
    '{::-n}',
    DOLLAR,
    '{env:X:-d}i:ldap://x}',
  );
  assert.match(evaluateLookups(spelt, 0).resolved, /jndi:ldap/);
  assert.ok(evaluateLookups(spelt, 0).disguised);
});

test('a default of a shell is no disguise', () => {
  const plain = lookup(DOLLAR, '{HOME:-/root}/bin');
  assert.equal(evaluateLookups(plain, 0).disguised, false);
  assert.equal(evaluateLookups(plain, 0).resolved, '/root/bin');
});

test('lookups nested without end are cut off', () => {
  const deep = lookup(DOLLAR, '{').repeat(1000);
  assert.ok(evaluateLookups(deep, 0).depth < 20);
});
