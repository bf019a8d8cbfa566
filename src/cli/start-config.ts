/** The configuration that `openclaw start` runs on. */
import { availableParallelism } from 'node:os';
import { parseConfig } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { renderProblems } from '../config/render.ts';
import type { Settings } from '../config/schema.ts';
import { poolServers } from '../config/servers.ts';
import type { ReadConfiguration } from '../control/operate/reloader.ts';
import { check, readConfig, requireFile, shown, warn } from './config-file.ts';
import type { Demo } from './demo.ts';
import { CommandError, EXIT, type Io } from './io.ts';

/**
 * @param running what the file is to take the place of
 * @throws CommandError whose message holds every problem of the file
 */
export function fromFile(
  io: Io,
  config: string | undefined,
  running?: ReadConfiguration,
): ReadConfiguration {
  const file = findFile(io, config);
  const text = readText(file);
  const loaded = check(io, text, file, problemsOf(io, running));
  if (loaded.problems.length > 0) {
    const all = renderProblems(loaded.problems, io.colour);
    throw refusal(`${shown(io, file)} has errors; nothing was changed\n\n${all}`);
  }
  warn(io, loaded);
  const settings = loaded.settings!;
  if (!settings.load_balancing.enabled) {
    throw refusal(`load_balancing.enabled is false in ${shown(io, file)}: nothing to start`);
  }
  if (poolServers(settings).length === 0) {
    throw refusal(`${shown(io, file)} names no server`, 'list them in load_balancing.servers');
  }
  return { file, text, settings };
}

/** What is wrong by now with what runs: a certificate may have expired since. */
function problemsOf(io: Io, running: ReadConfiguration | undefined): readonly Problem[] {
  if (typeof running?.text !== 'string') return [];
  return check(io, running.text, running.file).problems;
}

function findFile(io: Io, config: string | undefined): string {
  try {
    return requireFile(io, config);
  } catch (error) {
    const help =
      'set one with --config FILE, create one with "openclaw init", or try "openclaw start --demo"';
    throw refusal((error as Error).message, help);
  }
}

function readText(file: string): string {
  try {
    return readConfig(file);
  } catch (error) {
    throw refusal((error as Error).message, 'make it a regular file that this user may read');
  }
}

/** Whatever keeps openclaw from starting ends it with the one code that supervisors look at. */
export function refusal(message: string, help?: string): CommandError {
  return new CommandError(message, EXIT.refused, help);
}

export function fromDemo(demo: Demo): ReadConfiguration {
  const servers = demo.addresses.map((address) => `    - ${address}\n`).join('');
  const text = `load_balancing:\n  listen: 127.0.0.1:8080\n  servers:\n${servers}`;
  const { settings } = parseConfig(text, { file: 'demo', env: {} });
  return { file: 'the demo that is built in', text: null, settings: settings! };
}

/** @returns how many data threads the settings ask for */
export function workersOf(settings: Settings): number {
  const { workers } = settings.load_balancing;
  return workers === 'auto' ? Math.min(availableParallelism(), 32) : workers;
}
