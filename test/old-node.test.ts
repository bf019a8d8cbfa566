/** A Node that is too old to run openclaw is told so, and not shown an error of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NODE_MAJOR_MIN, whyTooOld } from '../src/base/node-version.ts';
import { nodesOfPath } from './nodes-of-path.ts';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

test('what is too old is told what is needed, what it is and what to do', () => {
  for (const version of ['v20.20.2', 'v23.99.0', 'v8.0.0']) {
    const message = `needs Node ${NODE_MAJOR_MIN} or newer, this is ${version}\n`;
    assert.ok(whyTooOld(version).includes(message));
    assert.match(whyTooOld(version), /help: install a newer one/);
  }
  for (const version of [`v${NODE_MAJOR_MIN}.0.0`, 'v26.10.0', 'v100.0.0-nightly']) {
    assert.equal(whyTooOld(version), '');
  }
});

test('the package, the README and the entry agree on the oldest Node', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.equal(engines.node, `>=${NODE_MAJOR_MIN}`);
  for (const name of ['README.md', 'README.zh-CN.md']) {
    assert.ok(readFileSync(join(ROOT, name), 'utf8').includes(`Node ${NODE_MAJOR_MIN}`), name);
  }
});

test('the entry looks at the version before it loads anything else', () => {
  const pretend = 'Object.defineProperty(process, "version", { value: "v20.20.2" })';
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, join(SRC, 'main.ts')],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stdout, stderr], [1, '', whyTooOld('v20.20.2')]);
  const imports = (file: string) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(/^import .*'(.*)';$/gm)].map(([, to]) => to);
  assert.deepEqual(imports('main.ts'), ['./base/node-version.ts']);
  assert.deepEqual(imports('base/node-version.ts'), []);
});

test('old Nodes of this machine can read the entry', (context) => {
  const folder = compiledEntry(context);
  for (const node of nodesOfPath()) {
    const { stdout: version } = spawnSync(node, ['--version'], { encoding: 'utf8' });
    if (whyTooOld(version.trim()) === '') continue;
    const { status, stderr } = spawnSync(node, [join(folder, 'main.js'), 'start'], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [1, whyTooOld(version.trim())], node);
  }
});

/** As it stands in the package. */
function compiledEntry(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-entry-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'base'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  for (const file of ['main.ts', 'base/node-version.ts']) {
    const script = stripTypeScriptTypes(readFileSync(join(SRC, file), 'utf8'));
    writeFileSync(
      join(folder, file.replace(/ts$/, 'js')),
      script.replaceAll(/(?<=import.*)\.ts'/g, ".js'"),
    );
  }
  return folder;
}
