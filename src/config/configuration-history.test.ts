import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ConfigurationHistory, HISTORY_MAX } from './configuration-history.ts';

test('the history keeps what was applied, bounded, readable by its owner alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-history-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const history = new ConfigurationHistory(folder);
  assert.deepEqual(history.list(), []);
  const entry = (text: string) => ({
    at: '2026-01-01T00:00:00Z',
    cause: 'reload',
    file: 'f',
    text,
  });
  for (let turn = 0; turn < HISTORY_MAX + 5; turn++) history.record(entry(`a: ${turn}`));
  const last = history.record(entry(`a: ${HISTORY_MAX + 4}`));
  assert.equal(last.number, HISTORY_MAX + 5);
  const numbers = history.list().map(({ number }) => number);
  assert.equal(numbers.length, HISTORY_MAX);
  assert.equal(numbers[0], 6);
  assert.equal(history.read(7)?.text, 'a: 6');
  assert.equal(history.read(1), undefined);
  const [name] = readdirSync(history.folder);
  assert.equal(statSync(join(history.folder, name!)).mode & 0o777, 0o600);
  writeFileSync(join(history.folder, name!), 'torn');
  assert.equal(history.list().length, HISTORY_MAX - 1);
});

test('processes that run one file at the same time lose none of each other', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-history-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const module = new URL('./configuration-history.ts', import.meta.url).href;
  const code = `
    const { workerData } = require('node:worker_threads');
    import(workerData.module).then(({ ConfigurationHistory }) => {
      const gate = new Int32Array(workerData.gate);
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < 2);
      const history = new ConfigurationHistory(workerData.folder);
      for (let turn = 0; turn < 10; turn++) {
        history.record({ at: '', cause: '', file: 'f', text: workerData.name + turn });
      }
    });`;
  const gate = new SharedArrayBuffer(4);
  await Promise.all(
    ['a', 'b'].map(async (name) => {
      const worker = new Worker(code, { eval: true, workerData: { module, folder, gate, name } });
      assert.deepEqual(await once(worker, 'exit'), [0]);
    }),
  );
  const texts = new ConfigurationHistory(folder).list().map(({ text }) => text);
  assert.equal(new Set(texts).size, 20);
  assert.equal(readdirSync(join(folder, 'history')).length, 20, 'no temporary file is left');
});
