/** `openclaw check` and `openclaw config validate`: the problems of a file. */
import { resolve } from 'node:path';
import type { Problem } from '../config/problem.ts';
import { inOrder, renderProblems } from '../config/render.ts';
import { check, readConfig, refuseProblems, requireFile, shown, warn } from './config-file.ts';
import type { ConfigOptions } from './config-options.ts';
import { json } from './config-print.ts';
import { EXIT, type Io } from './io.ts';
import { knownPath } from './known-path.ts';

export function validate(io: Io, options: ConfigOptions): void {
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

export function checkFile(io: Io, config: string | undefined): void {
  const file = requireFile(io, config);
  const loaded = check(io, readConfig(file), file);
  refuseProblems(io, loaded, `${shown(io, file)} has errors`);
  warn(io, loaded);
  io.out(`${shown(io, file)} is valid\n`);
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
