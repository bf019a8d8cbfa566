import { randomBytes } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readTextFile } from '../../base/read-file.ts';
import { createWhole } from '../../config/store.ts';
import { COOKIE_KEYS_MAX } from '../../core/sticky/cookie.ts';

const FILE_NAME = 'session.key';
const KEY_BYTES = 32;
const KEY_LENGTH_MIN = 16;
const ELSEWHERE = 'Set another directory in $OPENCLAW_STATE.';

/** The key file cannot be used; the message says how to fix it. */
export class SessionKeyError extends Error {
  constructor(file: string, why: string) {
    super(
      `the key of session cookies, ${file}: ${why} Or set load_balancing.session_persistence.cookie.secret.`,
    );
    this.name = 'SessionKeyError';
  }
}

export function sessionKeyFile(stateDirectory: string): string {
  return join(stateDirectory, FILE_NAME);
}

/**
 * The keys of session cookies that are kept in the state directory, one a line: the first signs,
 * all are accepted. Makes the file with one key, readable by its owner only, on first use.
 *
 * @throws SessionKeyError
 */
export function sessionKeys(stateDirectory: string): string[] {
  const file = sessionKeyFile(stateDirectory);
  const keys = parse(file, readOrMake(stateDirectory, file));
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new SessionKeyError(file, `others can read it. Run: chmod 600 ${file}`);
  }
  return keys;
}

function readOrMake(folder: string, file: string): string {
  try {
    return readTextFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw new SessionKeyError(file, `it cannot be read (${code}). ${ELSEWHERE}`);
  }
  try {
    mkdirSync(folder, { recursive: true });
    // Another instance may be making it in the same moment: one wins.
    createWhole(file, `${randomBytes(KEY_BYTES).toString('base64url')}\n`);
    return readTextFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SessionKeyError(file, `it cannot be created (${code}). ${ELSEWHERE}`);
  }
}

function parse(file: string, text: string): string[] {
  const keys = text.split('\n').map((line) => line.trim());
  const given = keys.filter((key) => key !== '');
  const again = `Delete it to have a new one generated: clients then get new cookies.`;
  if (given.length === 0) throw new SessionKeyError(file, `it is empty. ${again}`);
  if (given.length > COOKIE_KEYS_MAX) {
    throw new SessionKeyError(
      file,
      `it has ${given.length} lines, but at most ${COOKIE_KEYS_MAX} keys are allowed. Delete the last ones.`,
    );
  }
  if (given.some((key) => key.length < KEY_LENGTH_MIN)) {
    throw new SessionKeyError(
      file,
      `a key in it is shorter than ${KEY_LENGTH_MIN} characters. ${again}`,
    );
  }
  return given;
}
