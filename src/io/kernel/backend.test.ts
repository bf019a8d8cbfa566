import { describe } from 'node:test';
import { backendSuite } from '../backend.suite.ts';
import { nodeListeningSockets } from '../node/listening-sockets.ts';
import { KernelBackend, type OpenPoller } from './backend.ts';
import { EpollPoller } from './epoll.ts';
import { kernelMissing } from './missing.ts';
import { uringMissing } from './uring/missing.ts';
import { openUring } from './uring/open-uring.ts';

const missing = kernelMissing();
const POLLERS: [name: string, OpenPoller, missing: string | null][] = [
  ['epoll', (...of) => new EpollPoller(...of), missing],
  ['io_uring', openUring, missing ?? uringMissing()],
];

for (const [name, open, cause] of POLLERS) {
  describe(name, { skip: cause ?? false }, () => {
    backendSuite(name, (context) => new KernelBackend(open, context), nodeListeningSockets);
  });
}
