/** docs/metrics.md and the examples against the metrics that there are, both ways. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CODES } from '../src/core/answers/codes.ts';
import { FAMILIES } from '../src/observe/families.ts';

const ROOT = join(import.meta.dirname, '..');
const RULES = join(ROOT, 'examples/prometheus-rules.yml');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** Names of metrics in a text, those of a histogram's series by the histogram. */
function namesIn(text: string): Set<string> {
  const names = text.match(/\b(openclaw|process)_[a-z0-9_]+\b/g) ?? [];
  return new Set(names.map((name) => name.replace(/_(bucket|count)$|(?<=seconds)_sum$/, '')));
}

test('every metric stands in docs/metrics.md as it is, and no other does', () => {
  const rows = read('docs/metrics.md')
    .split('\n')
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\|$/g, '').trim()))
    .filter((cells) => cells.length === 4 && /^`(openclaw|process)_\w+`$/.test(cells[0]!))
    .map(([name, ...rest]) => [name!.slice(1, -1), ...rest]);
  const expected = FAMILIES.map(({ name, type, labels, help }) => [
    name,
    type,
    labels.length === 0 ? '-' : labels.map((label) => `\`${label}\``).join(' '),
    help,
  ]);
  assert.deepEqual(rows, expected);
});

for (const file of [
  'examples/grafana.json',
  'examples/prometheus-rules.yml',
  'docs/operations.md',
]) {
  test(`${file} names only metrics that there are`, () => {
    const known = new Set(FAMILIES.map(({ name }) => name));
    assert.deepEqual(
      [...namesIn(read(file))].filter((name) => !known.has(name)),
      [],
    );
  });
}

for (const file of ['examples/grafana.json', 'examples/prometheus-rules.yml']) {
  test(`${file} asks for codes of failures that there are`, () => {
    const asked = [...read(file).matchAll(/failures_total\{[^}]*code=~\\?"([a-z_|]+)/g)];
    assert.ok(asked.length > 0);
    for (const [, codes] of asked) {
      for (const code of codes!.split('|'))
        assert.ok((CODES as readonly string[]).includes(code), code);
    }
  });
}

test('the Grafana dashboard is JSON with a query in every panel', () => {
  const { panels } = JSON.parse(read('examples/grafana.json'));
  for (const { title, targets } of panels) assert.ok(targets.length > 0, title);
});

test('no two alert rules have one name', () => {
  const names = read('examples/prometheus-rules.yml').match(/(?<=- alert: )\w+/g)!;
  assert.deepEqual(names, [...new Set(names)]);
});

test('promtool accepts the alert rules', (context) => {
  const checked = spawnSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' });
  if (checked.error !== undefined) {
    context.skip('promtool is not installed: apt-get install prometheus');
    return;
  }
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
});
