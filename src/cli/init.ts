import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { parseAddress } from '../base/address.ts';
import { updateFile } from '../config/store.ts';
import { asCalled, CommandError, EXIT, EXIT_CODES_HELP, type Io } from './io.ts';
import { PRESETS, type PresetAnswers, presetText } from './presets.ts';

interface Options {
  preset?: string;
  listen?: string;
  server?: string[];
  config?: string;
  force?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** `openclaw init`: a file to begin with, from flags or from a few questions in a terminal. */
export function initCommand(io: Io): Command {
  const presets = Object.entries(PRESETS).map(([name, { summary }]) => `  ${name}: ${summary}`);
  return new Command('init')
    .description('Write a first configuration; asks in a terminal, or takes flags')
    .addOption(new Option('-p, --preset <name>', 'what it is for').choices(Object.keys(PRESETS)))
    .option('-l, --listen <address>', 'the address clients connect to')
    .option('-s, --server <address...>', 'a server behind it; can be repeated')
    .option('-c, --config <file>', 'the file to write (default: ./openclaw.yml)')
    .option('-f, --force', 'replace an existing file')
    .option('-y, --yes', 'use the defaults without asking')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Presets:
${presets.join('\n')}

Examples:
  $ openclaw init
  $ openclaw init --preset web --server 10.0.0.1:3000 --server 10.0.0.2:3000
  $ openclaw init --preset agent-gateway --yes
${EXIT_CODES_HELP}`,
    )
    .action((options: Options) => init(io, options));
}

async function init(io: Io, options: Options): Promise<void> {
  const file = resolve(io.cwd, options.config ?? join(io.cwd, 'openclaw.yml'));
  const ask = options.yes ? undefined : io.ask;
  const name = options.preset ?? (await choose(io, ask)) ?? 'web';
  const preset = PRESETS[name]!;
  const answers: PresetAnswers = {
    listen: options.listen ?? (await askListen(io, ask, preset.answers.listen)),
    servers: options.server ?? (await askServers(io, ask, preset.answers.servers)),
  };
  const text = presetText(preset, answers);
  const { check, refuseProblems, shown, warn } = await import('./config-file.ts');
  const loaded = check(io, text, file);
  refuseProblems(io, loaded, 'this would not be a valid configuration');
  await updateFile(file, (before) => {
    if (before === undefined || options.force) return text;
    throw new CommandError(
      `${shown(io, file)} already exists`,
      EXIT.refused,
      'use --force to replace it, or "openclaw config set" to change it',
    );
  });
  if (options.json) {
    io.out(`${JSON.stringify({ file, preset: name, ...answers }, undefined, 2)}\n`);
    return;
  }
  warn(io, loaded);
  io.out(`${shown(io, file)} is written for ${answers.servers.length} servers\n`);
  io.out(asCalled(io, 'next: openclaw config validate, then openclaw start\n'));
}

type Ask = Io['ask'];
/** A wrong answer is asked again so often. */
const TRIES_MAX = 5;

async function choose(io: Io, ask: Ask): Promise<string | undefined> {
  if (ask === undefined) return undefined;
  const names = Object.keys(PRESETS);
  for (const [index, name] of names.entries()) {
    io.out(`  ${index + 1}  ${name}: ${PRESETS[name]!.summary}\n`);
  }
  return answered(io, ask, 'What is it for? [1] ', (answer) => {
    const name = answer === '' ? names[0] : (names[Number(answer) - 1] ?? answer);
    return name !== undefined && Object.hasOwn(PRESETS, name)
      ? { value: name }
      : { reason: `a number from 1 to ${names.length}, or a name` };
  });
}

async function askListen(io: Io, ask: Ask, fallback: string): Promise<string> {
  if (ask === undefined) return fallback;
  return answered(io, ask, `Where do clients connect? [${fallback}] `, (answer) =>
    address(answer === '' ? fallback : answer),
  );
}

async function askServers(
  io: Io,
  ask: Ask,
  fallback: readonly string[],
): Promise<readonly string[]> {
  if (ask === undefined) return fallback;
  const question = `Which servers, separated by spaces? [${fallback.join(' ')}] `;
  return answered(io, ask, question, (answer) => {
    const servers = answer === '' ? [...fallback] : answer.split(/[\s,]+/);
    for (const server of servers) {
      const read = address(server);
      if ('reason' in read) return read;
    }
    return { value: servers };
  });
}

type Answer<T> = { value: T } | { reason: string };

function address(text: string): Answer<string> {
  const parsed = parseAddress(text);
  return parsed.ok ? { value: text } : { reason: `${text}: ${parsed.reason}` };
}

async function answered<T>(
  io: Io,
  ask: NonNullable<Ask>,
  question: string,
  read: (answer: string) => Answer<T>,
): Promise<T> {
  for (let turn = 0; turn < TRIES_MAX; turn++) {
    const answer = read((await ask(question)).trim());
    if ('value' in answer) return answer.value;
    io.err(`  ${answer.reason}\n`);
  }
  throw new CommandError('no valid answer', EXIT.usage, 'give flags: openclaw init --help');
}
