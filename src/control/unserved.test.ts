import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../config/load.ts';
import { unservedSettings } from './unserved.ts';

const settingsOf = (text: string) => parseConfig(text, { file: 'test', env: {} }).settings!;

test('what would leave somebody unprotected is named', () => {
  const text =
    'load_balancing:\n  servers: [127.0.0.1:3000]\n  proxy_protocol: true\n  trusted_proxies: [10.0.0.1]\n';
  assert.deepEqual(unservedSettings(settingsOf(text)), ['load_balancing.proxy_protocol']);
});

test('the example of every setting is served whole', () => {
  const fixture = join(import.meta.dirname, '../../test/fixtures/openclaw.yml');
  assert.deepEqual(unservedSettings(settingsOf(readFileSync(fixture, 'utf8'))), []);
});

test('an ordinary configuration is served whole', () => {
  const text = 'load_balancing:\n  servers: [127.0.0.1:3000]\n';
  assert.deepEqual(unservedSettings(settingsOf(text)), []);
});
