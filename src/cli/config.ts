/**
 * `openclaw config ...`: what can be done with the file alone. Commands that talk to a running
 * instance (reload, plan, confirm) are mounted beside these by whoever has its client.
 */
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { isScalar, type Node, parseDocument, stringify } from 'yaml';
import { ConfigurationHistory } from '../config/configuration-history.ts';
import { diffSettings, formatChanges } from '../config/diff.ts';
import { getNode, readArgument, setValue, unsetValue } from '../config/edit.ts';
import { hasLostIndentation, restoreIndentation } from '../config/indentation.ts';
import { jsonSchema } from '../config/json-schema.ts';
import { instanceDirectory } from '../config/locate.ts';
import { nearest } from '../config/nearest.ts';
import { present } from '../config/present.ts';
import type { Problem } from '../config/problem.ts';
import { inOrder, renderProblems } from '../config/render.ts';
import type { Settings } from '../config/schema.ts';
import { Source } from '../config/source.ts';
import { realPath, writeAtomically } from '../config/store.ts';
import { exportSection, importText } from '../config/transfer.ts';
import { findTypography, fixTypography } from '../config/typography.ts';
import { getAt } from '../config/value-path.ts';
import {
  formatPath,
  keysOf,
  type Path,
  parsePath,
  schemaAt,
  sectionsWith,
} from '../config/walk.ts';
import {
  check,
  type Edited,
  editFile,
  fileToWrite,
  readConfig,
  refuseProblems,
  requireFile,
  shown,
  warn,
} from './config-file.ts';
import { asCalled, CommandError, EXIT, EXIT_CODES_HELP, type Io } from './io.ts';

interface Options {
  config?: string;
  json?: boolean;
  section?: string;
  file?: string;
  secrets?: boolean;
  effective?: boolean;
  dryRun?: boolean;
  replace?: boolean;
  fixTypography?: boolean;
}

export function configCommand(io: Io): Command {
  const config = new Command('config')
    .description('Look at, change and check the configuration file')
    .option('-c, --config <file>', 'the configuration file (else found as the manual says)')
    .addHelpText('after', EXIT_CODES_HELP);
  const add = (
    usage: string,
    description: string,
    examples: string[],
    action: (args: string[], options: Options) => void | Promise<void>,
  ) => {
    const command = config.command(usage).description(description);
    command.option('--json', 'print JSON');
    command.addHelpText(
      'after',
      `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`,
    );
    command.action((...given: unknown[]) => {
      const self = given.at(-1) as Command;
      return action(self.args, self.optsWithGlobals<Options>());
    });
    return command;
  };

  add(
    'get [path]',
    'Print a value of the file, or with --effective what counts, and where it comes from',
    [
      'openclaw config get load_balancing',
      'openclaw config get load_balancing.timeout.read --effective',
      'openclaw config get load_balancing.servers[0] --json',
    ],
    ([path], options) => get(io, path, options),
  )
    .option('--effective', 'defaults and environment filled in, with the origin of each value')
    .option('--secrets', 'show secrets');

  add(
    'set <path> <value> [more...]',
    'Change values in the file; comments and order are kept, and the whole is validated first',
    [
      'openclaw config set load_balancing.health_check.interval 5s',
      'openclaw config set load_balancing.servers[0] 10.0.0.5:8080',
      'openclaw config set load_balancing.security.tls.cert_path a.pem load_balancing.security.tls.key_path b.pem',
    ],
    (pairs, options) => set(io, pairs, options),
  );

  add(
    'unset <path>',
    'Take a value out of the file, so that its default counts',
    ['openclaw config unset load_balancing.workers'],
    ([path], options) => unset(io, path!, options),
  );

  add(
    'export',
    'Write a section as a file that import takes back; secrets are masked',
    ['openclaw config export --section load_balancing --file lb-config.yml'],
    (_, options) => exportTo(io, options),
  )
    .option('--section <path>', 'the section (else everything)')
    .option('--file <file>', 'where to (else printed)')
    .option('--secrets', 'with secrets; the file is readable by its owner alone');

  add(
    'import',
    'Merge a file into the configuration, validated first; prints what changes',
    [
      'openclaw config import --file lb-config.yml --dry-run',
      'openclaw config import --fix-typography --file from-a-web-page.yml',
    ],
    (_, options) => importFrom(io, options),
  )
    .requiredOption('--file <file>', 'the file to import')
    .option('--dry-run', 'change nothing, print what would change')
    .option('--replace', 'replace the sections that the file names instead of merging into them')
    .option('--fix-typography', 'mend curly quotes, long dashes and lost indentation first');

  add(
    'validate',
    'Report every problem of the configuration; exit code 0 or 1',
    [
      'openclaw config validate',
      'openclaw config validate --section load_balancing --file new.yml',
    ],
    (_, options) => validate(io, options),
  )
    .option('--section <path>', 'only problems of this section')
    .option('--file <file>', 'this file');

  add(
    'diff',
    'Compare the file with what was applied last, or with another file',
    ['openclaw config diff', 'openclaw config diff --file other.yml'],
    (_, options) => diff(io, options),
  ).option('--file <file>', 'compare with this file');

  add(
    'history',
    'List what was applied when',
    ['openclaw config history', 'openclaw config history --json'],
    (_, options) => history(io, options),
  );

  add(
    'rollback [number]',
    'Put a configuration of the history back into the file (else the one before the last)',
    ['openclaw config rollback', 'openclaw config rollback 12 --dry-run'],
    ([number], options) => rollback(io, number, options),
  ).option('--dry-run', 'change nothing, print what would change');

  add(
    'schema',
    'Print the JSON Schema of the configuration, for editors',
    ['openclaw config schema > openclaw.schema.json'],
    () => io.out(json(jsonSchema())),
  );
  return config;
}

