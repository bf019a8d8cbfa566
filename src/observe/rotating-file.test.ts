import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RotatingFile } from './rotating-file.ts';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a log that is full is put aside, the oldest goes, and no line is torn or lost', async (context) => {
  const folder = folderOf(context);
  const file = join(folder, 'x.log');
  const log = await RotatingFile.open({ file, maxBytes: 100, maxFiles: 2 });
  for (let line = 0; line < 20; line++) {
    log.write(`line ${String(line).padStart(4, '0')} ${'.'.repeat(9)}\n`);
    await log.flush();
  }
  await log.close();
  assert.deepEqual(readdirSync(folder).sort(), ['x.log', 'x.log.1', 'x.log.2']);
  const all = ['x.log.2', 'x.log.1', 'x.log'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  for (const text of all) assert.ok(text.length <= 100 && text.endsWith('\n'));
  const numbers = all
    .join('')
    .trim()
    .split('\n')
    .map((line) => Number(line.slice(5, 9)));
  assert.deepEqual(numbers, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test('a log that is opened again goes on where it was, and counts what is there', async (context) => {
  const folder = folderOf(context);
  const file = join(folder, 'x.log');
  writeFileSync(file, 'before\n');
  const log = await RotatingFile.open({ file, maxBytes: 12, maxFiles: 3 });
  log.write('after 1\n');
  await log.close();
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'before\n');
  assert.equal(readFileSync(file, 'utf8'), 'after 1\n');
});

test('lines of one turn are written in order', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await RotatingFile.open({ file, maxBytes: 1e9, maxFiles: 1 });
  const lines = Array.from({ length: 1000 }, (_, at) => `${at}\n`);
  for (const line of lines) log.write(line);
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), lines.join(''));
});

test('what a stalled disk cannot take is dropped and counted, and writing returns', async (context) => {
  const file = join(folderOf(context), 'x.log');
  let told = 0;
  const log = await RotatingFile.open({ file, maxBytes: 1e9, maxFiles: 1 }, (lines) => {
    told += lines;
  });
  const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
  // Nothing is written before this turn of the event loop ends: the disk stalls, as it were.
  for (let at = 0; at < 12; at++) log.write(line);
  assert.equal(log.dropped, 4);
  assert.equal(told, 4);
  await log.close();
  assert.equal(readFileSync(file).length, 8 * 1024 * 1024);
});

test('a file that vanished under the log does not stop it', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await RotatingFile.open({ file, maxBytes: 10, maxFiles: 1 });
  log.write('one line\n');
  await log.flush();
  rmSync(file);
  log.write('two lines\n');
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), 'two lines\n');
});
