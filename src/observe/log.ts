import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination, type Logger, pino } from 'pino';

export type { Logger };

/**
 * The log: JSON lines in a file. Written by the control thread alone, so that a slow disk never
 * holds up traffic.
 *
 * @throws the file system's error when the file cannot be opened
 */
export function openLog(file: string, level: string): Logger {
  mkdirSync(dirname(file), { recursive: true });
  // The destination opens it later, when nobody could be told any more that it cannot.
  closeSync(openSync(file, 'a'));
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, destination({ dest: file, sync: false, append: true }));
}
