import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64, startsLikeText } from './base64.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64');

test('a text in base64 is decoded, padded or not, in either alphabet', () => {
  const text = "<svg onload=alert(1)>?>>~~' or 1=1";
  assert.equal(decodeBase64(encode(text)), text);
  assert.equal(decodeBase64(encode(text).replace(/=+$/, '')), text);
  assert.equal(decodeBase64(encode(text).replaceAll('+', '-').replaceAll('/', '_')), text);
  assert.equal(decodeBase64(encode(text).replaceAll('+', ' ')), text);
  assert.equal(
    decodeBase64(encode('café au lait, s’il vous plaît')),
    'café au lait, s’il vous plaît',
  );
});

test('what is no text in base64 is left alone: words, tokens, keys, pictures', () => {
  for (const value of [
    'short',
    'settings-page',
    'authentication',
    '7b9c8d1e3f2a4b5c8d9e0f1a2b3c4d5e',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ',
    'a sentence of plain words',
  ])
    assert.equal(decodeBase64(value), undefined, value);
});

test('four characters tell whether the beginning may be a text', () => {
  const starts = (text: string): boolean =>
    startsLikeText(
      ...([0, 1, 2, 3].map((at) => text.charCodeAt(at)) as [number, number, number, number]),
    );
  assert.equal(starts(encode('<a>')), true);
  assert.equal(starts(encode("' or")), true);
  assert.equal(starts('iVBO'), false);
  assert.equal(starts('a=b&'), false);
});
