import { describe } from 'node:test';
import { backendSuite } from '../backend.suite.ts';
import { nodeListeningSockets } from '../node/listening-sockets.ts';
import { KernelBackend, type OpenPoller } from './backend.ts';
import { EpollPoller } from './epoll.ts';
import { kernelMissing } from './missing.ts';
import { uringMissing } from './uring/missing.ts';
import { openUring } from './uring/open-uring.ts';

const POLLERS: [name: string, OpenPoller, missing: string | null][] = [
  ['epoll', (...of) => new EpollPoller(...of), kernelMissing()],
  ['io_uring', openUring, uringMissing()],
];

for (const [name, open, cause] of POLLERS) {
  describe(name, { skip: cause ?? false }, () => {
    backendSuite(name, (context) => new KernelBackend(open, context), nodeListeningSockets);
  });
}
