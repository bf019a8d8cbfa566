import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash32, mix32 } from './hash.ts';
import { HashRing } from './hash-ring.ts';

const serversOf = (weights: readonly number[]) =>
  weights.map((weight, index) => ({ name: `10.0.0.${index}:80`, weight }));

/** The same ring, looked through from end to end. */
function ownerByHand(servers: ReturnType<typeof serversOf>, hash: number): number {
  const points = servers.flatMap(({ name, weight }, owner) =>
    Array.from({ length: 160 * weight }, (_, at) => ({
      point: mix32(hash32(name) ^ mix32(at + 1)),
      owner,
    })),
  );
  points.sort((a, b) => a.point - b.point || a.owner - b.owner);
  return (points.find(({ point }) => point >= hash) ?? points[0]!).owner;
}

test('a key belongs to the next point of the circle, and after the last to the first', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 });
  const hash = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(0, 1, 2047, 2048, 2 ** 22 - 1, 2 ** 22, 2 ** 32 - 1),
  );
  fc.assert(
    fc.property(weights, fc.array(hash, { minLength: 20, maxLength: 20 }), (all, hashes) => {
      const servers = serversOf(all);
      const ring = new HashRing(servers);
      for (const one of hashes) assert.equal(ring.ownerOf(one), ownerByHand(servers, one));
    }),
    { numRuns: 60 },
  );
});

test('a server that leaves moves only its own keys', () => {
  const servers = serversOf(Array(20).fill(1));
  const [before, after] = [new HashRing(servers), new HashRing(servers.toSpliced(7, 1))];
  for (let key = 0; key < 5000; key++) {
    const hash = mix32(key);
    const owner = servers[before.ownerOf(hash)]!.name;
    if (owner === servers[7]!.name) continue;
    assert.equal(servers.toSpliced(7, 1)[after.ownerOf(hash)]!.name, owner);
  }
});
