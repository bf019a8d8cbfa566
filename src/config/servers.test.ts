import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './load.ts';
import { poolServers } from './servers.ts';

function pool(yaml: string) {
  const { settings } = parseConfig(`load_balancing:\n${yaml}`, { file: 'openclaw.yml', env: {} });
  return poolServers(settings!).map(({ address, weight }) => `${address} ${weight}`);
}

const LISTS = `
  servers: [{address: "a:1", weight: 7}, "b:1", "b:1"]
  weights: [{server: "b:1", weight: 3}, {server: "c:1", weight: 2}, {server: "b:1", weight: 9}]
`;

test('a server that only weights names joins the pool, and each stands once', () => {
  assert.deepEqual(pool(`  strategy: round_robin${LISTS}`), ['a:1 7', 'b:1 1', 'c:1 1']);
});

test('weights count under weighted_round_robin, the first of two for one server', () => {
  assert.deepEqual(pool(`  strategy: weighted_round_robin${LISTS}`), ['a:1 7', 'b:1 3', 'c:1 2']);
});
