/** Real processes that die, fall silent, break off, fail and slow down, under steady GETs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KillMatrix } from './kill-matrix/matrix.ts';

/** Broken-off answers cannot be mended; how many a server may send before it is out. */
const BROKEN_OFF_MAX = 12;

let matrix: KillMatrix;

before(async () => {
  matrix = await KillMatrix.start();
});

after(() => matrix.stop());

/** How long a fault lasts at the least. */
const FAULT_MS = 900;

for (const fault of ['kill', 'closed', 'silent', 'status 500'] as const) {
  test(`a server that goes wrong by "${fault}" fails no GET and gets none once it is out`, async () => {
    const row = await matrix.run(fault, FAULT_MS);
    const what = JSON.stringify(row);
    assert.equal(row.failed, 0, what);
    // What it was sending when it died cannot be mended.
    if (fault === 'silent' || fault === 'status 500') assert.equal(row.brokenOff, 0, what);
    assert.equal(row.sentWhileOut, 0, what);
  });
}

test('a server that turns slow fails no GET and is left out', async () => {
  const row = await matrix.run('slow', FAULT_MS);
  assert.deepEqual([row.failed, row.brokenOff], [0, 0], JSON.stringify(row));
  assert.notEqual(row.outMs, -1, JSON.stringify(row));
});

for (const fault of ['reset', 'truncated'] as const) {
  test(`a server that goes wrong by "${fault}" breaks off few answers, and other GETs succeed`, async () => {
    const row = await matrix.run(fault, FAULT_MS);
    assert.equal(row.failed, 0, JSON.stringify(row));
    assert.ok(row.brokenOff <= BROKEN_OFF_MAX * Math.max(1, row.ejections), JSON.stringify(row));
    assert.notEqual(row.outMs, -1, JSON.stringify(row));
  });
}
