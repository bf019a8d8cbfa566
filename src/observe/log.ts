import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Logger, pino } from 'pino';
import { printableJson } from '../base/printable.ts';
import { RotatingFile, type RotationSettings } from './rotating-file.ts';

export type { Logger };

export interface LogSettings extends RotationSettings {
  readonly level: string;
}

export interface Log {
  readonly logger: Logger;
  /** Takes whole lines as bytes, which are the caller's again once the promise is fulfilled. */
  writeLines(bytes: Uint8Array, lines: number): Promise<void>;
  /**
   * Makes ready for other settings, for `commit` or `abandon`.
   *
   * @throws the file system's error when the file cannot be opened; nothing has changed then
   */
  prepare(settings: LogSettings): Promise<LogChange>;
  /** The file was put aside from outside, as logrotate does it: goes on in the one of its name. */
  reopen(): void;
  /** Lines that the disk did not take in time. */
  dropped(): number;
  /** Writes what is left. */
  close(): Promise<void>;
}

export interface LogChange {
  commit(): void;
  abandon(): Promise<void>;
}

/**
 * The log: JSON lines in a file that is put aside when it is full or old. Written by the control
 * thread alone and never waited for, so that a slow disk never holds up traffic.
 *
 * @throws the file system's error when the file cannot be opened
 */
export async function openLog(settings: LogSettings, nowMs = Date.now): Promise<Log> {
  mkdirSync(dirname(settings.file), { recursive: true });
  const file = await RotatingFile.open(settings, nowMs);
  const options = {
    level: settings.level,
    // What people look for when they type: openclaw logs --grep load_balancing
    base: { name: 'load_balancing' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, { write: (line: string) => file.write(printableJson(line)) });
  return {
    logger,
    writeLines: (bytes, lines) => file.writeLines(bytes, lines),
    prepare: async (next) => {
      mkdirSync(dirname(next.file), { recursive: true });
      const { commit, abandon } = await file.prepare(next);
      return {
        abandon,
        commit: () => {
          commit();
          logger.level = next.level;
        },
      };
    },
    reopen: () => file.reopen(),
    dropped: () => file.dropped,
    close: () => file.close(),
  };
}
