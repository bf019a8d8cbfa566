import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RotatingFile, type RotationSettings } from './rotating-file.ts';

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A log whose age does not count unless a test says so. */
function openAt(settings: Partial<RotationSettings> & { file: string }, nowMs = Date.now) {
  return RotatingFile.open({ maxBytes: 1e9, maxAgeMs: 0, maxFiles: 1, ...settings }, nowMs);
}

test('a log that is full is put aside, the oldest goes, and no line is torn or lost', async (context) => {
  const folder = folderOf(context);
  const file = join(folder, 'x.log');
  const log = await openAt({ file, maxBytes: 100, maxFiles: 2 });
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
  const log = await openAt({ file, maxBytes: 12, maxFiles: 3 });
  log.write('after 1\n');
  await log.close();
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'before\n');
  assert.equal(readFileSync(file, 'utf8'), 'after 1\n');
});

test('lines of one turn are written in order', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await openAt({ file });
  const lines = Array.from({ length: 1000 }, (_, at) => `${at}\n`);
  for (const line of lines) log.write(line);
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), lines.join(''));
});

test('what a stalled disk cannot take is dropped and counted, and writing returns', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await openAt({ file });
  const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
  // Nothing is written before this turn of the event loop ends: the disk stalls, as it were.
  for (let at = 0; at < 12; at++) log.write(line);
  assert.equal(log.dropped, 4);
  let isBack = false;
  void log.writeLines(Buffer.alloc(1024 * 1024), 7).then(() => {
    isBack = true;
  });
  await undefined;
  assert.equal(log.dropped, 11);
  assert.ok(isBack, 'the bytes of what was dropped are given back at once');
  await log.close();
  assert.equal(readFileSync(file).length, 8 * 1024 * 1024);
});

test('a file that vanished under the log does not stop it', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await openAt({ file, maxBytes: 10 });
  log.write('one line\n');
  await log.flush();
  rmSync(file);
  log.write('two lines\n');
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), 'two lines\n');
});

test('a log that is old is put aside with its next line, whatever its size', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const hourMs = 3_600_000;
  let nowMs = Date.now();
  const settings = { file, maxAgeMs: 24 * hourMs, maxFiles: 2 };
  const write = async (log: RotatingFile, line: string) => {
    log.write(line);
    await log.flush();
  };
  const log = await openAt(settings, () => nowMs);
  await write(log, 'first day\n');
  nowMs += 23 * hourMs;
  await write(log, 'still the first day\n');
  await log.close();

  nowMs += 2 * hourMs;
  const again = await openAt(settings, () => nowMs);
  await write(again, 'second day\n');
  nowMs += 23 * hourMs;
  await write(again, 'still the second day\n');
  await again.close();
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'first day\nstill the first day\n');
  assert.equal(readFileSync(file, 'utf8'), 'second day\nstill the second day\n');
});

test('an empty log is never put aside', async (context) => {
  const folder = folderOf(context);
  let nowMs = Date.now();
  const log = await openAt({ file: join(folder, 'x.log'), maxAgeMs: 1 }, () => nowMs);
  nowMs += 1000;
  log.write('first\n');
  await log.close();
  assert.deepEqual(readdirSync(folder), ['x.log']);
});

test('pieces of bytes and single lines are written in the order in which they came', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await openAt({ file });
  log.write('one\n');
  const back = log.writeLines(Buffer.from('two\nthree\n'), 2);
  log.write('four\n');
  await back;
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\nthree\nfour\n');
});

test('other settings hold from the next line on; what came before stays where it was', async (context) => {
  const folder = folderOf(context);
  const [file, other] = [join(folder, 'x.log'), join(folder, 'y.log')];
  const log = await openAt({ file });
  log.write('before\n');
  const { commit } = await log.prepare({ file: other, maxBytes: 10, maxAgeMs: 0, maxFiles: 1 });
  log.write('before too\n');
  commit();
  log.write('after 1\n');
  await log.flush();
  log.write('after 2\n');
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), 'before\nbefore too\n');
  assert.equal(readFileSync(`${other}.1`, 'utf8'), 'after 1\n');
  assert.equal(readFileSync(other, 'utf8'), 'after 2\n');
});

