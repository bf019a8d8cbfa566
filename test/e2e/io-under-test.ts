/**
 * What the data threads of every openclaw that a test starts do their I/O by, where the test itself
 * does not say: `OPENCLAW_TEST_IO`, one of io_uring, epoll and node; the best there is if it is unset.
 */

import { IO_KINDS, type IoKind } from '../../src/base/io-kind.ts';
import { chooseIo, IoError } from '../../src/io/choice.ts';

const kind = process.env.OPENCLAW_TEST_IO ?? '';
if (kind !== '' && !IO_KINDS.includes(kind as IoKind))
  throw new Error(`OPENCLAW_TEST_IO is ${kind}: give one of ${IO_KINDS.join(', ')}`);

/** Settings to put under load_balancing. */
export const IO_UNDER_TEST: { readonly io?: IoKind } = kind === '' ? {} : { io: kind as IoKind };

/** Why this machine does not have a kind; false: it has. */
export function lacks(kind: IoKind): string | false {
  try {
    chooseIo(kind);
    return false;
  } catch (error) {
    if (error instanceof IoError) return error.message;
    throw error;
  }
}
