import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BODY } from '../http1/framing.ts';
import { endsEvent } from './event-stream.ts';

const ENDS = ['data: a\n\n', 'data: a\r\n\r\n', 'data: a\r\r', ': a comment\n\n'];
const GOES_ON = ['data: a\n', 'data: a\r\n', 'data: a\r', 'data: a', 'a\n\r', 'x\r\n', ''];

for (const [name, kind, after] of [
  ['a chunked body', BODY.chunked, '\r\n'],
  ['a body until close', BODY.untilClose, ''],
] as const) {
  test(`the end of an event is seen in ${name}`, () => {
    const isSeen = (text: string) => {
      const bytes = Buffer.from(`before\n\n${text}${after}`);
      return endsEvent(bytes, 8, bytes.length, kind);
    };
    assert.deepEqual(
      ENDS.map(isSeen),
      ENDS.map(() => true),
    );
    assert.deepEqual(
      GOES_ON.map(isSeen),
      GOES_ON.map(() => false),
    );
  });
}
