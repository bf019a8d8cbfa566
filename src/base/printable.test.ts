import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  printable,
  printableJson,
  printableLines,
  printableOutput,
  printableValues,
} from './printable.ts';

/** Everything that must not be seen raw: C0, DEL, C1, directions of text, separators. */
const UNSEEN = [
  ...Array.from({ length: 0x20 }, (_, code) => code),
  ...Array.from({ length: 0x21 }, (_, at) => 0x7f + at),
  ...[0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e],
  ...[0x2066, 0x2067, 0x2068, 0x2069],
].map((code) => String.fromCharCode(code));
const SEEN = 'plain ~ grün 绿 🦊 \u00a0 שלום';

test('nothing unseen passes, everything else does', () => {
  for (const char of UNSEEN) {
    const text = `a${char}b`;
    assert.ok(!printable(text).includes(char), JSON.stringify(char));
    assert.match(printable(text), /^a.+b$/u);
    if (char === '\n') continue;
    assert.ok(!printableLines(text).includes(char), JSON.stringify(char));
    if (char === '\t') continue;
    assert.ok(!printableOutput(text, true).includes(char), JSON.stringify(char));
  }
  for (const show of [printable, printableLines, printableJson]) assert.equal(show(SEEN), SEEN);
  assert.equal(printableOutput(`${SEEN}\n\t`, false), `${SEEN}\n\t`);
});

test('a line that would break is one line, and says where', () => {
  assert.equal(printable('up\n  red  down\r\n'), 'up ⏎ red  down ⏎ ');
  assert.equal(printableLines('up\nred'), 'up\nred');
});

test('JSON text means the same and holds nothing unseen', () => {
  const value = { text: UNSEEN.join(''), list: [`\x9b31m${SEEN}`] };
  for (const space of [0, 2]) {
    const json = printableJson(JSON.stringify(value, null, space));
    assert.deepEqual(JSON.parse(json), value);
    for (const char of UNSEEN) if (char !== '\n') assert.ok(!json.includes(char));
  }
});

test('of the output our own colours pass where colours are wanted, and nothing else', () => {
  assert.equal(printableOutput('\x1b[31mred\x1b[0m', true), '\x1b[31mred\x1b[0m');
  assert.equal(printableOutput('\x1b[31mred', false), '\\u001b[31mred');
  for (const steering of ['\x1b[2J', '\x1b]0;title\x07', '\x1b[31;8m', '\x9b2J', '\x1bc']) {
    assert.doesNotMatch(printableOutput(steering, true), /[\x00-\x1f\x7f-\x9f]/);
  }
});

test('every text of an answer is made printable, wherever it stands', () => {
  const answer = { pools: [{ cause: 'CN is \x1b]0;owned\x07' }], up: true, none: null, count: 7 };
  assert.deepEqual(printableValues(answer), {
    ...answer,
    pools: [{ cause: 'CN is �]0;owned�' }],
  });
});
