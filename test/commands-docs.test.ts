/** Every command that the pages and the alerts tell people to type is one that there is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { processIo } from '../src/cli/io.ts';
import { program } from '../src/cli/program.ts';

const ROOT = join(import.meta.dirname, '..');
const FILES = [
  'docs/operations.md',
  'docs/logs.md',
  'docs/failover.md',
  'docs/waf.md',
  'examples/prometheus-rules.yml',
  'src/observe/message.ts',
];

/** Command lines of a text: in code, in quotes, or on indented lines of their own. */
function commandsIn(text: string): string[] {
  const quoted = text.match(/[`"'](?:openclaw|openclaw-lb) [a-z][^`"\n]*/g) ?? [];
  const indented = text.match(/^ {4}openclaw [a-z].*$/gm) ?? [];
  return [...quoted.map((one) => one.slice(1)), ...indented.map((one) => one.trim())];
}

/** The first word or option that the command line does not know; null: all are known. */
function unknownIn(line: string): string | null {
  const [, ...words] = line
    .split(/ {2,}|#|;|&&/)[0]!
    .trim()
    .split(' ');
  let command: Command = program(processIo());
  for (const given of words) {
    const word = given.replace(/['"\]),:]+$/, '');
    if (word.startsWith('-')) {
      const known = [command, ...parentsOf(command)].flatMap(({ options }) => options);
      if (!known.some(({ long, short }) => long === word || short === word)) return word;
    } else {
      const next = command.commands.find((one) => one.name() === word);
      if (next !== undefined) command = next;
      else if (command.commands.length > 0 && command.registeredArguments.length === 0) return word;
    }
    // What follows is prose.
    if (word !== given) break;
  }
  return command.commands.length > 0 ? `${command.name()} alone` : null;
}

function parentsOf({ parent }: Command): Command[] {
  return parent === null ? [] : [parent, ...parentsOf(parent)];
}

for (const file of FILES) {
  test(`${file} tells people to type commands that there are`, () => {
    const commands = commandsIn(readFileSync(join(ROOT, file), 'utf8'));
    assert.ok(commands.length > 0, 'none is found in it');
    for (const command of commands) assert.equal(unknownIn(command), null, command);
  });
}

test('a command that there is not is found', () => {
  assert.equal(unknownIn('openclaw lb stat'), 'stat');
  assert.equal(unknownIn('openclaw logs --grpe x'), '--grpe');
  assert.equal(unknownIn('openclaw lb'), 'lb alone');
  assert.equal(unknownIn('openclaw logs --grep x --since 10m'), null);
});
