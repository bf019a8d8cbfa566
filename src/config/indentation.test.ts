import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { hasLostIndentation, restoreIndentation } from './indentation.ts';
import { parseConfig } from './load.ts';
import { fixTypography } from './typography.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
/** The YAML blocks of the seed document, as the web page has them. */
const PAGE = readFileSync(join(FIXTURES, 'seed-blocks.txt'), 'utf8');
const BLOCKS = PAGE.split(/(?<=^“`\n)/m).filter((block) => block.includes(':'));
const RIGHT = parse(readFileSync(join(FIXTURES, 'openclaw.yml'), 'utf8'));

type Tree = { [key: string]: unknown };

/** The part of the right configuration that has the sections of another. */
function partLike(sections: Tree, right: Tree): Tree {
  return Object.fromEntries(
    Object.keys(sections).map((key) => {
      const goesOn = key === 'load_balancing' && Object.hasOwn(right, key);
      return [key, goesOn ? partLike(sections[key] as Tree, right[key] as Tree) : right[key]];
    }),
  );
}

function restored(text: string): Tree {
  const plain = fixTypography(text);
  assert.equal(hasLostIndentation(plain), true);
  const { text: mended, doubts } = restoreIndentation(plain);
  assert.deepEqual(doubts, []);
  assert.equal(hasLostIndentation(mended), false);
  return parse(mended);
}

test("each block of the seed's page is restored, and all of them together", () => {
  assert.equal(BLOCKS.length, 6);
  for (const block of BLOCKS) {
    const got = restored(block);
    assert.deepEqual(got, partLike(got, RIGHT), block);
  }
  const { health_check: _, ...rest } = RIGHT.load_balancing;
  assert.deepEqual(restored(PAGE), { load_balancing: rest });
});

test('comments stay before what they are about', () => {
  const { text } = restoreIndentation(
    '# top\nload_balancing:\n# which\nstrategy: random\n\nworkers: 2\n',
  );
  assert.equal(text, '# top\nload_balancing:\n  # which\n  strategy: random\n\n  workers: 2\n');
});

test('lists of sections, other top sections and Windows line ends are restored', () => {
  const lines = [
    'admin:',
    'listen: 127.0.0.1:9100',
    'load_balancing:',
    'servers:',
    '- address: 10.0.0.1:80',
    'weight: 2',
    'tls:',
    'enabled: true',
    '- 10.0.0.2:80',
    'strategy: random',
    'monitoring:',
    'alerts:',
    'channels:',
    '- type: email',
    'recipients:',
    '- a@example.com',
    'log:',
    'level: warn',
  ];
  assert.deepEqual(parse(restoreIndentation(lines.join('\r\n')).text), {
    admin: { listen: '127.0.0.1:9100' },
    load_balancing: {
      servers: [{ address: '10.0.0.1:80', weight: 2, tls: { enabled: true } }, '10.0.0.2:80'],
      strategy: 'random',
      monitoring: { alerts: { channels: [{ type: 'email', recipients: ['a@example.com'] }] } },
    },
    log: { level: 'warn' },
  });
});

test('what could belong to two sections, or to none, is named and not guessed', () => {
  const doubtsOf = (...lines: string[]) => restoreIndentation(lines.join('\n')).doubts;
  const detection = ['load_balancing:', 'failover:', 'detection:', 'timeout: 2s', 'enabled: true'];
  assert.deepEqual(doubtsOf(...detection), [
    { line: 5, why: '"enabled" could belong to detection or to failover' },
  ]);
  assert.deepEqual(doubtsOf('load_balancing:', 'strategy: random', 'colour: red'), [
    { line: 3, why: 'none of the sections it could belong to has a setting "colour"' },
  ]);
  const { problems } = parseConfig(`# x\n${detection.join('\n')}\n`, { file: 'a.yml', env: {} });
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2, 6],
  );
  assert.match(problems[1]!.message, /could belong to detection or to failover/);
});

test('lost indentation is named as such, once, with its mend', () => {
  const text = '# pasted\n\nload_balancing:\nenabled: true\nservers:\n- 10.0.0.1:80\n';
  const { problems } = parseConfig(text, { file: 'a.yml', env: {} });
  assert.deepEqual(
    problems.map(({ line, message, help }) => [line, message, help]),
    [
      [
        3,
        'the indentation is lost: every line starts in the first column',
        'openclaw config import --fix-typography --file a.yml restores it',
      ],
    ],
  );
});

test('a text that is indented, or has no sections, has lost nothing', () => {
  for (const text of [
    readFileSync(join(FIXTURES, 'openclaw.yml'), 'utf8'),
    'load_balancing: {}\n',
    'load_balancing:\n',
    'load_balancing:\nadmin:\n',
    'load_balancing:\n  workers: 2\nlog:\n  level: warn\n',
    '- a\n- b\n',
    '',
  ]) {
    assert.equal(hasLostIndentation(text), false, text.slice(0, 60));
  }
});
