/** docs/errors.md lists every code with its status, side and text, and no other. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { FAILURES } from '../src/core/answers/failures.ts';
import { FAULTS } from '../src/core/http1/faults.ts';
import { TLS_FAILURES } from '../src/io/tls/failures.ts';

interface Row {
  code: string;
  status: number;
  side: string;
  text: string;
}

const file = readFileSync(resolve(import.meta.dirname, '../docs/errors.md'), 'utf8');
const ROW = /^\| `(\w+)` \| (\d+) \| (\w+) \| (.+?) \| (.+) \|$/gm;
const documented = [...file.matchAll(ROW)].map(([, code, status, side, text]): Row => {
  return { code: code!, status: Number(status), side: side!, text: text! };
});

// Only a server can send a bad status line; all other faults are told to the client as its own.
const faults = Object.entries(FAULTS).map(([code, [status, text]]): Row => {
  return { code, status, side: code === 'bad_status_line' ? 'server' : 'client', text };
});
const failures = Object.entries(FAILURES).map(([code, [side, status, text]]): Row => {
  return { code, status, side, text };
});

test('docs/errors.md lists the codes of the tables, in their order, and no other', () => {
  assert.deepEqual(documented, [...faults, ...failures]);
});

test('no code stands for two things', () => {
  const codes = documented.map((row) => row.code);
  assert.equal(new Set(codes).size, codes.length);
});

test('docs/errors.md lists the reasons of failed handshakes, in their order, and no other', () => {
  const [, section = ''] = file.split('## TLS handshakes');
  const rows = [...section.matchAll(/^\| `(\w+)` \| (.+?) \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, reason, text, help]) => [reason, text, help]),
    Object.entries(TLS_FAILURES).map(([reason, [text, help]]) => [reason, text, help]),
  );
});
