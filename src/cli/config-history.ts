/** `openclaw config diff|history|rollback`: the file beside what was applied of it. */
import { resolve } from 'node:path';
import { ConfigurationHistory } from '../config/configuration-history.ts';
import { diffSettings, formatChanges } from '../config/diff.ts';
import { instanceDirectory } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import { realPath } from '../config/store.ts';
import {
  check,
  editFile,
  fileToWrite,
  readConfig,
  refuseProblems,
  requireFile,
  shown,
} from './config-file.ts';
import type { ConfigOptions } from './config-options.ts';
import { json, tellEdited } from './config-print.ts';
import { CommandError, EXIT, type Io } from './io.ts';

export function diff(io: Io, options: ConfigOptions): void {
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

export function history(io: Io, options: ConfigOptions): void {
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

export async function rollback(
  io: Io,
  argument: string | undefined,
  options: ConfigOptions,
): Promise<void> {
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
  return `nothing from ${shown(io, file)} has been applied yet`;
}
