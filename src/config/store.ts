/**
 * The configuration on disk. A write is a new file beside the old one, synced and renamed over it,
 * so that a kill at any moment leaves one of the two whole. A lock file keeps two writers apart,
 * from the reading of the old text to the rename, so that neither loses the other's change.
 *
 * The lock of a process that died is broken. Breaking is itself under a lock, which is held for
 * two system calls and counts as abandoned after a while, for a lock can only be taken away by
 * its owner or by the one breaker: no breaker can meet a fresh lock in place of the dead one.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTextFile } from '../base/read-file.ts';

const LOCK_WAIT_MS = 10_000;
const LOCK_RETRY_MS = 15;
/** A writer holds the lock for milliseconds; after this its process id was surely given anew. */
const LOCK_ABANDONED_MS = 60_000;
const BREAKER_ABANDONED_MS = 5000;

/**
 * Reads, changes and writes as one step. `change` gets the text, undefined where there is no file,
 * and gives back the new one, or undefined to leave the file alone. What it throws is passed on.
 * @throws Error when another writer holds the file for more than ten seconds
 */
export async function updateFile(
  path: string,
  change: (text: string | undefined) => string | undefined | Promise<string | undefined>,
): Promise<void> {
  const file = realPath(path);
  mkdirSync(dirname(file), { recursive: true });
  const lock = join(dirname(file), `.${basename(file)}.lock`);
  await takeLock(lock);
  try {
    const text = readIfThere(file);
    const changed = await change(text);
    if (changed !== undefined && changed !== text) writeAtomically(file, changed);
  } finally {
    unlinkIfThere(lock);
  }
}

/**
 * Replaces a file in one step; the caller sees to it that it is the only writer.
 * @param mode of a new file; one that is there keeps its own
 */
export function writeAtomically(file: string, text: string, mode = 0o640): void {
  const folder = dirname(file);
  const prefix = `.${basename(file)}.`;
  removeLeftovers(folder, prefix);
  const temporary = join(folder, `${prefix}${process.pid}.tmp`);
  try {
    writeSynced(temporary, text);
    keepOwner(file, temporary);
    chmodSync(temporary, modeOf(file) ?? mode);
    renameSync(temporary, file);
  } catch (error) {
    unlinkIfThere(temporary);
    throw error;
  }
  syncFolder(folder);
}

/**
 * Makes a file, whole or not at all, readable by its owner alone.
 * @returns false where it is there already, perhaps made by another process a moment ago
 */
export function createWhole(file: string, text: string): boolean {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    writeSynced(temporary, text);
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    unlinkIfThere(temporary);
  }
}

/** A full disk takes the first part of a text and refuses only the next: all of it, or an error. */
function writeSynced(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function readIfThere(file: string): string | undefined {
  try {
    return readTextFile(file);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function takeLock(lock: string): Promise<void> {
  const giveUpAt = Date.now() + LOCK_WAIT_MS;
  while (!createLock(lock)) {
    if (Date.now() > giveUpAt) {
      throw new Error(`another process writes the configuration (${lock}); try again`);
    }
    if (isAbandoned(lock)) breakLock(lock);
    else await sleep(LOCK_RETRY_MS);
  }
}

/** A link whose target is the owner's process id: made in one step, never seen without it. */
function createLock(lock: string): boolean {
  try {
    symlinkSync(String(process.pid), lock);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function isAbandoned(lock: string): boolean {
  const age = ageMs(lock);
  if (age === undefined) return false;
  try {
    return age > LOCK_ABANDONED_MS || !isAlive(Number(readlinkSync(lock)));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function breakLock(lock: string): void {
  const breaker = `${lock}.break`;
  if (!createLock(breaker)) {
    if ((ageMs(breaker) ?? 0) > BREAKER_ABANDONED_MS) unlinkIfThere(breaker);
    return;
  }
  try {
    if (isAbandoned(lock)) unlinkIfThere(lock);
  } finally {
    unlinkIfThere(breaker);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

/** What writers left that were killed before their rename. */
function removeLeftovers(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix) && name.endsWith('.tmp')) unlinkIfThere(join(folder, name));
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The one name of a file that has several: links are followed. Of one that is not there yet, its
 * folder's are.
 */
export function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch (error) {
    if (!isCode(error, 'ENOENT') || dirname(whole) === whole) throw error;
    return join(realPath(dirname(whole)), basename(whole));
  }
}

/** Root who edits the file of a service leaves it the service's; others have nothing to give. */
function keepOwner(file: string, temporary: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  try {
    chownSync(temporary, stat.uid, stat.gid);
  } catch (error) {
    if (!isCode(error, 'EPERM')) throw error;
  }
}

function modeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mode;
}

function ageMs(file: string): number | undefined {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat === undefined ? undefined : Date.now() - stat.mtimeMs;
}

function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