function get(io: Io, argument: string | undefined, options: Options): void {
  const path = knownPath(argument);
  const file = requireFile(io, options.config);
  const text = readConfig(file);
  if (options.effective) {
    getEffective(io, file, text, path, options);
    return;
  }
  const exported = exportSection(text, path, { secrets: options.secrets === true });
  const node = exported === undefined ? undefined : getNode(exported, path);
  if (node === undefined) {
    throw new CommandError(
      `${formatPath(path)} is not set in ${shown(io, file)}`,
      EXIT.refused,
      'with --effective its default is shown',
    );
  }
  const value = plain(exported!, path);
  if (options.json) io.out(json(value));
  else (io.outExact ?? io.out)(isScalar(node) ? `${String(value)}\n` : printNode(node));
}

function getEffective(io: Io, file: string, text: string, path: Path, options: Options): void {
  const loaded = check(io, text, file);
  refuseProblems(io, loaded, `${shown(io, file)} has errors`);
  const value = present(getAt(loaded.settings, path), path, { secrets: options.secrets === true });
  const source = new Source(shown(io, file), text);
  const origin = (own: Path) => originOf(source, own);
  if (value === undefined) {
    throw new CommandError(`${formatPath(path)} is not set and has no default`, EXIT.refused);
  }
  if (options.json) {
    io.out(json({ path: formatPath(path), value, origin: origins(value, path, origin) }));
  } else if (typeof value !== 'object') {
    io.out(`${String(value)}  # ${origin(path)}\n`);
  } else {
    const document = parseDocument(stringify(value));
    annotate(document.contents, path, origin);
    io.out(document.toString({ lineWidth: 0 }));
  }
}

function originOf(source: Source, path: Path): string {
  for (let depth = path.length; depth > 0; depth--) {
    const part = path.slice(0, depth);
    if (!source.has(part)) continue;
    if (depth < path.length && keysOf(schemaAt(part)!).length > 0) break;
    const { line } = source.problem({ severity: 'warning', path: part, message: '' });
    const text = source.text.split('\n')[line - 1] ?? '';
    return `${source.file}:${line}${/(?<!\$)\$\{/.test(text) ? ', environment' : ''}`;
  }
  return 'default';
}

function origins(value: unknown, path: Path, origin: (path: Path) => string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return origin(path);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, origins(inner, [...path, key], origin)]),
  );
}

function annotate(node: unknown, path: Path, origin: (path: Path) => string): void {
  const { items } = (node ?? {}) as { items?: { key?: { value: string }; value?: unknown }[] };
  for (const [index, item] of (items ?? []).entries()) {
    const own = [...path, item.key === undefined ? index : item.key.value];
    const value = item.key === undefined ? item : item.value;
    if (isScalar(value)) value.comment = ` ${origin(own)}`;
    else annotate(value, own, origin);
  }
}

