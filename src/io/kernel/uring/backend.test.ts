import { describe, it } from 'node:test';
import { Surroundings, type TestWith } from '../../backend.fixture.ts';
import { listeners } from '../../listeners.suite.ts';
import { nodeListeningSockets } from '../../node/listening-sockets.ts';
import { streams } from '../../streams.suite.ts';
import { KernelBackend } from '../backend.ts';
import { uringMissing } from './missing.ts';
import { openUring } from './open-uring.ts';

/** Nothing hangs for longer. */
const TEST_MS_MAX = 20_000;
const skip = uringMissing() ?? false;

const testWith: TestWith = (what, test) =>
  it(what, { timeout: TEST_MS_MAX, skip }, async () => {
    const around = new Surroundings((context) => new KernelBackend(openUring, context));
    try {
      await test(around);
    } finally {
      around.end();
    }
  });

describe('a stream of the io_uring backend', () => streams(testWith));
describe('listeners of the io_uring backend', () => listeners(testWith, nodeListeningSockets));
