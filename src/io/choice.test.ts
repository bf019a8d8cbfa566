import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IoKind, ioText } from '../base/io-kind.ts';
import { chooseIo, IoError, type Missing } from './choice.ts';

const lacking = (lacks: Partial<Record<IoKind, string>>): Missing => ({
  io_uring: () => lacks.io_uring ?? null,
  epoll: () => lacks.epoll ?? null,
  node: () => lacks.node ?? null,
});

test('auto takes the best there is, and says what keeps a better one away', () => {
  const [forbidden, old] = ['the container forbids it', 'Node.js 24 has no node:ffi'];
  for (const [lacks, kind, text] of [
    [{}, 'io_uring', 'io_uring'],
    [{ io_uring: forbidden }, 'epoll', `epoll (not io_uring: ${forbidden})`],
    [{ io_uring: old, epoll: old }, 'node', `node (not io_uring: ${old})`],
    [
      { io_uring: forbidden, epoll: old },
      'node',
      `node (not io_uring: ${forbidden}; epoll: ${old})`,
    ],
    [{ epoll: old }, 'io_uring', 'io_uring'],
  ] as const) {
    const choice = chooseIo('auto', lacking(lacks));
    assert.equal(choice.kind, kind);
    assert.equal(ioText(choice), text);
  }
});

test('what is asked for is used, or refused with the cause and a way out', () => {
  for (const kind of ['io_uring', 'epoll', 'node'] as const) {
    assert.deepEqual(chooseIo(kind, lacking({})), { kind, reason: '' });
  }
  const refused = (error: unknown) => {
    assert.ok(error instanceof IoError);
    assert.equal(error.message, 'io: epoll cannot be used here: no such thing');
    assert.match(error.help, /auto/);
    return true;
  };
  assert.throws(() => chooseIo('epoll', lacking({ epoll: 'no such thing' })), refused);
});
