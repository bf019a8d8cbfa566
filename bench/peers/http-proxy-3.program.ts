/** Run as a process of its own: `http-proxy-3.program.ts PORT BACKEND_PORT`. */
import { Agent, createServer, ServerResponse } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [port, backendPort] = process.argv.slice(2).map(Number);

const proxy = createProxyServer({
  target: `http://127.0.0.1:${backendPort}`,
  agent: new Agent({ keepAlive: true, maxFreeSockets: 256 }),
  xfwd: true,
});
proxy.on('error', (_error, _request, answer) => {
  if (answer instanceof ServerResponse && !answer.headersSent) answer.writeHead(502);
  answer?.end();
});

const server = createServer((request, response) => {
  proxy.web(request, response);
});
server.on('upgrade', (request, socket, head) => {
  proxy.ws(request, socket, head);
});
server.keepAliveTimeout = 300_000;
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
