import { describe } from 'node:test';
import { backendSuite } from '../backend.suite.ts';
import { nodeListeningSockets } from '../node/listening-sockets.ts';
import { KernelBackend } from './backend.ts';
import { hasCalls } from './calls.ts';
import { EpollPoller } from './epoll.ts';

describe("the kernel's calls", { skip: !hasCalls }, () => {
  backendSuite(
    'epoll',
    (context) => new KernelBackend((arena, loopFd) => new EpollPoller(arena, loopFd), context),
    nodeListeningSockets,
  );
});
