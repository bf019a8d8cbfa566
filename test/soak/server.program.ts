/** The server of a soak: run with a port in a process of its own, and killed now and then. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { pattern } from './content.ts';

const EVENTS_EVERY_MS = 200;

const port = Number(process.argv[2]);
const server = createServer((request, response) => {
  const url = new URL(request.url!, 'http://soak');
  const number = (name: string) => Number(url.searchParams.get(name) ?? 0);
  response.on('error', () => {});
  switch (url.pathname) {
    case '/download':
      download(response, number('bytes'), url.searchParams.has('chunked'));
      break;
    case '/upload':
      upload(request, response);
      break;
    case '/events':
      events(response);
      break;
    case '/later':
      setTimeout(() => response.end('later'), number('ms'));
      break;
    default:
      response.end('small');
  }
});
server.keepAliveTimeout = 3_000;

function download(response: ServerResponse, bytes: number, isChunked: boolean): void {
  response.writeHead(200, isChunked ? {} : { 'content-length': bytes });
  let sent = 0;
  const more = () => {
    while (sent < bytes) {
      const piece = pattern(sent, Math.min(64 * 1024, bytes - sent));
      sent += piece.length;
      if (!response.write(piece)) return;
    }
    response.end();
  };
  response.on('drain', more);
  more();
}

/** Says how many bytes came, and whether they were the right ones. */
function upload(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  let isRight = true;
  request.on('error', () => {});
  request.on('data', (piece: Buffer) => {
    isRight &&= piece.equals(pattern(bytes, piece.length));
    bytes += piece.length;
  });
  request.on('end', () => response.end(`${bytes} ${isRight}`));
}

function events(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let id = 0;
  const timer = setInterval(() => response.write(`id: ${++id}\ndata: tick\n\n`), EVENTS_EVERY_MS);
  response.on('close', () => clearInterval(timer));
}

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
});

process.on('disconnect', () => process.exit());
server.listen(port, '127.0.0.1', () => process.send!('done'));
