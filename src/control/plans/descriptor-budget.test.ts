import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { descriptorBudget } from './descriptor-budget.ts';

const WANTED = { clients: 50_000, serverConnections: 10_000, workers: 2, listeners: 1, servers: 3 };

test('where there are enough descriptors, everybody gets what the settings say', () => {
  assert.deepEqual(descriptorBudget(WANTED, 1_048_576), {
    clientsMax: 50_000,
    clientsWaitingMax: 1_024,
    serverConnectionsMax: 10_000,
  });
  assert.equal(descriptorBudget(WANTED, undefined).clientsMax, 50_000);
});

test('all bounds together fit the limit, with what the process needs for itself', () => {
  const counts = fc.record({
    clients: fc.integer({ min: 1, max: 100_000 }),
    serverConnections: fc.integer({ min: 1, max: 100_000 }),
    workers: fc.integer({ min: 1, max: 64 }),
    listeners: fc.integer({ min: 1, max: 8 }),
    servers: fc.integer({ min: 1, max: 500 }),
  });
  fc.assert(
    fc.property(counts, fc.integer({ min: 2_048, max: 200_000 }), (wanted, limit) => {
      const { clientsMax, clientsWaitingMax, serverConnectionsMax } = descriptorBudget(
        wanted,
        limit,
      );
      const { workers, listeners, servers } = wanted;
      const connections = clientsMax + clientsWaitingMax * workers + serverConnectionsMax;
      const own = 28 + workers * (8 + 2 * listeners) + Math.min(servers, 64);
      assert.ok(connections + own <= limit);
      assert.ok(clientsMax <= wanted.clients && serverConnectionsMax <= wanted.serverConnections);
    }),
  );
});

test('few descriptors are shared by clients and servers', () => {
  const few = descriptorBudget(WANTED, 256);
  assert.ok(few.clientsMax >= 50 && few.serverConnectionsMax >= 50, JSON.stringify(few));
  const hardlyAny = descriptorBudget(WANTED, 32);
  assert.ok(hardlyAny.clientsMax > 0 && hardlyAny.serverConnectionsMax > 0);
});
