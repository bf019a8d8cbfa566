import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consistentHash } from './consistent-hash.ts';

const ROWS = [0, 1, 2];

function pool() {
  const inFlight = [0, 0, 0];
  const servers = ROWS.map((row) => ({
    row,
    name: `10.0.0.${row}:80`,
    weight: 1,
    inFlight: () => inFlight[row]!,
    latencyUs: () => 0,
  }));
  const strategy = consistentHash.create();
  const pick = (key: number) => strategy.pick(servers, key, servers).row;
  return { inFlight, pick };
}

test('where hardly anything is in flight a key keeps its server, two of its requests at once too', () => {
  const { inFlight, pick } = pool();
  for (let key = 1; key <= 50; key++) {
    const own = pick(key);
    inFlight[own] = 1;
    assert.equal(pick(key), own);
    inFlight[own] = 0;
  }
});

test('one hot key fills no server above 1.25 times the mean and one', () => {
  const { inFlight, pick } = pool();
  for (let count = 1; count <= 300; count++) {
    inFlight[pick(42)]! += 1;
    const bound = Math.ceil((1.25 * count) / ROWS.length) + 1;
    assert.ok(Math.max(...inFlight) <= bound, `${inFlight} of ${count}`);
  }
});
