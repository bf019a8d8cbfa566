import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseConfig } from '../../config/load.ts';
import { SourceTable } from '../../table/source-table.ts';
import { PersistenceState } from './persistence-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'openclaw-persistence-'));
after(() => rmSync(folder, { recursive: true }));

function settingsWith(persistence: object | undefined) {
  const load_balancing = { servers: ['127.0.0.1:1'], session_persistence: persistence };
  const text = JSON.stringify({ load_balancing });
  const { settings, problems } = parseConfig(text, { file: 'test', env: {} });
  assert.deepEqual(problems, []);
  return settings!;
}

const state = () => new PersistenceState(join(folder, 'state'));

test('without its section, and with enabled: false, there is none', () => {
  assert.equal(state().planOf(settingsWith(undefined)), null);
  assert.equal(state().planOf(settingsWith({ enabled: false, type: 'cookie' })), null);
});

test('a secret signs, those before it are accepted, and no file is made', () => {
  const secret = 'the secret of this test';
  const previous_secrets = ['an earlier one of this test'];
  const plan = state().planOf(
    settingsWith({
      type: 'cookie',
      cookie: { name: 'sid', expires: '1h', secret, previous_secrets },
    }),
  );
  assert.deepEqual(plan, {
    type: 'cookie',
    attributes: {
      name: 'sid',
      path: '/',
      domain: '',
      expiresMs: 3_600_000,
      secure: false,
      httpOnly: true,
      sameSite: 'lax',
    },
    secrets: [secret, ...previous_secrets],
  });
  assert.equal(existsSync(join(folder, 'state')), false);
});

test('without a secret the key outlives the instance', () => {
  const settings = settingsWith({ type: 'cookie' });
  const plan = state().planOf(settings);
  assert.ok(plan?.type === 'cookie' && plan.secrets.length === 1);
  assert.deepEqual(state().planOf(settings), plan);
});

test('a reload keeps the table of addresses while its size stays', () => {
  const ours = state();
  const memoryOf = (source_ip: object) => {
    const plan = ours.planOf(settingsWith({ type: 'source_ip', source_ip }));
    assert.ok(plan?.type === 'source_ip');
    return plan.memory;
  };
  const first = memoryOf({ max_entries: 1000 });
  SourceTable.open(first, 60_000).bind(1, 2, -1, 0);
  assert.equal(memoryOf({ max_entries: 1000, expires: '5m' }), first);
  ours.planOf(settingsWith({ type: 'ip_hash' }));
  assert.equal(memoryOf({ max_entries: 1000 }), first);
  const second = memoryOf({ max_entries: 2000 });
  assert.notEqual(second, first);
  assert.equal(SourceTable.entriesOf(second), 2000);
});
