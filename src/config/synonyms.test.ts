import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainName } from './nearest.ts';
import { SYNONYMS, synonymOf } from './synonyms.ts';
import { formatPath, keysOf, schemaAt } from './walk.ts';

test('a synonym stands for a setting that there is, and is no setting there itself', () => {
  for (const [names, setting] of SYNONYMS) {
    const path = setting.split('.').map((key) => (key === '*' ? 0 : key));
    assert.ok(schemaAt(path) !== undefined, setting);
    const known = keysOf(schemaAt(path.slice(0, -1))!).map(plainName);
    for (const name of names.split(' ')) {
      assert.equal(name, plainName(name));
      assert.ok(!known.includes(name), `${name} is known beside ${setting}`);
    }
  }
});

test('of several settings the one in the section is meant', () => {
  const meant = (section: (string | number)[], name: string) =>
    formatPath(synonymOf(section, name) ?? []);
  assert.equal(meant(['load_balancing'], 'sticky-session'), 'load_balancing.session_persistence');
  assert.equal(
    meant(['load_balancing', 'servers', 3], 'host'),
    'load_balancing.servers[3].address',
  );
  assert.equal(meant(['load_balancing', 'servers', 3], 'ssl'), 'load_balancing.servers[3].tls');
  assert.equal(meant([], 'ssl'), 'load_balancing.security.tls');
  assert.equal(meant([], 'upstreams'), 'load_balancing.servers');
  assert.equal(meant([], 'host'), '');
});
