import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { dashboardRoutes, FILES } from './dashboard.ts';

const BYTES_MAX = 150 * 1024;

test('every file of the page is served, and no other', () => {
  const there = readdirSync(new URL('page/', import.meta.url)).sort();
  assert.deepEqual([...FILES].sort(), there);
});

test('the whole page is under 150 KB', async () => {
  let bytes = 0;
  for (const { handle } of dashboardRoutes()) {
    const reply = await handle(undefined as never);
    assert.ok('text' in reply);
    bytes += Buffer.byteLength(reply.text);
  }
  assert.ok(bytes < BYTES_MAX, `${bytes}`);
});

test('the page asks no other host for anything', async () => {
  for (const { path, handle } of dashboardRoutes()) {
    const reply = await handle(undefined as never);
    const text = 'text' in reply ? reply.text.replaceAll('http://www.w3.org/2000/svg', '') : '';
    assert.doesNotMatch(text, /https?:\/\//, path);
  }
});

test('every language has every word', async () => {
  const { WORDS } = await import(new URL('page/words.js', import.meta.url).href);
  assert.deepEqual(Object.keys(WORDS.zh).sort(), Object.keys(WORDS.en).sort());
});
