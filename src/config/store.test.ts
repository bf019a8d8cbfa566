import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { updateFile, writeAtomically } from './store.ts';

const WRITER = join(import.meta.dirname, '../../test/fixtures/writer.ts');

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function writer(file: string, times: number, padding: number): ChildProcess {
  return spawn(process.execPath, [WRITER, file, String(times), String(padding)], {
    stdio: 'ignore',
  });
}

function countOf(file: string): number {
  const text = readFileSync(file, 'utf8');
  assert.match(text, /^count: \d+\n(# padding\n)*end: true\n$/);
  return Number(/\d+/.exec(text)![0]);
}

test('two writers at once lose no change', async (t) => {
  const file = join(folderOf(t), 'openclaw.yml');
  const writers = [writer(file, 40, 1), writer(file, 40, 1)];
  const exits = await Promise.all(writers.map((child) => once(child, 'exit')));
  assert.deepEqual(exits, [
    [0, null],
    [0, null],
  ]);
  assert.equal(countOf(file), 80);
});

test('a writer killed at any moment leaves a whole file, and the next one can write', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'openclaw.yml');
  let last = 0;
  for (let round = 0; round < 12; round++) {
    const child = writer(file, 1_000_000, 20_000);
    while (statSync(file, { throwIfNoEntry: false }) === undefined || countOf(file) <= last) {
      assert.equal(child.exitCode, null, 'the writer gave up');
      await new Promise((resolve) => setImmediate(resolve));
    }
    const moment = round * 3;
    for (let turn = 0; turn < moment; turn++) countOf(file);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const count = countOf(file);
    assert.ok(count > last);
    last = count;
  }
  await updateFile(file, (text) => text!.replace(/count: \d+/, 'count: 7'));
  assert.equal(countOf(file), 7);
  assert.deepEqual(readdirSync(folder), ['openclaw.yml']);
});

test('the lock of a dead process is broken, that of a living one is not', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'openclaw.yml');
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  symlinkSync(String(child.pid), join(folder, '.openclaw.yml.lock'));
  await updateFile(file, () => 'a: 1\n');
  assert.equal(readFileSync(file, 'utf8'), 'a: 1\n');

  let inside = false;
  const first = updateFile(file, async () => {
    inside = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    inside = false;
    return 'a: 2\n';
  });
  await updateFile(file, (text) => {
    assert.equal(inside, false);
    return `${text}b: 1\n`;
  });
  await first;
  assert.equal(readFileSync(file, 'utf8'), 'a: 2\nb: 1\n');
});

test('a change that throws leaves the file and no lock', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'openclaw.yml');
  writeFileSync(file, 'a: 1\n');
  await assert.rejects(
    updateFile(file, () => {
      throw new Error('refused');
    }),
    /refused/,
  );
  assert.deepEqual(readdirSync(folder), ['openclaw.yml']);
});

test('a write keeps the mode of the file, and follows a link', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'real.yml');
  const link = join(folder, 'openclaw.yml');
  writeFileSync(file, 'a: 1\n', { mode: 0o600 });
  symlinkSync(file, link);
  await updateFile(link, () => 'a: 2\n');
  assert.equal(readFileSync(file, 'utf8'), 'a: 2\n');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  writeAtomically(join(folder, 'new.yml'), '', 0o644);
  assert.equal(statSync(join(folder, 'new.yml')).mode & 0o777, 0o644);
});

test('a disk that takes only the first part of a text leaves the file as it was, and nothing else', (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'openclaw.yml');
  writeFileSync(file, 'before');
  const module = new URL('./store.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then(async ({ createWhole, updateFile, writeAtomically }) => {
    const text = 'x'.repeat(300_000);
    const file = ${JSON.stringify(file)};
    const failed = (step) => step.then(() => 'written', ({ code }) => code);
    const codes = [
      await failed(updateFile(file, () => text)),
      await failed((async () => writeAtomically(file, text))()),
      await failed((async () => createWhole(file + '.new', text))()),
    ];
    process.stdout.write(codes.join());
  })`;
  // The limit on the size of files does what a full disk does: a short write, then an error.
  const limited = 'ulimit -f 100; exec "$0" -e "$1"';
  const { stdout, stderr } = spawnSync('sh', ['-c', limited, process.execPath, code], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'EFBIG,EFBIG,EFBIG', stderr);
  assert.equal(readFileSync(file, 'utf8'), 'before');
  assert.deepEqual(readdirSync(folder), ['openclaw.yml']);
});
