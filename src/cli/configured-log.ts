import { existsSync } from 'node:fs';
import { locateConfig, logFile } from '../config/locate.ts';
import { check, readConfig, requireFile, shown } from './config-file.ts';
import type { Io } from './io.ts';
import { defaults, salvage } from './salvage.ts';

/**
 * The log that the configuration names. An error elsewhere in the file must not show the log of
 * another instance.
 */
export function configuredLog(io: Io, config: string | undefined): string {
  const located = locateConfig({ config, env: io.env, cwd: io.cwd, exists: existsSync });
  if (!located.found) {
    if (located.asked) requireFile(io, config);
    return logFile(defaults(), io.env);
  }
  const text = readConfig(located.file);
  const { settings } = check(io, text, located.file);
  if (settings !== undefined) return logFile(settings, io.env);
  const salvaged = salvage(io, text, located.file, [['log', 'file']]);
  const file = logFile(salvaged.settings, io.env);
  io.err(
    salvaged.isWhole
      ? `${shown(io, located.file)} has errors; this is the log it names: ${file}\n`
      : `${shown(io, located.file)} has errors, and what it says of log.file cannot be read; this is the default log: ${file}; another: --file FILE\n`,
  );
  return file;
}
