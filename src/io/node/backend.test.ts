import { backendSuite } from '../backend.suite.ts';
import { NodeBackend } from './backend.ts';
import { nodeListeningSockets } from './listening-sockets.ts';

// libuv accepts and closes who comes while there is no descriptor, so that the next ones are tried.
const inShortage = 'are closed';

backendSuite('node', (context) => new NodeBackend(context), nodeListeningSockets, inShortage);
