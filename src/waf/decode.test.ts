import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodePercent, hasOverlong, lenientUtf8, unfold, unfolded } from './decode.ts';

test('percent-decoding reads UTF-8, %u, plus signs, and leaves broken escapes alone', () => {
  assert.equal(decodePercent('a%20b+c', true), 'a b c');
  assert.equal(decodePercent('a+b', false), 'a+b');
  assert.equal(decodePercent('caf%C3%A9', false), 'café');
  assert.equal(decodePercent('%u0041%zz%4', false), 'A%zz%4');
  assert.equal(decodePercent('%e2%82%ac', false), '€');
});

test('overlong UTF-8 is read as the character it stands for, and noticed', () => {
  assert.equal(decodePercent('..%c0%af', false), '../');
  assert.equal(lenientUtf8('\xe0\x80\xaf'), '/');
  assert.ok(hasOverlong('/a%C0%AFb'));
  assert.equal(decodePercent('%c0%2e%c0%2e%c0%2f', false), '../');
  assert.ok(hasOverlong('/%c0%2e'));
  assert.ok(!hasOverlong('/caf%c3%a9'));
});

test('unfolding undoes every scheme once', () => {
  assert.equal(unfold('&lt;a&#62;&#x27;&quot'), '<a>\'"');
  assert.equal(unfold('\\u003cb\\x3e\\u{27}'), "<b>'");
  assert.equal(unfold('＜ｓ＞'), '<s>');
  assert.equal(unfold('se\u200ble\0ct'), 'select');
  assert.equal(unfold('%253C'), '%3C');
  assert.equal(unfold('%S%E%L%E%C%T %*'), 'SELECT *');
  assert.equal(unfold('10% off, 20% off'), '10% off, 20% off');
});

test('a NUL that was written with a percent sign is taken out and told', () => {
  assert.equal(unfold('a%00b'), 'ab');
  assert.equal(unfolded.nul, true);
  unfold('a%20b');
  assert.equal(unfolded.nul, false);
});

test('a Windows path and plain text are not taken for escapes', () => {
  for (const text of ['C:\\users\\xavier', 'Tom & Jerry', '100% sure', '日本語', 'don’t']) {
    assert.equal(unfold(text), text);
  }
});

test('decodePercent undoes encodeURIComponent', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(decodePercent(encodeURIComponent(text), false), text);
    }),
  );
});

test('unfolding ends: each round is no longer than the one before', () => {
  const units = fc.constantFrom(
    '%',
    '25',
    '&',
    '#',
    'x',
    '27',
    ';',
    'lt',
    '\\',
    'u00',
    '3c',
    'a',
    '\0',
    '\xc0',
    '\xaf',
  );
  fc.assert(
    fc.property(fc.array(units, { maxLength: 60 }), (parts) => {
      const text = parts.join('');
      assert.ok(unfold(text).length <= text.length);
    }),
  );
});
