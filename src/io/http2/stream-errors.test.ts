import assert from 'node:assert/strict';
import type { ServerHttp2Session } from 'node:http2';
import { test } from 'node:test';
import { StreamErrors } from './stream-errors.ts';

const BROKEN = Object.assign(new Error('Protocol error'), { code: 'ERR_HTTP2_ERROR', errno: -505 });
const CANCEL = 8;
const PROTOCOL_ERROR = 1;

/** What becomes of a session that was told of an error, and of streams closed in the same turn. */
async function afterError(...codes: number[]) {
  let isDestroyed = false;
  const session = {
    destroy: () => {
      isDestroyed = true;
    },
  } as unknown as ServerHttp2Session;
  const errors = new StreamErrors(session);
  session.destroy(BROKEN);
  const broken = codes.map((code) => errors.closed(code));
  await new Promise((resolve) => setImmediate(resolve));
  return { isDestroyed, broken };
}

test('an error of one stream leaves the session', async () => {
  assert.deepEqual(await afterError(PROTOCOL_ERROR), { isDestroyed: false, broken: [true] });
});

test('an error of no stream ends the session', async () => {
  assert.deepEqual(await afterError(), { isDestroyed: true, broken: [] });
});

test('streams that the client cancelled make no error one of a stream', async () => {
  assert.deepEqual(await afterError(CANCEL, 0), { isDestroyed: true, broken: [false, false] });
});
