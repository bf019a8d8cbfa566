import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SessionKeyError, sessionKeys } from './session-key.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'openclaw-key-'));
  file = join(folder, 'session.key');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('the first use makes a key that its owner alone may read, and later ones read it', () => {
  const state = join(folder, 'deep', 'state');
  const keys = sessionKeys(state);
  assert.equal(keys.length, 1);
  assert.match(keys[0]!, /^[\w-]{43}$/);
  assert.equal(statSync(join(state, 'session.key')).mode & 0o777, 0o600);
  assert.deepEqual(sessionKeys(state), keys);
  assert.deepEqual(readdirSync(state), ['session.key']);
});

test('each state directory has a key of its own', () => {
  assert.notDeepEqual(sessionKeys(join(folder, 'one')), sessionKeys(join(folder, 'two')));
});

test('every line of the file is a key, the first one signs', () => {
  writeFileSync(file, 'the new key of this test\n\n  the old key of this test \n', { mode: 0o600 });
  assert.deepEqual(sessionKeys(folder), ['the new key of this test', 'the old key of this test']);
});

test('instances that start in one moment agree on the key', async () => {
  const module = new URL('./session-key.ts', import.meta.url).href;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ sessionKeys }) => {
      const gate = new Int32Array(workerData.gate);
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < 3);
      parentPort.postMessage(sessionKeys(workerData.folder)[0]);
    });`;
  const gate = new SharedArrayBuffer(4);
  const keys = await Promise.all(
    Array.from({ length: 3 }, () => {
      const worker = new Worker(code, { eval: true, workerData: { module, folder, gate } });
      return new Promise<string>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual(readdirSync(folder), ['session.key']);
});

test('a file that cannot serve is refused with its mend', () => {
  const refused = (text: string, mode: number, message: RegExp) => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    assert.throws(
      () => sessionKeys(folder),
      (error: Error) => {
        assert.ok(error instanceof SessionKeyError);
        assert.match(error.message, message);
        assert.ok(error.message.includes(file));
        return true;
      },
    );
  };
  refused('', 0o600, /it is empty\. Delete it to have a new one generated/);
  refused('short\n', 0o600, /shorter than 16 characters/);
  refused(
    'a key that is long enough\n'.repeat(9),
    0o600,
    /9 lines, but at most 8 keys are allowed/,
  );
  refused('a key that is long enough\n', 0o644, /others can read it\. Run: chmod 600/);
});

test('a state directory that cannot be made is named', () => {
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => sessionKeys(join(folder, 'file')), {
    name: 'SessionKeyError',
    message: /it cannot be (read|made) \(ENOTDIR\).*OPENCLAW_STATE/,
  });
});
