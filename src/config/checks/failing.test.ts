import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../load.ts';

const warningsOf = (text: string) =>
  parseConfig(`load_balancing: {servers: ['10.0.0.1:1'], ${text}}\n`, {
    file: 'openclaw.yml',
    env: {},
  }).warnings.map(({ message }) => message);

test('a gRPC probe is warned of: requests go over HTTP/1.1', () => {
  const [warning, ...others] = warningsOf('health_check: {type: grpc}');
  assert.match(warning!, /health_check\.type: requests are sent to servers over HTTP\/1\.1/);
  assert.deepEqual(others, []);
});

test('without such a probe, or with it switched off, nothing is said of it', () => {
  assert.deepEqual(warningsOf('health_check: {type: http}'), []);
  assert.deepEqual(warningsOf('health_check: {type: grpc, enabled: false}'), []);
});
