/** What the commands of `openclaw config` print alike. */
import { parseDocument } from 'yaml';
import { diffSettings, formatChanges } from '../config/diff.ts';
import { getAt } from '../config/value-path.ts';
import type { Path } from '../config/walk.ts';
import { type Edited, shown, warn } from './config-file.ts';
import type { ConfigOptions } from './config-options.ts';
import { asCalled, type Io } from './io.ts';

export function tellEdited(
  io: Io,
  { file, before, after, changed }: Edited,
  options: ConfigOptions,
): void {
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
    io.out(`${shown(io, file)} already has this value\n`);
    return;
  }
  if (changes !== undefined && changes.length > 0) io.out(`${formatChanges(changes)}\n`);
  const next = '"openclaw config reload" applies it';
  const written = asCalled(io, `${shown(io, file)} is written; ${next}\n`);
  io.out(options.dryRun ? 'nothing was written\n' : written);
}

export function plain(text: string, path: Path): unknown {
  return getAt(parseDocument(text, { uniqueKeys: false, merge: true }).toJS(), path);
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
