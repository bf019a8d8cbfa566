/** What people write that is not quite YAML: one message, at its own line, with its mend. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './load.ts';
import { fixTypography } from './typography.ts';

const HEAD = 'load_balancing:\n  servers: ["10.0.0.1:80"]\n';
const TAIL = '  workers: 2\n';

function problemsOf(text: string): string[] {
  const { problems } = parseConfig(text, { file: 'a.yml', env: {} });
  return problems.map(({ line, column, message, help }) => `${line}:${column} ${message}; ${help}`);
}

/** The line, the third of a file, and what is said of it. */
const MISTAKES: readonly [line: string, said: string][] = [
  [
    '  strategy: *.example.com',
    '3:13 a value that starts with * is a reference in YAML; put it in quotes: "*.example.com"',
  ],
  [
    '  listen: [*.a:80]',
    '3:12 a value that starts with * is a reference in YAML; put it in quotes: "*.a:80"',
  ],
  [
    '  strategy: &random',
    '3:13 a value that starts with & is a name for what follows in YAML; put it in quotes: "&random"',
  ],
  [
    '  strategy: !random',
    '3:13 a value that starts with ! is a type in YAML; put it in quotes: "!random"',
  ],
  ['  strategy: %random', '3:13 a value cannot begin with % in YAML; put it in quotes: "%random"'],
  [
    '  strategy: @random # x',
    '3:13 a value cannot begin with @ in YAML; put it in quotes: "@random"',
  ],
  ['  strategy: `random`', '3:13 a value cannot begin with ` in YAML; put it in quotes: "random"'],
  ['  strategy: |random', '3:14 a value cannot begin with | in YAML; put it in quotes: "|random"'],
  [
    '  strategy: a: b',
    '3:13 a value with a colon and a space in it needs quotes; put it in quotes: strategy: "a: b"',
  ],
  ['  strategy:random', '3:3 a space is missing after the colon; write "strategy: random"'],
  ['  strategy: "random', '3:13 this opening quote is never closed; close it on the same line'],
  ['  listen: [":80", ":81"', '3:11 this opening bracket [ is never closed; close it: ]'],
  [
    '  listen: [\n    ":80", # ]\n    ":81"',
    '3:11 this opening bracket [ is never closed; close it: ]',
  ],
  [
    '  weights:\n    - {server: "a:1", weight: 1\n    - {server: "b:1"}',
    '4:7 this opening bracket { is never closed; close it: }',
  ],
  ['  listen: [":80"}', '3:11 this opening bracket [ is never closed; close it: ]'],
  [
    '  strategy: "random"]',
    '3:21 this closing bracket has no opening one; remove it, or open it earlier',
  ],
];

for (const [line, said] of MISTAKES) {
  test(`one message at its place: ${JSON.stringify(line)}`, () => {
    const text = `${HEAD}${line}\n${TAIL}`;
    assert.deepEqual(problemsOf(text), [said]);
    assert.deepEqual(problemsOf(text.replaceAll('\n', '\r\n')), [said], 'with Windows line ends');
  });
}

test('a space that is missing after the colon of the last line is told as such', () => {
  assert.deepEqual(problemsOf(`${HEAD}  workers:2\n`), [
    '3:3 a space is missing after the colon; write "workers: 2"',
  ]);
});

test('a byte order mark moves no place', () => {
  const [said] = problemsOf(`\ufeff${HEAD}  strategy: *.x\n`);
  assert.match(said!, /^3:13 .*"\*\.x"$/);
});

test('a reference to what is named, and brackets over lines or in texts, are none of these', () => {
  const text = `load_balancing:
  servers: &all [
    "10.0.0.1:80", # [
    "10.0.0.2:80"]
  strategy: random
admin: {token: "a-token-[with-{brackets"}
x: *all
`;
  assert.deepEqual(
    problemsOf(text).map((one) => one.split(';')[0]),
    ['7:1 unknown setting "x" at the top of the file'],
  );
});

test('full-width marks that carry structure are told one by one, alone, and mended', () => {
  const wide = `load_balancing：
  servers：［"10.0.0.1:80"，"10.0.0.2:80"、｛address："10.0.0.3:80"｝］
  "strategy"：random # 中文，注释：
  \u200bworkers:\u00a02
`;
  const problems = problemsOf(wide);
  assert.equal(problems.length, 11);
  assert.ok(
    problems.every((one) => /full-width|space that is not/.test(one)),
    problems.join('\n'),
  );
  assert.deepEqual(problemsOf(fixTypography(wide)), []);
  assert.match(fixTypography(wide), /# 中文，注释：/);
});
