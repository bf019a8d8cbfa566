import { describe, it } from 'node:test';
import { Surroundings, type TestWith } from '../backend.fixture.ts';
import { listeners } from '../listeners.suite.ts';
import { nodeListeningSockets } from '../node/listening-sockets.ts';
import { streams } from '../streams.suite.ts';
import { KernelBackend } from './backend.ts';
import { hasCalls } from './calls.ts';
import { EpollPoller } from './epoll.ts';

/** Nothing hangs for longer. */
const TEST_MS_MAX = 20_000;

const testWith: TestWith = (what, test) =>
  it(what, { timeout: TEST_MS_MAX, skip: !hasCalls }, async () => {
    const around = new Surroundings(
      (context) => new KernelBackend((arena, loopFd) => new EpollPoller(arena, loopFd), context),
    );
    try {
      await test(around);
    } finally {
      around.end();
    }
  });

describe('a stream of the epoll backend', () => streams(testWith));
describe('listeners of the epoll backend', () => listeners(testWith, nodeListeningSockets));