test('a file that cannot be opened changes nothing, nor does a change that is abandoned', async (context) => {
  const folder = folderOf(context);
  const file = join(folder, 'x.log');
  const log = await openAt({ file });
  const settings = { maxBytes: 1e9, maxAgeMs: 0, maxFiles: 1 };
  await assert.rejects(log.prepare({ ...settings, file: join(folder, 'no/such/folder.log') }));
  await (await log.prepare({ ...settings, file: join(folder, 'y.log') })).abandon();
  log.write('here\n');
  await log.close();
  assert.equal(readFileSync(file, 'utf8'), 'here\n');
});

test('a log that was put aside from outside is begun anew, at once when told and else soon', async (context) => {
  const file = join(folderOf(context), 'x.log');
  let nowMs = Date.now();
  const log = await openAt({ file }, () => nowMs);
  const settings = { file, maxBytes: 1e9, maxAgeMs: 0, maxFiles: 1 };
  const ways = [
    async () => log.reopen(),
    async () => (await log.prepare(settings)).commit(),
    async () => {
      nowMs += 1000;
    },
  ];
  for (const [at, way] of ways.entries()) {
    log.write('before\n');
    await log.flush();
    renameSync(file, `${file}.aside`);
    if (at === 1) writeFileSync(file, 'made by logrotate\n');
    await way();
    log.write('after\n');
    await log.flush();
    assert.match(readFileSync(`${file}.aside`, 'utf8'), /before\n$/, `way ${at}`);
    assert.match(readFileSync(file, 'utf8'), /^(made by logrotate\n)?after\n$/, `way ${at}`);
  }
  rmSync(file);
  mkdirSync(file);
  log.reopen();
  log.write('last\n');
  await log.close();
  assert.equal(log.dropped, 0, 'it goes on in the old one where no new one can be opened');
});

test('two that write one log lose no line over the rotations of either', async (context) => {
  const folder = folderOf(context);
  const file = join(folder, 'x.log');
  let nowMs = Date.now();
  const settings = { file, maxBytes: 50, maxFiles: 100 };
  const [one, two] = await Promise.all([
    openAt(settings, () => nowMs),
    openAt(settings, () => nowMs),
  ]);
  for (let turn = 0; turn < 20; turn++) {
    nowMs += 1000;
    for (const [log, name] of [[one, 'one'] as const, [two, 'two'] as const]) {
      log.write(`line ${turn} of ${name}\n`);
      await log.flush();
    }
  }
  await Promise.all([one.close(), two.close()]);
  const all = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const lines = all.join('').trim().split('\n');
  assert.equal(new Set(lines).size, 40);
  for (const text of all) assert.ok(text.length <= 50);
});

test('where no new file can be made the log grows on, and those put aside stay', async (context) => {
  const file = join(folderOf(context), 'x.log');
  const log = await openAt({ file, maxBytes: 10, maxFiles: 2 });
  for (const line of ['line 1\n', 'line 2\n', 'line 3\n']) {
    log.write(line);
    await log.flush();
  }
  // As on a disk without room, or in a folder of root's.
  mkdirSync(`${file}.next`);
  for (const line of ['line 4\n', 'line 5\n', 'line 6\n', 'line 7\n']) {
    log.write(line);
    await log.flush();
  }
  await log.close();
  assert.equal(log.dropped, 0);
  assert.equal(readFileSync(`${file}.2`, 'utf8'), 'line 1\n');
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'line 2\n');
  assert.equal(readFileSync(file, 'utf8'), 'line 3\nline 4\nline 5\nline 6\nline 7\n');
});
