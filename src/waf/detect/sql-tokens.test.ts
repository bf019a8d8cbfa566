import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sqlTokens } from './sql-tokens.ts';

const types = (text: string): string =>
  sqlTokens(text, 0, 100)
    .map((it) => it.type)
    .join(' ');

test('words, numbers and strings are told apart', () => {
  assert.equal(
    types("select a, 'b' from t where x>=1.5e3"),
    'select name , string clause name clause name compare number',
  );
  assert.equal(types('0x41 .5 10am 1or'), 'number number name number logic');
  assert.equal(types("N'x' @@version `a b` [c]"), 'string variable name name');
});

test('what MySQL reads and a reader does not see: \\N, 1e1from, 1.e(', () => {
  assert.equal(types('select\\Nfrom t'), 'select null clause name');
  assert.equal(types('select-1e1from`t`'), 'select operator number clause name');
  assert.equal(types('ascii 1.e(x 1.e)'), 'name ( name )');
});

test('comments are white space, but the last one ends the statement', () => {
  assert.equal(types('union/**/select'), 'union select');
  assert.equal(types('/*!50000union*/ select'), 'union select');
  assert.equal(types('1 --\n or'), 'number logic');
  assert.equal(types('1 -- or'), 'number comment');
  assert.equal(types('1 # or'), 'number comment');
  assert.equal(types('1 /* or'), 'number comment');
});

test('a string ends at its own quote; doubled and escaped ones stay inside', () => {
  assert.equal(types("'it''s' 'a\\'b'"), 'string string');
  assert.equal(types("'open"), 'open');
});

test("PostgreSQL's and MySQL's operators on documents and arrays compare", () => {
  assert.equal(types("data @> '{}'"), 'name compare string');
  assert.equal(types("'{}' <@ data"), 'string compare name');
  assert.equal(types("'{}' ? 'a'"), 'string compare string');
  assert.equal(types("data ? 'a"), 'name compare open');
  assert.equal(types('"b"? \'c\''), 'string other string', 'a question');
  assert.equal(types("x::jsonb ?| array['a']"), 'name operator name compare string');
  assert.equal(types('array[1] && array[2]'), 'string compare string');
  assert.equal(types("1 member of ('[1]')"), 'number compare ( string )');
  assert.equal(types("a ? 'b' : 'c'"), 'name other string other string', "a program's choice");
});

test('the number of tokens is bounded', () => {
  assert.equal(sqlTokens('a '.repeat(1000), 0, 7).length, 7);
});
