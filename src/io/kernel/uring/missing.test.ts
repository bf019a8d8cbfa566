import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { ffi } from '../ffi.ts';
import { reasonOf, uringMissing } from './missing.ts';

test('whether io_uring can be used is told without using it up', () => {
  const first = uringMissing();
  for (let tries = 0; tries < 50; tries++) assert.equal(uringMissing(), first);
});

test('why io_uring cannot be used is a sentence that names what is in the way', () => {
  assert.match(reasonOf(1, true, ''), /kernel\.io_uring_disabled/);
  assert.match(reasonOf(1, false, ''), /seccomp/);
  assert.match(reasonOf(38, false, ''), /has no io_uring/);
  assert.match(reasonOf(22, false, ''), /6\.1/);
  assert.match(reasonOf(12, false, ''), /ulimit/);
  assert.match(reasonOf(71, false, 'EPROTO: it broke'), /EPROTO/);
});

test('a Node without node:ffi says so', {
  skip: ffi === null || process.platform !== 'linux',
}, () => {
  const module = new URL('./missing.ts', import.meta.url).href;
  const script = `console.log((await import(${JSON.stringify(module)})).uringMissing())`;
  const flags = ['--no-experimental-ffi', '--input-type=module', '-e', script];
  assert.match(execFileSync(process.execPath, flags, { encoding: 'utf8' }), /node:ffi/);
});