async function set(io: Io, pairs: string[], options: Options): Promise<void> {
  if (pairs.length % 2 !== 0) {
    throw new CommandError(`"${pairs.at(-1)}" has no value`, EXIT.usage, 'give PATH VALUE pairs');
  }
  const changes: [Path, unknown][] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    const path = knownPath(pairs[index]);
    changes.push([path, readArgument(path, pairs[index + 1]!)]);
  }
  const file = fileToWrite(io, options.config);
  const edited = await editFile(io, file, (text) =>
    changes.reduce((all, [path, value]) => setValue(all, path, value), text ?? ''),
  );
  tellEdited(io, edited, options);
}

async function unset(io: Io, argument: string, options: Options): Promise<void> {
  const file = requireFile(io, options.config);
  const path = parsePath(argument);
  const edited = await editFile(io, file, (text) => {
    const next = unsetValue(text ?? '', path);
    if (next !== undefined) return next;
    throw new CommandError(`${argument} is not set in ${shown(io, file)}`, EXIT.refused);
  });
  tellEdited(io, edited, options);
}

function exportTo(io: Io, options: Options): void {
  const path = knownPath(options.section);
  const file = requireFile(io, options.config);
  const exported = exportSection(readConfig(file), path, { secrets: options.secrets === true });
  if (exported === undefined) {
    throw new CommandError(`${formatPath(path)} is not set in ${shown(io, file)}`, EXIT.refused);
  }
  const output = options.json ? json(plain(exported, [])) : exported;
  if (options.file === undefined) {
    (io.outExact ?? io.out)(output);
    return;
  }
  writeAtomically(resolve(io.cwd, options.file), output, options.secrets ? 0o600 : 0o644);
  io.err(`${options.section ?? 'the configuration'} is in ${options.file}\n`);
}

async function importFrom(io: Io, options: Options): Promise<void> {
  const from = resolve(io.cwd, options.file!);
  const original = readConfig(from);
  if (
    !options.fixTypography &&
    (findTypography(original).length > 0 || hasLostIndentation(original))
  ) {
    refuseProblems(io, check(io, original, from), `${options.file} has errors`);
  }
  const imported = options.fixTypography ? mended(io, original, from, options.file!) : original;
  const file = fileToWrite(io, options.config);
  const isItself = existsSync(file) && realpathSync(file) === realpathSync(from);
  if (parseDocument(imported).errors.length > 0) {
    refuseProblems(io, check(io, imported, from), `${options.file} has errors`);
  }
  const edited = await editFile(
    io,
    file,
    (text) => {
      if (isItself) return imported;
      return importText(text, imported, { replace: options.replace === true });
    },
    options.dryRun,
  );
  tellEdited(io, edited, options);
}

/** A text as it was before a web page had it. */
function mended(io: Io, original: string, from: string, name: string): string {
  const plain = fixTypography(original);
  if (!hasLostIndentation(plain)) return plain;
  const { text, doubts } = restoreIndentation(plain);
  if (doubts.length > 0) {
    refuseProblems(
      io,
      check(io, original, from),
      `not all of the indentation of ${name} can be restored`,
    );
  }
  return text;
}

export function validate(io: Io, options: Options): void {
  const section = knownPath(options.section);
  const file = options.file ? resolve(io.cwd, options.file) : requireFile(io, options.config);
  const loaded = check(io, readConfig(file), file);
  // What has no path (broken YAML, curly quotes) may be anywhere, and concerns every section.
  const within = ({ path }: Problem) =>
    path.length === 0 ||
    section.every((key, depth) => path[depth] === undefined || path[depth] === key);
  const problems = loaded.problems.filter(within);
  const warnings = loaded.warnings.filter(within);
  if (options.json) io.out(json({ file, valid: problems.length === 0, problems, warnings }));
  else {
    const all = inOrder([...problems, ...warnings]);
    if (all.length > 0) io.err(`${renderProblems(all, io.colour)}\n\n`);
    io.out(
      `${shown(io, file)}: ${count(problems.length, 'error')}, ${count(warnings.length, 'warning')}\n`,
    );
  }
  if (problems.length > 0) io.exitCode = EXIT.refused;
}

function diff(io: Io, options: Options): void {
  const file = requireFile(io, options.config);
  const now = settled(io, readConfig(file), file);
  let before: Settings;
  let than: string;
  if (options.file !== undefined) {
    const other = resolve(io.cwd, options.file);
    before = settled(io, readConfig(other), other);
    than = options.file;
  } else {
    const last = historyOf(io, file).list().at(-1);
    if (last === undefined) throw new CommandError(nothingApplied(io, file), EXIT.refused);
    before = settled(io, last.text, last.file);
    than = `what was applied at ${last.at}`;
  }
  const changes = diffSettings(before, now);
  if (options.json) {
    io.out(json(changes));
    return;
  }
  io.out(changes.length === 0 ? `the same as ${than}\n` : `${formatChanges(changes)}\n`);
}

