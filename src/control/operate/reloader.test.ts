import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { ConfigurationHistory } from '../../config/configuration-history.ts';
import { parseConfig } from '../../config/load.ts';
import type { Instance } from './instance.ts';
import { ABILITY } from './last-server.ts';
import { Reloader } from './reloader.ts';

const settingsOf = (text: string) => parseConfig(text, { file: 'openclaw.yml', env: {} }).settings!;

/** A reloader whose file can be changed, and the history that it writes. */
function open(context: TestContext, text: string | null) {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const history = new ConfigurationHistory(folder);
  const settings = settingsOf(text ?? 'load_balancing: {}\n');
  let file = { file: 'openclaw.yml', text, settings };
  const told: string[] = [];
  const readWith: (string | null)[] = [];
  const reloader = new Reloader({
    instance: {
      settings,
      inFlight: () => new Map(),
      abilityOf: () => ABILITY.works,
      reload: async () => {},
    } as unknown as Instance,
    read: (running) => {
      readWith.push(running.text);
      return file;
    },
    workersOf: () => 1,
    history,
    running: file,
    now: () => new Date(0),
    onUnrecorded: (warning) => told.push(warning),
    onReload: ({ reason }) => reason && told.push(reason),
  });
  return {
    reloader,
    readWith,
    folder,
    told,
    write: (next: string) => {
      file = { file: 'openclaw.yml', text: next, settings: settingsOf(next) };
    },
    recorded: () => history.list().map((entry) => entry.text),
  };
}

test('a start is recorded once it is up, where it came from a file, and nowhere else', (context) => {
  const text = 'load_balancing: {}\n';
  const ofFile = open(context, text);
  assert.deepEqual(ofFile.recorded(), []);
  ofFile.reloader.started();
  assert.deepEqual(ofFile.recorded(), [text]);
  const ofDemo = open(context, null);
  ofDemo.reloader.started();
  assert.deepEqual(ofDemo.recorded(), []);
});

test('a reload whose history cannot be written is applied, with a warning', async (context) => {
  const { reloader, write, folder, told } = open(context, 'load_balancing: {}\n');
  // As on a full disk: no folder can be made.
  writeFileSync(join(folder, 'history'), '');
  reloader.started();
  assert.match(told.pop()!, /the history in .* could not be written.*Free some space/);
  write('load_balancing: {strategy: random}\n');
  const report = await reloader.reload();
  assert.equal(report.changes.length, 1);
  assert.match(report.warning, /could not be written/);
  assert.deepEqual(told, [report.warning]);
  assert.deepEqual((await reloader.reload()).changes, []);
});

test('a reload of one section is recorded as what runs then, not as what the file says', async (context) => {
  const { reloader, write, recorded } = open(
    context,
    'load_balancing:\n  strategy: random # for now\n  workers: 2\n',
  );
  reloader.started();
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

test('the file is read beside what runs at the time, for what was wrong with that already', async (context) => {
  const [first, second] = ['load_balancing: {workers: 1}\n', 'load_balancing: {workers: 2}\n'];
  const { reloader, write, readWith } = open(context, first);
  write(second);
  await reloader.reload();
  reloader.plan();
  assert.deepEqual(readWith, [first, second]);
});
