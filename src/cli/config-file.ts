/** The configuration file as the commands see it: found, read, validated, written. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { readRegularFile, readTextFile } from '../base/read-file.ts';
import type { FileRead } from '../config/checks.ts';
import { type Loaded, parseConfig } from '../config/load.ts';
import { locateConfig } from '../config/locate.ts';
import type { Problem } from '../config/problem.ts';
import { renderProblems } from '../config/render.ts';
import { readIfThere, updateFile } from '../config/store.ts';
import { CommandError, EXIT, type Io } from './io.ts';

/** The file that is there; where none is, the command ends and says where it looked. */
export function requireFile(io: Io, config: string | undefined): string {
  const located = locateConfig({ config, env: io.env, cwd: io.cwd, exists: existsSync });
  if (located.found) return located.file;
  const where = located.asked ? located.file : located.tried.join(', ');
  throw new CommandError(`no configuration at ${where}`, EXIT.file, 'openclaw init creates one');
}

/** The file that is there, or the one that is to be made. */
export function fileToWrite(io: Io, config: string | undefined): string {
  const located = locateConfig({ config, env: io.env, cwd: io.cwd, exists: existsSync });
  return located.found || located.asked ? located.file : join(io.cwd, 'openclaw.yml');
}

export function readConfig(file: string): string {
  try {
    return readTextFile(file);
  } catch (error) {
    throw new CommandError(`${file}: ${(error as Error).message}`, EXIT.file);
  }
}

/**
 * Validates a text as the content of `file`, the files it names included.
 *
 * @param before problems before this change; see LoadOptions
 */
export function check(io: Io, text: string, file: string, before: readonly Problem[] = []): Loaded {
  const surroundings = { readFile: readNamedFile, nowMs: io.now().getTime() };
  const folder = dirname(resolve(io.cwd, file));
  const named = { file: shown(io, file), folder, env: io.env };
  return parseConfig(text, { ...named, surroundings, before });
}

/** Ends the command with all problems where there are any. */
export function refuseProblems(io: Io, { problems }: Loaded, what: string): void {
  if (problems.length === 0) return;
  io.err(`${renderProblems(problems, io.colour)}\n\n`);
  throw new CommandError(`${what}; nothing was changed`, EXIT.refused);
}

export interface Edited {
  file: string;
  before: Loaded;
  after: Loaded;
  /** Whether the text differs. */
  changed: boolean;
}

/**
 * One change of the file as one step: read, changed, validated as a whole, written.
 * @param change undefined leaves the file alone
 */
export async function editFile(
  io: Io,
  file: string,
  change: (text: string | undefined) => string | undefined,
  dryRun = false,
): Promise<Edited> {
  let edited: Edited | undefined;
  /** A file whose syntax is broken cannot be edited; its problems say more than the attempt. */
  const changed = (text: string | undefined, before: Loaded) => {
    try {
      return change(text);
    } catch (error) {
      if (!(error instanceof CommandError) && text !== undefined) {
        refuseProblems(io, before, `${shown(io, file)} has errors`);
      }
      throw error;
    }
  };
  const apply = (text: string | undefined) => {
    const before = check(io, text ?? '', file);
    const next = changed(text, before) ?? text ?? '';
    const after = check(io, next, file, [...before.problems, ...before.warnings]);
    refuseProblems(io, after, `with this change ${shown(io, file)} would have errors`);
    edited = { file, before, after, changed: next !== text };
    return next;
  };
  if (dryRun) apply(readIfThere(file));
  else await updateFile(file, apply);
  return edited!;
}

export function warn(io: Io, { warnings }: Loaded): void {
  if (warnings.length > 0) io.err(`${renderProblems(warnings, io.colour)}\n`);
}

/** A path as a person in this folder would write it. */
export function shown(io: Io, file: string): string {
  const near = relative(io.cwd, file);
  return near.startsWith('..') ? file : near;
}

function readNamedFile(path: string): FileRead {
  try {
    return { ok: true, ...readRegularFile(path) };
  } catch (error) {
    return { ok: false, ...whyUnreadable(path, error as NodeJS.ErrnoException) };
  }
}

function whyUnreadable(
  path: string,
  { code, message }: NodeJS.ErrnoException,
): { reason: string; help?: string } {
  if (code === 'ENOTREG' || code === 'EFBIG') return { reason: message };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    let there = dirname(path);
    while (!existsSync(there)) there = dirname(there);
    if (there === dirname(path)) return { reason: 'there is no such file' };
    return {
      reason: 'there is no such file',
      help: `the last of its parent directories that exists is ${there}`,
    };
  }
  if (code === 'EISDIR') return { reason: 'this is a directory, not a file' };
  if (code === 'EACCES') {
    const help = 'give the user that runs openclaw read access to it and its parent directories';
    return { reason: 'this user may not read it', help };
  }
  return { reason: `it cannot be read (${code})` };
}
