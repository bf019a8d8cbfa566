import assert from 'node:assert/strict';
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
