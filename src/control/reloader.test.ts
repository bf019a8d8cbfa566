import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { History } from '../config/history.ts';
import { parseConfig } from '../config/load.ts';
import type { Instance } from './instance.ts';
import { Reloader } from './reloader.ts';

/** What the history holds after a start with this text. */
function recorded(context: TestContext, text: string | null): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const history = new History(folder);
  const { settings } = parseConfig('load_balancing:\n  servers: ["127.0.0.1:1"]\n', {
    file: 'openclaw.yml',
    env: {},
  });
  const running = { file: 'openclaw.yml', text, settings: settings! };
  new Reloader({
    instance: {} as Instance,
    read: () => running,
    workersOf: () => 1,
    history,
    running,
    now: () => new Date(0),
    onReload: () => {},
  }).close();
  return history.list().map((entry) => entry.text);
}

test('a start is recorded where it came from a file, and nowhere else', (context) => {
  assert.deepEqual(recorded(context, 'load_balancing: {}\n'), ['load_balancing: {}\n']);
  assert.deepEqual(recorded(context, null), []);
});
