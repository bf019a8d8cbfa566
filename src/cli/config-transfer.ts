/** `openclaw config export|import`: sections of the file to and from other files. */
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { hasLostIndentation, restoreIndentation } from '../config/indentation.ts';
import { writeAtomically } from '../config/store.ts';
import { exportSection, importText } from '../config/transfer.ts';
import { findTypography, fixTypography } from '../config/typography.ts';
import { formatPath } from '../config/walk.ts';
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
import { json, plain, tellEdited } from './config-print.ts';
import { CommandError, EXIT, type Io } from './io.ts';
import { knownPath } from './known-path.ts';

export function exportTo(io: Io, options: ConfigOptions): void {
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

export async function importFrom(io: Io, options: ConfigOptions): Promise<void> {
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
