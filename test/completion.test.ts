/** The completion scripts in the real shells; where one is not installed, its test is skipped. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';

const MAIN = resolve(import.meta.dirname, '../src/main.ts');
const DEADLINE_MS = 60_000;

// The command as an installation has it, under both of its names.
const folder = mkdtempSync(join(tmpdir(), 'openclaw-completion-'));
after(() => rmSync(folder, { recursive: true }));
for (const name of ['openclaw', 'openclaw-lb']) {
  const text = `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`;
  writeFileSync(join(folder, name), text, { mode: 0o755 });
}
const env = {
  PATH: `${folder}:${process.env.PATH}`,
  HOME: folder,
  TERM: 'dumb',
  NODE_COMPILE_CACHE: join(folder, 'compiled'),
};

function isMissing(shell: string): string | false {
  const { error } = spawnSync(shell, ['--version']);
  return error === undefined ? false : `${shell} is not installed`;
}

function run(shell: string, args: string[]): string {
  return execFileSync(shell, args, { env, cwd: folder, encoding: 'utf8', timeout: DEADLINE_MS });
}

/** What is typed, and what must be among the offers; null: nothing may be. */
const CASES: readonly (readonly [string, string | null])[] = [
  ['openclaw conf', 'config'],
  ['openclaw-lb conf', 'config'],
  ['openclaw config val', 'validate'],
  ['openclaw config set load_balancing.strat', 'load_balancing.strategy'],
  ['openclaw config set load_balancing.strategy least_c', 'least_connections'],
  ['openclaw config reload --confir', '--confirm'],
  ['openclaw config export --section load_balancing.perf', 'load_balancing.performance'],
  ['openclaw init --preset agent', 'agent-gateway'],
  ['openclaw lb backend dr', 'drain'],
  ['openclaw nothing-like-it', null],
];

/** @param offered for each case its offers, a line each, and an empty line between two cases */
function assertOffered(offered: string): void {
  const offers = offered.split('\n\n').map((text) => text.trim().split('\n'));
  for (const [index, [typed, expected]] of CASES.entries()) {
    if (expected === null) assert.deepEqual(offers[index], [''], typed);
    else assert.ok(offers[index]!.includes(expected), `${typed}: ${offers[index]!.join(' ')}`);
  }
}

test('bash completes commands, settings, values and flags', { skip: isMissing('bash') }, () => {
  const asked = CASES.map(
    ([typed]) => `COMP_WORDS=(${typed}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _openclaw
      printf '%s\\n' "\${COMPREPLY[@]}"; echo`,
  );
  const script = `source <(openclaw completion bash)\n${asked.join('\n')}`;
  assertOffered(run('bash', ['--norc', '-c', script]));
});

test('fish completes commands, settings, values and flags', { skip: isMissing('fish') }, () => {
  const asked = CASES.map(([typed]) => `complete -C '${typed}'; echo`);
  const script = `openclaw completion fish | source\n${asked.join('\n')}`;
  assertOffered(run('fish', ['--no-config', '-c', script]).replaceAll(/\t.*/g, ''));
});

test('zsh completes commands, settings, values and flags', { skip: isMissing('zsh') }, () => {
  // Tab is pressed in a terminal of zsh's own; the command then says what it was called with.
  const startup = join(folder, 'startup.zsh');
  writeFileSync(
    startup,
    `PS1= PS2= RPS1=
autoload -Uz compinit && compinit -u -D
for name in openclaw openclaw-lb; do
  eval "$name() {
    case \\$1 in
      __complete|completion) command $name \\"\\$@\\" ;;
      *) print -r -- \\"RAN:$name \\$*:END\\" ;;
    esac
  }"
done
source <(openclaw completion zsh)
print READY
`,
  );
  const wanted = CASES.filter(([, expected]) => expected !== null);
  const script = `
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell 'source ${startup}'
zpty -r shell seen '*READY[[:space:]]*'
${wanted.map(([typed]) => `zpty -w shell '${typed}'$'\\t'; zpty -r shell seen '*RAN:*:END*'; print -r -- "$seen"`).join('\n')}
zpty -d shell`;
  const seen = run('zsh', ['-f', '-c', script]);
  const ran = [...seen.matchAll(/RAN:(.*?) ?:END/g)].map(([, line]) => line);
  const completed = wanted.map(([typed, word]) => typed.replace(/\S+$/, word!));
  assert.deepEqual(ran, completed);
});
