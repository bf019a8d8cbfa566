import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAIT_MS_MAX } from '../base/units.ts';
import { parseConfig } from './load.ts';

function problemsOf(more: object): string[] {
  const load_balancing = { listen: '127.0.0.1:8080', servers: ['127.0.0.1:9000'], ...more };
  const { problems } = parseConfig(JSON.stringify({ load_balancing }), { file: 'test', env: {} });
  return problems.map(({ message }) => message);
}

test('what is waited for is no longer than a timer can wait', () => {
  assert.ok(WAIT_MS_MAX < 2 ** 31);
  for (const more of [
    { timeout: { drain: '30d' } },
    { timeout: { read: '25d' } },
    { health_check: { timeout: '30d' } },
    { health_check: { interval: '365d' } },
    { failover: { circuit_breaker: { recovery_timeout: '30d' } } },
    { performance: { connection_pool: { queue_timeout: '30d' } } },
  ]) {
    const problems = problemsOf(more);
    assert.equal(problems.length, 1, JSON.stringify([more, problems]));
    assert.match(problems[0]!, /at most 24d/);
  }
  assert.deepEqual(problemsOf({ timeout: { drain: '24d' } }), []);
});

test('what the calendar ends may last a year', () => {
  assert.deepEqual(problemsOf({ session_persistence: { cookie: { expires: '365d' } } }), []);
});
