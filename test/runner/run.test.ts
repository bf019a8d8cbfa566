import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../e2e/wait.ts';
import { runAll } from './run.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

async function run(silenceMs: number, ...names: string[]) {
  let output = '';
  const isGreen = await runAll(
    names.map((name) => [join(FIXTURES, `${name}.ts`)]),
    { lanes: 2, silenceMs, print: (text) => (output += text) },
  );
  return { isGreen, output };
}

test('tests that pass are counted, and those that are skipped', async () => {
  const { isGreen, output } = await run(60_000, 'passes', 'passes');
  assert.ok(isGreen, output);
  assert.match(output, /^2 passed, 0 failed, 2 skipped$/m);
});

test('a failure is named with its error, and the tests beside it count', async () => {
  const { isGreen, output } = await run(60_000, 'fails', 'passes');
  assert.equal(isGreen, false);
  assert.match(output, /fixtures\/fails\.ts: fails\n.*1 !== 2/s);
  assert.match(output, /^2 passed, 1 failed, 1 skipped$/m);
});

test('a test that waits for ever is ended and named', async () => {
  const { isGreen, output } = await run(1_500, 'waits');
  assert.equal(isGreen, false);
  assert.match(output, /it hung in .*waits\.ts: waits for ever/);
});

test('a test that never yields is ended, and its file named', async () => {
  const { isGreen, output } = await run(1_500, 'spins');
  assert.equal(isGreen, false);
  assert.match(output, /spins\.ts: it hung/);
});

test('what a file leaves running is ended with it', async () => {
  const { isGreen, output } = await run(1_500, 'leaves-a-child');
  assert.equal(isGreen, false);
  assert.match(output, /it hung after .*: leaves a child/);
  const pid = Number(/child (\d+)/.exec(output)?.[1]);
  await until('the child is gone', () => !isRunning(pid));
});

for (const name of ['ends-early', 'does-not-load']) {
  test(`a file that ${name.replaceAll('-', ' ')} is a failure`, async () => {
    const { isGreen, output } = await run(60_000, name);
    assert.equal(isGreen, false);
    assert.match(output, new RegExp(`${name}|does not load`));
    assert.match(output, /, 1 failed,/);
  });
}

/** Whether it is there, and no zombie that waits for its parent. */
function isRunning(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return state.stdout.trim() !== '' && !state.stdout.startsWith('Z');
}
