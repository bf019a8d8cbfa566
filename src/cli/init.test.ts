import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Command } from 'commander';
import { parseConfig } from '../config/load.ts';
import { renderProblems } from '../config/render.ts';
import { completeCommand, completionCommand, completions } from './completion.ts';
import { configCommand } from './config.ts';
import { initCommand } from './init.ts';
import type { Io } from './io.ts';
import { PRESETS, presetText } from './presets.ts';
import { runCommand } from './run.ts';

function program(io: Io): Command {
  const all = new Command('openclaw');
  all.addCommand(initCommand(io)).addCommand(configCommand(io)).addCommand(completionCommand(io));
  return all.addCommand(
    completeCommand(io, () => all),
    { hidden: true },
  );
}

async function type(cwd: string, argv: string[], answers?: string[]) {
  let [out, err] = ['', ''];
  const io: Io = {
    out: (more) => {
      out += more;
    },
    err: (more) => {
      err += more;
    },
    env: {},
    cwd,
    colour: false,
    now: () => new Date(0),
    exitCode: 0,
  };
  if (answers !== undefined) io.ask = async () => answers.shift()!;
  await runCommand(program(io), argv, io);
  return { code: io.exitCode, out, err };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-init-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

for (const [name, preset] of Object.entries(PRESETS)) {
  test(`the preset ${name} is a configuration without errors or warnings`, () => {
    const text = presetText(preset, preset.answers);
    const { problems, warnings } = parseConfig(text, { file: 'openclaw.yml', env: {} });
    assert.equal(renderProblems([...problems, ...warnings]), '');
    assert.match(text, /^# yaml-language-server: \$schema=https:\/\//);
  });
}

test('completion offers the flags of a command and of those it is part of', async () => {
  const io = { out() {}, err() {}, env: {}, cwd: '/', colour: false } as unknown as Io;
  const all = program(io);
  assert.deepEqual(await completions(all, ['config', 'import', '--f']), [
    '--file',
    '--fix-typography',
  ]);
  assert.deepEqual(await completions(all, ['config', 'import', '--c']), ['--config']);
  assert.deepEqual(await completions(all, ['config', 'import', '--file', '']), []);
});

test('init takes flags, and replaces no file unless it is told to', async (t) => {
  const cwd = folderOf(t);
  const argv = ['init', '--preset', 'web', '--server', '10.0.0.1:80', '–listen', '“[::1]:80”'];
  assert.equal((await type(cwd, argv)).code, 0);
  const text = readFileSync(join(cwd, 'openclaw.yml'), 'utf8');
  assert.match(text, /listen: "\[::1\]:80"\n {2}servers:\n {4}- "10\.0\.0\.1:80"\n/);
  const again = await type(cwd, ['init', '--yes']);
  assert.equal(again.code, 1);
  assert.match(again.err, /already exists\n {2}help: use --force/);
  assert.equal((await type(cwd, ['init', '--yes', '--force', '--json'])).code, 0);
  assert.equal((await type(cwd, ['init', '--force', '--server', 'nowhere'])).code, 1);
  assert.equal((await type(cwd, ['init', '--preset', 'blog'])).code, 2);
});

test('init asks in a terminal, and asks again after a wrong answer', async (t) => {
  const cwd = folderOf(t);
  const { code, err } = await type(cwd, ['init'], ['9', '3', '8080', ':8080', 'a:1 b:2']);
  assert.equal(code, 0, err);
  assert.match(err, /a number from 1 to 3/);
  assert.match(err, /8080: a port alone is ambiguous/);
  const text = readFileSync(join(cwd, 'openclaw.yml'), 'utf8');
  assert.match(text, /gateway\.trustedProxies/);
  assert.match(text, /- "a:1"\n {4}- "b:2"/);
});

test('words are completed from the commands and from the schema', async () => {
  const io = {} as Io;
  const complete = (...words: string[]) => completions(program(io), words);
  assert.deepEqual(await complete('con'), ['config']);
  assert.ok((await complete('')).includes('init'));
  assert.ok(!(await complete('')).includes('__complete'));
  assert.ok((await complete('config', '')).includes('rollback'));
  assert.deepEqual(await complete('config', 'set', 'load_balancing.timeout.re'), [
    'load_balancing.timeout.read',
    'load_balancing.timeout.request',
  ]);
  assert.deepEqual(await complete('config', 'set', 'load_balancing.strategy', 'ra'), ['random']);
  assert.deepEqual(await complete('config', 'set', 'load_balancing.enabled', ''), [
    'true',
    'false',
  ]);
  assert.deepEqual(await complete('config', 'validate', '--section', 'adm'), ['admin']);
  assert.deepEqual(await complete('config', 'import', '--fix'), ['--fix-typography']);
  assert.deepEqual(await complete('init', '--preset', 'w'), ['web', 'websocket']);
  assert.deepEqual(await complete('completion', 'z'), ['zsh']);
  const asked = await type('/', ['__complete', '--', 'config', 'validate', '--sec']);
  assert.equal(asked.out, '--section\n');
});
