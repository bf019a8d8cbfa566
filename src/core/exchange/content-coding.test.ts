import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { decoded } from './content-coding.ts';

const TEXT = Buffer.from('{"name":"1 union select password from users"}');
const LIMIT = 64 * 1024;

for (const [coding, encode] of Object.entries({
  gzip: gzipSync,
  'X-GZIP': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
})) {
  test(`${coding} is undone`, () => {
    assert.deepEqual(decoded(encode(TEXT), coding, LIMIT), { bytes: TEXT, isCut: false });
  });
}

for (const [coding, encode] of Object.entries({
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
})) {
  test(`${coding}: what is cut off in the middle is decoded as far as it goes`, () => {
    const text = Buffer.from(
      Array.from({ length: 60_000 }, (_, n) => `${(n * 7919) % 9973} `).join(''),
    );
    const sent = encode(text);
    const { bytes } = decoded(sent.subarray(0, Math.floor(sent.length / 2)), coding, LIMIT);
    assert.ok(bytes.length > 1000, `${bytes.length} bytes`);
    assert.ok(text.subarray(0, bytes.length).equals(bytes));
  });
}

test('a bomb is decoded in part, and quickly said to go on', () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a'));
  const { bytes, isCut } = decoded(bomb, 'gzip', LIMIT);
  assert.equal(isCut, true);
  assert.ok(bytes.length <= LIMIT);
  assert.ok(bytes.toString('latin1').startsWith('aaaa'));
});

test('zstd that is cut off gives nothing, and is left as it is', () => {
  const sent = zstdCompressSync(Buffer.from('a text, '.repeat(1000)));
  const half = sent.subarray(0, sent.length / 2);
  assert.deepEqual(decoded(half, 'zstd', LIMIT), { bytes: half, isCut: true });
});

test('deflate without the frame of zlib is undone as well', () => {
  assert.deepEqual(decoded(deflateRawSync(TEXT), 'deflate', LIMIT), { bytes: TEXT, isCut: false });
  assert.equal(decoded(Buffer.from('x'), 'deflate', LIMIT).bytes.toString(), 'x');
});

test('codings within codings are undone, the last first', () => {
  const twice = brotliCompressSync(gzipSync(TEXT));
  assert.deepEqual(decoded(twice, 'identity, gzip, br', LIMIT).bytes, TEXT);
  assert.deepEqual(decoded(gzipSync(TEXT), 'gzip, identity', LIMIT).bytes, TEXT);
  const often = Array.from({ length: 50 }, () => 'gzip').join(',');
  assert.deepEqual(decoded(gzipSync(TEXT), often, LIMIT).bytes, TEXT);
});

test('what is not known or does not decode stays as it is', () => {
  for (const coding of ['', 'identity', 'compress', 'constructor', 'gzip, compress']) {
    assert.equal(decoded(TEXT, coding, LIMIT).bytes, TEXT, coding);
  }
  assert.deepEqual(decoded(TEXT, 'gzip', LIMIT), { bytes: TEXT, isCut: true });
});

test('a body that was not undone whole says so: too many codings, or one that is not known', () => {
  const four = [1, 2, 3, 4].reduce((bytes) => gzipSync(bytes), TEXT as Buffer);
  assert.equal(decoded(four, 'gzip, gzip, gzip, gzip', LIMIT).isCut, true);
  const three = [1, 2, 3].reduce((bytes) => gzipSync(bytes), TEXT as Buffer);
  assert.deepEqual(decoded(three, 'gzip, gzip, gzip', LIMIT), { bytes: TEXT, isCut: false });
  const packed = Buffer.from([0x1f, 0x9d, 0x90, 0x3c, 0xe6]);
  assert.deepEqual(decoded(packed, 'compress', LIMIT), { bytes: packed, isCut: true });
  // A client's mistake; the text is what it is.
  assert.deepEqual(decoded(TEXT, 'utf-8', LIMIT), { bytes: TEXT, isCut: false });
});
