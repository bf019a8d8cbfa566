import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HISTORY_MAX, History } from './history.ts';

test('the history keeps what was applied, bounded, readable by its owner alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-history-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const history = new History(folder);
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
