import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stream } from '../ports/stream.ts';
import { HeldBody } from './held-body.ts';

/** What a body is sent as: each call one text. */
function sent(body: HeldBody): string[] {
  const calls: string[] = [];
  const write = (bytes: Buffer, start: number, end: number) => bytes.toString('latin1', start, end);
  body.sendAfter('HEAD ', {
    writeText: (text: string) => calls.push(text),
    writeBytes: (bytes: Buffer, start: number, end: number) => calls.push(write(bytes, start, end)),
    writeTextAndBytes: (text: string, bytes: Buffer, start: number, end: number) =>
      calls.push(text + write(bytes, start, end)),
  } as unknown as Stream);
  return calls;
}

const keep = (body: HeldBody, text: string) => body.keep(Buffer.from(text), 0, text.length);

test('a body that drips is held in few pieces, and sent whole and in order, twice', () => {
  const body = new HeldBody();
  body.begin();
  let whole = '';
  for (let at = 0; at < 20_000; at++) {
    const piece = String.fromCharCode(97 + (at % 26));
    whole += piece;
    keep(body, piece);
  }
  assert.equal(body.byteCount, 20_000);
  for (const calls of [sent(body), sent(body)]) {
    assert.equal(calls.join(''), `HEAD ${whole}`);
    assert.ok(calls.length < 10, `${calls.length} pieces`);
  }
});

test('pieces of any size stay in order', () => {
  const body = new HeldBody();
  body.begin();
  const sizes = [1, 5_000, 3, 4_096, 4_095, 2, 10_000, 1];
  const pieces = sizes.map((size, at) => String(at).repeat(size));
  for (const piece of pieces) keep(body, piece);
  assert.equal(sent(body).join(''), `HEAD ${pieces.join('')}`);
  body.begin();
  assert.deepEqual(sent(body), ['HEAD ']);
  keep(body, 'x');
  assert.deepEqual(sent(body), ['HEAD x']);
});
