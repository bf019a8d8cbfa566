import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusiestClients } from './busiest-clients.ts';

test('the busiest clients come first, with their errors and bytes', () => {
  const counts = new BusiestClients();
  for (let at = 0; at < 3; at++) counts.count('10.0.0.1', at === 0, 100);
  counts.count('10.0.0.2', false, 7);
  for (let at = 0; at < 5; at++) counts.count('::1', true, 0);
  assert.deepEqual(counts.top(2), [
    { address: '::1', requests: 5, errors: 5, bytes: 0 },
    { address: '10.0.0.1', requests: 3, errors: 1, bytes: 300 },
  ]);
});

test('a crowd that passes by takes no more memory and hides nobody who keeps asking', () => {
  const counts = new BusiestClients();
  for (let at = 0; at < 100_000; at++) {
    counts.count(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, false, 1);
    if (at % 50 === 0) counts.count('busy', false, 1);
  }
  assert.deepEqual(counts.top(1), [{ address: 'busy', requests: 2000, errors: 0, bytes: 2000 }]);
  assert.ok(counts.top(Number.MAX_SAFE_INTEGER).length <= 1024);
});
