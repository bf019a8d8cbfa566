/** Reads files that a configuration names: regular ones, and not without end. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { formatSize } from './units.ts';

/** A list of 100,000 networks and every certificate bundle of the world are smaller. */
export const FILE_BYTES_MAX = 8 * 1024 * 1024;

export interface ReadFile {
  readonly bytes: Buffer;
  /** Its permissions, as `stat` has them. */
  readonly mode: number;
}

/**
 * Reads a regular file, or one that a link leads to. A pipe or a device is refused: it might never
 * end, or keep whoever reads it waiting for ever.
 *
 * @throws NodeJS.ErrnoException whose message ends a sentence after the file's name; its code is
 *   that of the system, or ENOTREG or EFBIG
 */
export function readRegularFile(path: string, bytesMax = FILE_BYTES_MAX): ReadFile {
  // Before it is opened: to open some devices does something.
  requireRegular(statSync(path));
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    requireRegular(stats);
    const bytes = Buffer.allocUnsafe(Math.min(stats.size, bytesMax) + 1);
    return { bytes: readAll(descriptor, bytes, bytesMax), mode: stats.mode };
  } finally {
    closeSync(descriptor);
  }
}

/** As `readRegularFile`, its text. */
export function readTextFile(path: string, bytesMax = FILE_BYTES_MAX): string {
  return readRegularFile(path, bytesMax).bytes.toString('utf8');
}

/** @param bytes room for the size that the file had; it may grow meanwhile, or say 0 as in /proc */
function readAll(descriptor: number, bytes: Buffer, bytesMax: number): Buffer {
  let filled = 0;
  for (;;) {
    const count = readSync(descriptor, bytes, filled, bytes.length - filled, null);
    filled += count;
    if (filled > bytesMax) throw refusal('EFBIG', `it is larger than ${formatSize(bytesMax)}`);
    if (count === 0) return bytes.subarray(0, filled);
    if (filled === bytes.length) bytes = Buffer.concat([bytes], Math.min(filled * 2, bytesMax + 1));
  }
}

function requireRegular(stats: Stats): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) throw refusal('EISDIR', 'it is a directory, not a file');
  const kind = stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
  throw refusal('ENOTREG', `it is ${kind}, not a regular file`);
}

function refusal(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
