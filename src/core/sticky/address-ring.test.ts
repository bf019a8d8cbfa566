import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServerVerdict, VERDICT } from '../balance/server-verdict.ts';
import { AddressRing } from './address-ring.ts';
import { requestHead } from './heads.testing.ts';
import { Binding } from './persistence.ts';

const servers = (count: number, backups = 0) =>
  Array.from({ length: count + backups }, (_, row) => ({
    row,
    name: `10.0.${row >> 8}.${row & 255}:80`,
    weight: 1,
    backup: row >= count,
  }));

function rowOf(
  ring: AddressRing,
  clientAddress: string,
  verdictOf: (row: number) => ServerVerdict,
) {
  const binding = new Binding();
  const client = { clientAddress, checkedCookie: null };
  ring.find(requestHead().head, client, { verdictOf }, binding);
  return binding.row;
}

const addresses = Array.from({ length: 2000 }, (_, at) => `192.0.${at >> 8}.${at & 255}`);
const usable = () => VERDICT.usable;

for (const algorithm of ['crc32', 'fnv1a', 'xxhash'] as const) {
  const make = (all: ReturnType<typeof servers>) => new AddressRing(algorithm, all);

  test(`${algorithm}: neighbouring addresses spread over all servers`, () => {
    const ring = make(servers(5));
    const counts = Array(5).fill(0);
    for (const address of addresses) counts[rowOf(ring, address, usable)] += 1;
    for (const count of counts) assert.ok(count > 250 && count < 550, `${counts}`);
  });

  test(`${algorithm}: instances agree, whatever the order of their servers`, () => {
    const ring = make(servers(5));
    const other = make(servers(5).toReversed());
    for (const address of addresses.slice(0, 200)) {
      assert.equal(rowOf(ring, address, usable), rowOf(other, address, usable));
    }
  });
}

test('one usable primary among many that are down never loses a client to a standing-by backup', () => {
  const ring = new AddressRing('crc32', servers(300, 2));
  const verdictOf = (row: number) =>
    row === 7 ? VERDICT.usable : row < 300 ? VERDICT.down : VERDICT.standby;
  const rows = new Set(addresses.map((address) => rowOf(ring, address, verdictOf)));
  assert.deepEqual(
    [...rows].toSorted((a, b) => a - b),
    [-1, 7],
  );
});

test('a pool without servers binds nobody', () => {
  const ring = new AddressRing('crc32', []);
  assert.equal(rowOf(ring, '192.0.2.1', usable), -1);
});
