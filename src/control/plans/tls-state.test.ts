import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TlsState } from './tls-state.ts';

test('a file that can be looked at no more is one that has changed', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, 'x');
  const servers = [{ tls: { enabled: true, ca_path: file } }];
  const state = new TlsState();
  const planOf = () =>
    state.planOf({
      load_balancing: { security: { tls: { enabled: false } }, timeout: { request: 1 }, servers },
    } as never);
  planOf();
  context.mock.timers.enable({ apis: ['setInterval'] });
  const faults: unknown[] = [];
  let changes = 0;
  state.start({ error: (line: unknown) => faults.push(line) } as never, () => {
    changes += 1;
  });
  context.after(() => {
    state.stop();
    rmSync(folder, { recursive: true });
  });
  rmSync(file);
  // ELOOP, as EACCES of a folder, is more than that there is no such file.
  symlinkSync(file, file);
  for (let look = 0; look < 3; look++) context.mock.timers.tick(2_000);
  assert.deepEqual([changes, faults], [1, []]);
  assert.equal(planOf(), null);
});
