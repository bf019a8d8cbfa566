/** A server that can be told to go wrong: run with a port, told by messages what to do. */
import { createServer, type ServerResponse } from 'node:http';
import type { Behaviour } from './faulty-server.ts';

const ANSWER_MS = 5;
const SLOW_MS = 1500;
const BODY = 'x'.repeat(1000);

const port = Number(process.argv[2]);
let behaviour: Behaviour = 'well';

const server = createServer((request, response) => {
  request.resume();
  if (behaviour === 'status 500') {
    response.writeHead(500).end('out of order');
    return;
  }
  // A server that is slow at its work most often still answers its health checks.
  const isSlow = behaviour === 'slow' && request.url !== '/health';
  setTimeout(() => answer(response), isSlow ? SLOW_MS : ANSWER_MS);
});
server.keepAliveTimeout = 60_000;

function answer(response: ServerResponse): void {
  if (behaviour !== 'reset' && behaviour !== 'truncated') {
    response.end(BODY);
    return;
  }
  response.writeHead(200, { 'content-length': BODY.length });
  response.write(BODY.slice(500), () => {
    if (behaviour === 'reset') response.socket?.resetAndDestroy();
    else response.socket?.destroy();
  });
}

process.on('message', (next: Behaviour) => {
  if (next === 'closed') {
    server.close();
    server.closeAllConnections();
  } else if (!server.listening) server.listen(port, '127.0.0.1');
  behaviour = next;
  process.send!('done');
});
process.on('disconnect', () => process.exit());

server.listen(port, '127.0.0.1', () => process.send!('done'));