function history(io: Io, options: Options): void {
  const applied = fileToWrite(io, options.config);
  const entries = historyOf(io, applied).list();
  const rows = entries.map(({ number, at: time, cause, file }) => ({
    number,
    at: time,
    cause,
    file,
  }));
  if (options.json) {
    io.out(json(rows));
    return;
  }
  if (rows.length === 0) {
    io.out(`${nothingApplied(io, applied)}\n`);
    return;
  }
  for (const row of rows) {
    io.out(`${String(row.number).padStart(5)}  ${row.at}  ${row.cause.padEnd(16)} ${row.file}\n`);
  }
}

async function rollback(io: Io, argument: string | undefined, options: Options): Promise<void> {
  const file = fileToWrite(io, options.config);
  const kept = historyOf(io, file);
  const entries = kept.list();
  const number = argument === undefined ? entries.at(-2)?.number : Number(argument);
  const entry = number === undefined ? undefined : kept.read(number);
  if (entry === undefined) {
    const have = entries.map((one) => one.number).join(', ') || 'none';
    const what = argument === undefined ? 'entry before the last' : `entry ${argument}`;
    throw new CommandError(
      `the history of ${shown(io, file)} has no ${what}; it has: ${have}`,
      EXIT.refused,
      'each configuration file has its own: openclaw config history --config FILE',
    );
  }
  const edited = await editFile(io, file, () => entry.text, options.dryRun);
  tellEdited(io, edited, options);
}

function tellEdited(io: Io, { file, before, after, changed }: Edited, options: Options): void {
  const changes =
    before.settings && after.settings ? diffSettings(before.settings, after.settings) : undefined;
  if (options.json) {
    io.out(
      json({ file, changed, dryRun: options.dryRun === true, changes, warnings: after.warnings }),
    );
    return;
  }
  // What was doubtful before the change was told when it came in.
  const known = new Set(before.warnings.map(({ message }) => message));
  warn(io, { ...after, warnings: after.warnings.filter(({ message }) => !known.has(message)) });
  if (!changed) {
    io.out(`${shown(io, file)} says so already\n`);
    return;
  }
  if (changes !== undefined && changes.length > 0) io.out(`${formatChanges(changes)}\n`);
  const next = '"openclaw config reload" applies it';
  const written = asCalled(io, `${shown(io, file)} is written; ${next}\n`);
  io.out(options.dryRun ? 'nothing was written\n' : written);
}

/** A path that the schema knows; for another the nearest is named. */
export function knownPath(argument: string | undefined): Path {
  const path = parsePath(argument ?? '');
  for (const depth of path.keys()) {
    const part = path.slice(0, depth + 1);
    if (schemaAt(part) !== undefined) continue;
    const holder = schemaAt(path.slice(0, depth))!;
    const key = String(path[depth]);
    const near = nearest(key, keysOf(holder));
    const elsewhere = near === undefined ? sectionsWith(key) : [];
    const meant =
      near === undefined
        ? elsewhere.length === 1 && `${elsewhere[0]}.${key}`
        : formatPath([...path.slice(0, depth), near]);
    throw new CommandError(
      `there is no setting "${formatPath(part)}"`,
      EXIT.refused,
      meant
        ? `did you mean "${meant}"?`
        : `known here: ${keysOf(holder).join(', ') || 'nothing further'}`,
    );
  }
  return path;
}

function settled(io: Io, text: string, file: string): Settings {
  const loaded = check(io, text, file);
  refuseProblems(io, loaded, `${shown(io, file)} has errors`);
  return loaded.settings!;
}

/** What was applied of this file; another instance's history is not this one's. */
function historyOf(io: Io, file: string): ConfigurationHistory {
  return new ConfigurationHistory(instanceDirectory(io.env, realPath(file)));
}

function nothingApplied(io: Io, file: string): string {
  return `nothing of ${shown(io, file)} was applied yet`;
}

function plain(text: string, path: Path): unknown {
  return getAt(parseDocument(text, { uniqueKeys: false, merge: true }).toJS(), path);
}

function printNode(node: Node): string {
  const document = parseDocument('');
  document.contents = node as never;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
