/** Servers that answer a POST with the size of its body and echo WebSockets: run with their number. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const addresses: string[] = [];
for (let count = Number(process.argv[2]); count > 0; count--) {
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    request.on('end', () => response.end(String(bytes)));
  });
  server.keepAliveTimeout = 60_000;
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (data) => socket.send(String(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  addresses.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
}
process.on('disconnect', () => process.exit());
process.send!(addresses);
