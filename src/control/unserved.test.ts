import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../config/load.ts';
import { unservedSettings } from './unserved.ts';

const settingsOf = (text: string) => parseConfig(text, { file: 'test', env: {} }).settings!;

test('what would leave somebody unprotected is named', () => {
  const fixture = join(import.meta.dirname, '../../test/fixtures/openclaw.yml');
  assert.deepEqual(unservedSettings(settingsOf(readFileSync(fixture, 'utf8'))), [
    'load_balancing.security.access_control',
    'load_balancing.security.waf',
    'load_balancing.performance.rate_limiting',
  ]);
});

test('an ordinary configuration is served whole', () => {
  const text = 'load_balancing:\n  servers: [127.0.0.1:3000]\n';
  assert.deepEqual(unservedSettings(settingsOf(text)), []);
});
