import { createReadStream, existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

/** Levels from the least to the gravest. */
export const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogFilter {
  /** Must match the line as it stands in the file. */
  readonly pattern?: RegExp;
  /** The least level. */
  readonly level?: Level;
  /** Not before, in milliseconds since 1970. */
  readonly sinceMs?: number;
}

/** A line of the log. Besides these it has fields of its own, by event: docs/logs.md. */
export interface LogRecord {
  readonly level: string;
  readonly time: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

const FILES_MAX = 1000;
const FOLLOW_EVERY_MS = 200;
const READ_BYTES = 64 * 1024;

/** The log and those put aside, the oldest first. */
export function logFiles(file: string): string[] {
  const files = existsSync(file) ? [file] : [];
  for (let number = 1; number <= FILES_MAX && existsSync(`${file}.${number}`); number++) {
    files.unshift(`${file}.${number}`);
  }
  return files;
}

/** The lines that pass, the oldest first. Memory does not grow with the log. */
export async function* readLog(file: string, filter: LogFilter): AsyncGenerator<string> {
  for (const one of logFiles(file)) {
    for await (const line of createInterface({ input: createReadStream(one) })) {
      if (passes(line, filter)) yield line;
    }
  }
}

/**
 * The lines that are added from now on, over rotations, until `signal`.
 *
 * @param fromBytes where to begin in the file
 */
export async function* followLog(
  file: string,
  filter: LogFilter,
  signal: AbortSignal,
  fromBytes: number,
): AsyncGenerator<string> {
  let handle = await open(file, 'r');
  let at = fromBytes;
  let rest = '';
  const bytes = Buffer.alloc(READ_BYTES);
  const decoder = new TextDecoder();
  /** The file was put aside; what came into it before that may still have to be read. */
  let isAside = false;
  try {
    while (!signal.aborted) {
      const { bytesRead } = await handle.read(bytes, 0, READ_BYTES, at);
      at += bytesRead;
      rest += decoder.decode(bytes.subarray(0, bytesRead), { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (passes(line, filter)) yield line;
      if (bytesRead > 0) continue;
      const now = await stat(file).catch(() => null);
      const { ino } = await handle.stat();
      const isOther = now !== null && now.ino !== ino;
      if (isOther && !isAside) isAside = true;
      else if (now !== null && (isOther || now.size < at)) {
        await handle.close();
        handle = await open(file, 'r');
        at = 0;
        rest = '';
        isAside = false;
      } else await wait(FOLLOW_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    await handle.close();
  }
}

function passes(line: string, { pattern, level, sinceMs }: LogFilter): boolean {
  if (pattern !== undefined && !pattern.test(line)) return false;
  if (level === undefined && sinceMs === undefined) return line !== '';
  const record = parseLine(line);
  if (record === null) return false;
  if (level !== undefined && LEVELS.indexOf(record.level as Level) < LEVELS.indexOf(level)) {
    return false;
  }
  return sinceMs === undefined || Date.parse(record.time) >= sinceMs;
}

/** @returns null for a line that is none of the log's */
export function parseLine(line: string): LogRecord | null {
  try {
    const record = JSON.parse(line);
    return typeof record === 'object' && record !== null ? record : null;
  } catch {
    return null;
  }
}
