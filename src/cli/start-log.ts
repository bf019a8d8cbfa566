/** The log as `start` opens it: its messages name the setting to mend. */
import { logFile } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import type { InstanceLog } from '../control/operate/instance.ts';
import { type Log, type LogSettings, openLog } from '../observe/log.ts';
import type { Io } from './io.ts';
import { refusal } from './start-config.ts';

/** @throws CommandError when the file cannot be opened */
export async function openInstanceLog(
  io: Io,
  settings: Settings,
): Promise<InstanceLog & Pick<Log, 'close' | 'reopen'>> {
  const log = await orRefuse(io, settings, openLog);
  const prepare = (next: Settings) => orRefuse(io, next, log.prepare);
  return { ...log, prepare };
}

async function orRefuse<T>(
  io: Io,
  settings: Settings,
  open: (settings: LogSettings) => Promise<T>,
): Promise<T> {
  const { level, max_size, max_age, max_files } = settings.log;
  const file = logFile(settings, io.env);
  try {
    return await open({ file, level, maxBytes: max_size, maxAgeMs: max_age, maxFiles: max_files });
  } catch (error) {
    const { message } = error as Error;
    throw refusal(`cannot write the log ${file}: ${message}. Set another file in log.file.`);
  }
}
