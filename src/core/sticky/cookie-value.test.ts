import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CookieKey, issuedAtS, VALUE_LENGTH, valueBytes } from './cookie-value.ts';

const SECRET = 'a secret of more than sixteen characters';
const SERVERS = [3, 7, 4095].map((row) => ({
  row,
  name: `10.0.0.${row % 256}:80`,
  weight: 1,
  backup: false,
}));

test('a value gives back its server and its time, in 36 characters that a cookie may hold', () => {
  const key = new CookieKey(SECRET, SERVERS);
  const server = fc.constantFrom(...SERVERS.map(({ row }) => row));
  fc.assert(
    fc.property(server, fc.nat({ max: 2 ** 40 - 1 }), (row, issuedS) => {
      const value = key.sign(row, issuedS);
      assert.match(value, /^[A-Za-z0-9_-]+$/);
      assert.equal(value.length, VALUE_LENGTH);
      const bytes = valueBytes(value)!;
      assert.ok(key.signed(bytes));
      assert.equal(key.rowOf(value), row);
      assert.equal(issuedAtS(bytes), issuedS);
    }),
    { numRuns: 200 },
  );
});

test('a value holds over restarts: the same key and address in another table, row and order', () => {
  const value = new CookieKey(SECRET, SERVERS).sign(7, 1);
  const moved = [...SERVERS].reverse().map((server, at) => ({ ...server, row: 100 + at }));
  const other = new CookieKey(SECRET, moved);
  assert.ok(other.signed(valueBytes(value)!));
  assert.equal(other.rowOf(value), 101);
});

test('a value of a server that is configured no more names none', () => {
  const value = new CookieKey(SECRET, SERVERS).sign(7, 1);
  assert.equal(new CookieKey(SECRET, [SERVERS[0]!]).rowOf(value), -1);
});

test('a value with any one bit changed is not signed', () => {
  const key = new CookieKey(SECRET, SERVERS);
  const bytes = valueBytes(key.sign(3, 1_790_000_000))!;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const forged = Buffer.from(bytes);
    forged[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(key.signed(forged), false, `bit ${bit}`);
  }
});

test('a value of another key is not signed', () => {
  const value = new CookieKey('another secret, as long', SERVERS).sign(3, 1);
  assert.equal(new CookieKey(SECRET, SERVERS).signed(valueBytes(value)!), false);
});

test('what is no value has no bytes', () => {
  const value = new CookieKey(SECRET, SERVERS).sign(3, 1);
  for (const text of ['', 'x', value.slice(1), `${value}A`, `${value.slice(0, -1)}%`]) {
    assert.equal(valueBytes(text), undefined, text);
  }
});

test('a value has one spelling only', () => {
  const bytes = Buffer.alloc(27, 0xfb);
  const value = bytes.toString('base64url');
  assert.deepEqual(valueBytes(value), bytes);
  assert.equal(valueBytes(bytes.toString('base64')), undefined);
});
