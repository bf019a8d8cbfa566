import { backendSuite } from '../backend.suite.ts';
import { NodeBackend } from './backend.ts';
import { nodeListeningSockets } from './listening-sockets.ts';

backendSuite('node', (context) => new NodeBackend(context), nodeListeningSockets);
