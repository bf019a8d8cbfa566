import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readRegularFile, readTextFile } from './read-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'openclaw-read-'));
after(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('a regular file is read whole, through a link too', () => {
  const file = fileOf('list', 'é\n');
  const link = join(folder, 'link');
  symlinkSync(file, link);
  assert.equal(readTextFile(file), 'é\n');
  assert.equal(readTextFile(link), 'é\n');
  assert.equal(readRegularFile(fileOf('empty', '')).bytes.length, 0);
});

test('what might never end is refused at once', () => {
  const pipe = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  assert.throws(() => readRegularFile(pipe), { code: 'ENOTREG', message: /a pipe/ });
  assert.throws(() => readRegularFile('/dev/zero'), { code: 'ENOTREG', message: /a device/ });
  assert.throws(() => readRegularFile(folder), { code: 'EISDIR' });
  assert.throws(() => readRegularFile(join(folder, 'none')), { code: 'ENOENT' });
});

test('a file larger than the bound is refused, and one as large is not', () => {
  const file = fileOf('ten', '0123456789');
  assert.equal(readTextFile(file, 10), '0123456789');
  assert.throws(() => readTextFile(file, 9), { code: 'EFBIG', message: 'it is larger than 9' });
});

test('a file that tells no size is read', { skip: process.platform !== 'linux' }, () => {
  assert.match(readTextFile('/proc/self/status'), /^Name:/);
});
