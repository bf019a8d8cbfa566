import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { COMMANDS, type Io } from './io.ts';
import { program } from './program.ts';

test('the commands that hints may name are those that there are', () => {
  const io = { out() {}, err() {}, env: {}, cwd: '/', colour: false } as unknown as Io;
  const names = program(io).commands.map((command) => command.name());
  assert.deepEqual(names.filter((name) => !name.startsWith('_')).sort(), COMMANDS);
});

/** Commands that print no data. */
const WITHOUT_JSON = new Set(['start', 'completion']);

test('every command has examples in its help, and --json where it prints something', () => {
  let help = '';
  const io = { out: () => {}, err() {}, env: {}, cwd: '/', colour: false } as unknown as Io;
  const descend = (command: Command) => {
    if (command.name().startsWith('_')) return;
    if (command.commands.length > 0) return command.commands.forEach(descend);
    help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    assert.match(help, /Examples?:/, command.name());
    const hasJson = command.options.some(({ long }) => long === '--json');
    assert.equal(hasJson, !WITHOUT_JSON.has(command.name()), command.name());
  };
  descend(program(io));
});

test('whatever a command prints, nothing of it steers the terminal', () => {
  const main = join(import.meta.dirname, '../main.ts');
  const file = 'a\x1b]0;owned\x07\x9b2J\u202e.yml';
  for (const command of ['check', 'config validate --json', 'lb status', 'logs --file', 'start']) {
    const place = command === 'logs --file' ? file : '--config='.concat(file);
    const { stdout, stderr } = spawnSync(process.execPath, [main, ...command.split(' '), place], {
      encoding: 'utf8',
      env: { ...process.env, FORCE_COLOR: '' },
    });
    assert.match(stdout + stderr, /a\\u001b\]0;owned\\u0007\\u009b2J\\u202e\.yml/, command);
    assert.doesNotMatch(stdout + stderr, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/, command);
  }
});

test('a command line is read without YAML, the schema, or anything that serves traffic', () => {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    if (!file.endsWith('.ts')) return;
    const text = readFileSync(file, 'utf8');
    for (const [, name] of text.matchAll(/^(?:import|\}|export) (?!type\b)[^;']*from '(.+)';$/gm)) {
      load(name!.startsWith('.') ? join(dirname(file), name!) : name!);
    }
  };
  load(join(import.meta.dirname, 'program.ts'));
  const ours = [...loaded].filter((file) => file.endsWith('.ts'));
  const packages = [...loaded].filter((name) => !name.endsWith('.ts') && !name.startsWith('node:'));
  assert.deepEqual(packages, ['commander']);
  assert.ok(ours.length > 15, String(ours.length));
  assert.deepEqual(
    ours.filter((file) => /\/(core|table|waf|io|worker|control|admin)\/|schema\.ts/.test(file)),
    [],
  );
});
