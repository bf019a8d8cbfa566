import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apportion, surplusOf } from './rebalance.ts';

const servers = (...shapes: [tunnels: number, weight?: number][]) =>
  shapes.map(([tunnels, weight = 1], row) => ({ row, tunnels, weight }));

test('what two servers have beyond their thirds is closed, within the bound', () => {
  assert.deepEqual(surplusOf(servers([300], [300], [0]), 100), [
    { row: 0, count: 100 },
    { row: 1, count: 100 },
  ]);
  assert.deepEqual(surplusOf(servers([300], [300], [0]), 10), [
    { row: 0, count: 30 },
    { row: 1, count: 30 },
  ]);
});

test('shares go by weights; a server that gets nothing new gives up all, as far as it may', () => {
  assert.deepEqual(surplusOf(servers([60, 1], [60, 3]), 100), [{ row: 0, count: 30 }]);
  assert.deepEqual(surplusOf(servers([40, 0], [0, 1]), 50), [{ row: 0, count: 20 }]);
});

test('what is even stays as it is, and so does everything at 0 percent', () => {
  assert.deepEqual(surplusOf(servers([34], [33], [33]), 100), []);
  assert.deepEqual(surplusOf(servers([0], [0]), 100), []);
  assert.deepEqual(surplusOf(servers([90], [0]), 0), []);
});

test('few tunnels move one by one', () => {
  assert.deepEqual(surplusOf(servers([3], [0]), 10), [{ row: 0, count: 1 }]);
});

test('never more than the bound, never more than the surplus, never below the share', () => {
  const shape = fc.tuple(fc.nat(500), fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(fc.array(shape, { minLength: 1, maxLength: 8 }), fc.nat(100), (shapes, percent) => {
      const all = servers(...(shapes as [number, number][]));
      const total = all.reduce((sum, one) => sum + one.tunnels, 0);
      const weights = all.reduce((sum, one) => sum + one.weight, 0);
      let closed = 0;
      for (const { row, count } of surplusOf(all, percent)) {
        closed += count;
        assert.ok(all[row]!.tunnels - count >= Math.floor((total * all[row]!.weight) / weights));
      }
      assert.ok(closed <= Math.max(1, (total * percent) / 100));
    }),
  );
});

test('what is apportioned is whole, adds up, and is no more than is there', () => {
  assert.deepEqual(apportion(10, [5, 3, 2]), [5, 3, 2]);
  assert.deepEqual(apportion(2, [1, 1, 1]), [1, 1, 0]);
  const parts = fc.array(fc.nat(50), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(parts, fc.nat(100), (all, percent) => {
      const total = all.reduce((sum, part) => sum + part, 0);
      const count = Math.floor((total * percent) / 100);
      const shares = apportion(count, all);
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        count,
      );
      for (const [at, share] of shares.entries()) assert.ok(share <= all[at]!);
    }),
  );
});
