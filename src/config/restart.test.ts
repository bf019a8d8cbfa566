import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsRestart } from './restart.ts';

test('a setting needs a restart where its entry in the schema, or that of its section, says so', () => {
  const buffers = 'load_balancing.performance.buffers.size';
  for (const path of ['admin', 'admin.token', 'load_balancing.io', buffers]) {
    assert.ok(needsRestart(path), path);
  }
  for (const path of ['log.level', 'load_balancing.servers[10.0.0.1:80].weight', 'administer']) {
    assert.ok(!needsRestart(path), path);
  }
});
