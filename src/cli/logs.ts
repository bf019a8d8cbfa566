import { statSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { printable } from '../base/printable.ts';
import { parseDuration } from '../base/units.ts';
import {
  followLog,
  LEVELS,
  type Level,
  type LogFilter,
  logFiles,
  parseLine,
  readLog,
} from '../observe/log-reader.ts';
import { CommandError, EXIT, type Io } from './io.ts';
import { type Colour, paint } from './text-table.ts';

interface LogOptions {
  config?: string;
  file?: string;
  grep?: RegExp;
  level?: Level;
  since?: number | Date;
  lines?: number;
  follow?: boolean;
  json?: boolean;
}

const LINES_DEFAULT = 200;
const LINES_MAX = 100_000;

/** `openclaw logs`: what happened, readable. */
export function logsCommand(io: Io, signal?: AbortSignal): Command {
  return new Command('logs')
    .description('Show the log, filtered and readable')
    .option('-c, --config <file>', 'the configuration that sets the log file')
    .option('--file <file>', 'another log')
    .option('--grep <pattern>', 'only lines that match a regular expression', pattern)
    .addOption(new Option('--level <level>', 'this level and more severe ones').choices(LEVELS))
    .option('--since <when>', 'a duration like 10m, or a time like 2026-01-31T12:00:00Z', since)
    .option(
      '-n, --lines <n>',
      `the last n lines (default: ${LINES_DEFAULT}, or all with --since)`,
      lines,
    )
    .option('--follow', 'keep printing new lines, until Ctrl-C')
    .option('--json', 'lines exactly as in the file')
    .addHelpText('after', EXAMPLES)
    .action((options: LogOptions) => logs(io, options, signal));
}

const EXAMPLES = `
Examples:
  openclaw logs --level warn --since 10m   recent problems
  openclaw logs --grep load_balancing      everything about the load balancer
  openclaw logs --grep REQUEST-ID          one request
  openclaw logs --follow                   as it happens`;

async function logs(io: Io, options: LogOptions, signal?: AbortSignal): Promise<void> {
  const file = options.file ?? (await configuredFile(io, options));
  if (logFiles(file).length === 0) {
    throw new CommandError(
      `no log at ${file}`,
      EXIT.file,
      'a running instance writes one (openclaw start); or give its path with --file FILE',
    );
  }
  const filter: LogFilter = {
    ...(options.grep === undefined ? {} : { pattern: options.grep }),
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.since === undefined ? {} : { sinceMs: sinceMs(io, options.since) }),
  };
  const say = (line: string) =>
    io.out(options.json ? `${line}\n` : readable(line, io.outColour === true));
  // Taken before reading, so that what is written meanwhile is not lost; it may be shown twice.
  const endBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const linesMax = options.lines ?? (options.since === undefined ? LINES_DEFAULT : LINES_MAX);
  const last: string[] = [];
  let at = 0;
  for await (const line of readLog(file, filter)) {
    last[at % linesMax] = line;
    at += 1;
  }
  const first = Math.max(0, at - linesMax);
  for (let index = first; index < at; index++) say(last[index % linesMax]!);
  if (options.follow !== true) return;
  const ended = signal ?? AbortSignal.any([]);
  for await (const line of followLog(file, filter, ended, endBytes)) say(line);
}

async function configuredFile(io: Io, { config }: LogOptions): Promise<string> {
  const { configuredLog } = await import('./configured-log.ts');
  return configuredLog(io, config);
}

const COLOURS: ReadonlyMap<string, Colour> = new Map([
  ['warn', 'yellow'],
  ['error', 'red'],
  ['debug', 'dim'],
]);
/** Fields that a readable line shows in places of their own. */
const PLACED = new Set(['level', 'time', 'event', 'name', 'request', 'status', 'failure']);

/** Fields that say nothing where they are as in most lines. */
const USUAL: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['kind', 'request'],
  ['requestBodyBytes', 0],
  ['responseBodyBytes', 0],
]);

/** One line for people: time, level, event, what happened, then the other fields. */
export function readable(line: string, isColoured: boolean): string {
  const record = parseLine(line);
  if (record === null) return `${printable(line)}\n`;
  const { level = 'info', time = '', event = '' } = record;
  const at = printable(String(time)).replace('T', ' ').replace(/Z$/, '');
  const parts = [
    paint(at, 'dim', isColoured),
    paint(level.padEnd(5), COLOURS.get(level), isColoured),
  ];
  parts.push(paint(printable(String(event)), 'bold', isColoured));
  for (const key of ['request', 'status', 'failure']) {
    const value = record[key];
    if (value !== undefined && value !== '') parts.push(printable(String(value)));
  }
  const rest = Object.entries(record)
    .filter(([key, value]) => !PLACED.has(key) && value !== USUAL.get(key) && !isEmpty(value))
    .map(([key, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return paint(printable(`${key}=${text}`), 'dim', isColoured);
    });
  return `${[...parts, ...rest].join(' ')}\n`;
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === -1 || (Array.isArray(value) && value.length === 0);
}

function sinceMs(io: Io, when: number | Date): number {
  return typeof when === 'number' ? io.now().getTime() - when : when.getTime();
}

function since(text: string): number | Date {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  const at = new Date(text);
  if (!/^\d{4}-/.test(text) || Number.isNaN(at.getTime())) {
    throw new InvalidArgumentError('a duration like 10m or a time like 2026-01-31T12:00:00Z.');
  }
  return at;
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function lines(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > LINES_MAX) {
    throw new InvalidArgumentError(`a whole number from 1 to ${LINES_MAX} is needed.`);
  }
  return count;
}
