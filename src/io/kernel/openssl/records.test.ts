import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Records } from './records.ts';

test('records are told apart, however their bytes come together', () => {
  const records = [0, 1, 5, 300, 16_384 + 256].map((bodyBytes) => {
    const record = Buffer.alloc(5 + bodyBytes, 0xff);
    record.writeUInt16BE(bodyBytes, 3);
    return record;
  });
  const ends: number[] = [];
  for (const record of records) ends.push((ends.at(-1) ?? 0) + record.length);
  const all = Buffer.concat(records);
  for (const pieceBytes of [1, 2, 3, 4, 5, 6, 7, 100, all.length]) {
    const counting = new Records();
    const found: number[] = [];
    for (let start = 0; start < all.length; start += pieceBytes) {
      const end = Math.min(start + pieceBytes, all.length);
      for (let at = start; at < end; ) {
        at += counting.next(all, at, end);
        if (counting.isWhole) found.push(at);
      }
    }
    assert.deepEqual(found, ends, `in pieces of ${pieceBytes}`);
  }
});
