import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { findTypography, fixTypography, plainInPlace, straightenArguments } from './typography.ts';

const PAGE = `“\`yaml
# a comment – with a dash and “quotes”
load_balancing:
\u00a0\u00a0weights:
  – server: “192.168.1.100:8080”
    weight: 5
  security:
    tls：
      protocols: [“TLSv1.2”, ‘TLSv1.3’]
      note: "a – b “c”"
“\`
`;

test('what a web page did to a configuration is found, mended and parses', () => {
  assert.equal(findTypography(PAGE).length, 8);
  const mended = fixTypography(PAGE);
  assert.deepEqual(findTypography(mended), []);
  assert.match(mended, /# a comment – with a dash and “quotes”/);
  assert.deepEqual(parse(mended).load_balancing, {
    weights: [{ server: '192.168.1.100:8080', weight: 5 }],
    security: { tls: { protocols: ['TLSv1.2', 'TLSv1.3'], note: 'a – b “c”' } },
  });
});

test('a text mended in place keeps every character where it was', () => {
  const plain = plainInPlace(PAGE);
  assert.equal(plain.length, PAGE.length);
  assert.equal(plain.indexOf('192.168.1.100'), PAGE.indexOf('192.168.1.100'));
});

test('a plain text is left alone', () => {
  const text = 'a: "x – y"\n# “c”\nb: it’s – fine\r\n';
  assert.deepEqual(findTypography(text), []);
  assert.equal(fixTypography(text), text);
});

test('long dashes and curly quotes of a command line are understood', () => {
  assert.deepEqual(
    straightenArguments([
      'config',
      'export',
      '–section',
      'load_balancing',
      '—file=“lb config.yml”',
    ]),
    ['config', 'export', '--section', 'load_balancing', '--file=lb config.yml'],
  );
  assert.deepEqual(
    straightenArguments(['lb', 'backend', 'test', '–server', '“192.168.1.100:8080”']),
    ['lb', 'backend', 'test', '--server', '192.168.1.100:8080'],
  );
  assert.deepEqual(straightenArguments(['logs', '--grep', '– x', '-5', '--', '–grep']), [
    'logs',
    '--grep',
    '– x',
    '-5',
    '--',
    '–grep',
  ]);
});
