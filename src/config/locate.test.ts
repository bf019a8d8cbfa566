import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locateConfig, runtimeDirectory, stateDirectory } from './locate.ts';

const PLACES = [
  '/opt/asked.yml',
  '/opt/env.yml',
  '/srv/openclaw.yml',
  '/xdg/openclaw/openclaw.yml',
  '/etc/openclaw/openclaw.yml',
];

test('the configuration is found in the order of the specification', () => {
  const env = { OPENCLAW_CONFIG: '/opt/env.yml', XDG_CONFIG_HOME: '/xdg' };
  const at = (config: string | undefined, surroundings: Record<string, string>, from: number) =>
    locateConfig({
      config,
      env: surroundings,
      cwd: '/srv',
      exists: (path) => PLACES.indexOf(path) >= from,
    });
  assert.deepEqual(at('../opt/asked.yml', env, 0), { found: true, file: PLACES[0] });
  assert.deepEqual(at(undefined, env, 0), { found: true, file: PLACES[1] });
  const rest = { XDG_CONFIG_HOME: '/xdg' };
  for (const from of [2, 3, 4]) {
    assert.deepEqual(at(undefined, rest, from), { found: true, file: PLACES[from] });
  }
  assert.deepEqual(at(undefined, rest, 9), { found: false, tried: PLACES.slice(2), asked: false });
  assert.deepEqual(at(undefined, env, 2), { found: false, file: '/opt/env.yml', asked: true });
});

test('state and runtime files go where systemd or XDG say', () => {
  assert.equal(stateDirectory({ STATE_DIRECTORY: '/var/lib/openclaw' }), '/var/lib/openclaw');
  assert.equal(stateDirectory({ HOME: '/home/a' }), '/home/a/.local/state/openclaw');
  assert.equal(runtimeDirectory({ XDG_RUNTIME_DIR: '/run/user/1' }), '/run/user/1/openclaw');
  assert.equal(runtimeDirectory({ HOME: '/home/a' }), '/home/a/.local/state/openclaw/run');
});
