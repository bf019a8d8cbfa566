import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Logger, pino } from 'pino';
import { RotatingFile, type RotationSettings } from './rotating-file.ts';

export type { Logger };

export interface Log {
  readonly logger: Logger;
  /** Lines that the disk did not take in time. */
  dropped(): number;
  /** Writes what is left. */
  close(): Promise<void>;
}

/**
 * The log: JSON lines in a file that is put aside when it is full. Written by the control thread
 * alone and never waited for, so that a slow disk never holds up traffic.
 *
 * @throws the file system's error when the file cannot be opened
 */
export async function openLog(settings: RotationSettings, level: string): Promise<Log> {
  mkdirSync(dirname(settings.file), { recursive: true });
  const file = await RotatingFile.open(settings);
  const options = {
    level,
    // What people look for when they type: openclaw logs --grep load_balancing
    base: { name: 'load_balancing' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return {
    logger: pino(options, file),
    dropped: () => file.dropped,
    close: () => file.close(),
  };
}
