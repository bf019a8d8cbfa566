import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { History } from '../config/history.ts';
import { parseConfig } from '../config/load.ts';
import type { Instance } from './instance.ts';
import { ABILITY } from './last-server.ts';
import { Reloader } from './reloader.ts';

const settingsOf = (text: string) => parseConfig(text, { file: 'openclaw.yml', env: {} }).settings!;

/** A reloader whose file can be changed, and the history that it writes. */
function open(context: TestContext, text: string | null) {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const history = new History(folder);
  const settings = settingsOf(text ?? 'load_balancing: {}\n');
  let file = { file: 'openclaw.yml', text, settings };
  const reloader = new Reloader({
    instance: {
      settings,
      inFlight: () => new Map(),
      abilityOf: () => ABILITY.works,
      reload: async () => {},
    } as unknown as Instance,
    read: () => file,
    workersOf: () => 1,
    history,
    running: file,
    now: () => new Date(0),
    onReload: () => {},
  });
  return {
    reloader,
    write: (next: string) => {
      file = { file: 'openclaw.yml', text: next, settings: settingsOf(next) };
    },
    recorded: () => history.list().map((entry) => entry.text),
  };
}

test('a start is recorded where it came from a file, and nowhere else', (context) => {
  const text = 'load_balancing: {}\n';
  assert.deepEqual(open(context, text).recorded(), [text]);
  assert.deepEqual(open(context, null).recorded(), []);
});

test('a reload of one section is recorded as what runs then, not as what the file says', async (context) => {
  const { reloader, write, recorded } = open(
    context,
    'load_balancing:\n  strategy: random # for now\n  workers: 2\n',
  );
  write('load_balancing:\n  strategy: ip_hash\n  servers: ["10.0.0.1:80"]\nlog: {level: warn}\n');
  await reloader.reload(['load_balancing', 'strategy']);
  await reloader.reload(['load_balancing', 'servers']);
  await reloader.reload(['load_balancing', 'workers']);
  assert.deepEqual(
    recorded().map((text) => parse(text)),
    [
      { load_balancing: { strategy: 'random', workers: 2 } },
      { load_balancing: { strategy: 'ip_hash', workers: 2 } },
      { load_balancing: { strategy: 'ip_hash', workers: 2, servers: ['10.0.0.1:80'] } },
      { load_balancing: { strategy: 'ip_hash', servers: ['10.0.0.1:80'] } },
    ],
  );
});
