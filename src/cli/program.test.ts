import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS, type Io } from './io.ts';
import { program } from './program.ts';

test('the commands that hints may name are those that there are', () => {
  const io = { out() {}, err() {}, env: {}, cwd: '/', colour: false } as unknown as Io;
  const names = program(io).commands.map((command) => command.name());
  assert.deepEqual(names.filter((name) => !name.startsWith('_')).sort(), COMMANDS);
});
