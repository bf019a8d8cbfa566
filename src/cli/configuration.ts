/** Finds, reads and checks the configuration that a command works on. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { parseConfig } from '../config/load.ts';
import { locateConfig } from '../config/locate.ts';
import { renderProblems } from '../config/render.ts';
import type { Settings } from '../config/schema.ts';
import { Failure } from './failure.ts';

export interface Configuration {
  readonly file: string;
  readonly settings: Settings;
  /** Rendered warnings; empty where there are none. */
  readonly warnings: string;
}

/** @throws Failure that says every problem at its place, or where a file was looked for */
export function readConfiguration(config: string | undefined, colour: boolean): Configuration {
  const { env } = process;
  const located = locateConfig({ config, env, cwd: process.cwd(), exists: existsSync });
  if (!located.found) throw new Failure(notFound(located));
  const text = readText(located.file);
  const { settings, problems, warnings } = parseConfig(text, {
    file: located.file,
    env,
    fileProblem,
  });
  if (settings === undefined) {
    throw new Failure(
      `${renderProblems(problems, colour)}\nNothing was started or changed. Mend the file, then check it: openclaw check --config ${located.file}`,
    );
  }
  return {
    file: located.file,
    settings,
    warnings: warnings.length === 0 ? '' : renderProblems(warnings, colour),
  };
}

function notFound(located: { asked: true; file: string } | { asked: false; tried: string[] }) {
  if (located.asked)
    return `there is no file ${located.file}\nWrite one, or name another: --config FILE`;
  const places = located.tried.map((file) => `  ${file}`).join('\n');
  return `no configuration was found; looked for\n${places}\nName one with --config FILE or $OPENCLAW_CONFIG, or see openclaw at work without one: openclaw start --demo`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'you may not' : code;
    throw new Failure(`cannot read ${file}: ${why}`);
  }
}

/** Why a file that the settings name cannot be read; undefined where it can. */
function fileProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
  }
}
