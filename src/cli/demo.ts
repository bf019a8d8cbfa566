/** Three little HTTP servers, so that openclaw has something to balance before you have servers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const NAMES = ['red', 'green', 'blue'] as const;

export interface Demo {
  /** `host:port` of each server. */
  readonly addresses: readonly string[];
  close(): void;
}

export async function startDemo(): Promise<Demo> {
  const servers = await Promise.all(NAMES.map(startServer));
  return {
    addresses: servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`),
    close: () => {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function startServer(name: string): Promise<Server> {
  let answered = 0;
  const server = createServer((request, response) => {
    answered += 1;
    if (request.url === '/events') sendEvents(name, request, response);
    else if (request.url === '/health') response.end('ok\n');
    else {
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      response.end(`hello from ${name}, my answer number ${answered}\n`);
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Five server-sent events, one each half second. */
function sendEvents(name: string, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let count = 0;
  const timer = setInterval(() => {
    count += 1;
    response.write(`data: event ${count} from ${name}\n\n`);
    if (count === 5) response.end();
  }, 500);
  request.once('close', () => clearInterval(timer));
  response.once('close', () => clearInterval(timer));
}
