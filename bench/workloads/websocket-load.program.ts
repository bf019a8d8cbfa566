/**
 * Run as a process of its own: `websocket-load.program.ts PORT SOCKETS SECONDS`. Prints one Load as
 * JSON. It speaks only as much of RFC 6455 as it needs, so that it costs less than what it measures.
 */
import { connect, type Socket } from 'node:net';
import { Latencies } from './latencies.ts';

const [port, sockets, seconds] = process.argv.slice(2).map(Number) as [number, number, number];

const PAYLOAD_BYTES = 32;
/** A client's frame: FIN and text, masked (RFC 6455 §5.2), with the mask 0 that changes nothing. */
const MESSAGE = Buffer.concat([
  Buffer.from([0x81, 0x80 | PAYLOAD_BYTES, 0, 0, 0, 0]),
  Buffer.alloc(PAYLOAD_BYTES, 'm'),
]);
/** What comes back is not masked. */
const ECHO_BYTES = 2 + PAYLOAD_BYTES;
const HANDSHAKE = [
  'GET /websocket HTTP/1.1',
  `Host: 127.0.0.1:${port}`,
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n');

const latencies = new Latencies();
let errors = 0;
let running = true;

const opened = Array.from({ length: sockets }, openSocket);
const beganAt = performance.now();
setTimeout(report, seconds * 1_000);

function openSocket(): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let head: string | undefined = '';
  let bytesMissing = 0;
  let sentAt = 0;
  const send = () => {
    sentAt = performance.now();
    bytesMissing = ECHO_BYTES;
    socket.write(MESSAGE);
  };
  socket.write(HANDSHAKE);
  socket.on('data', (chunk: Buffer) => {
    if (head !== undefined) {
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      if (!head.startsWith('HTTP/1.1 101')) {
        socket.destroy(new Error(head));
        return;
      }
      head = undefined;
      send();
      return;
    }
    bytesMissing -= chunk.length;
    if (bytesMissing > 0 || !running) return;
    latencies.add((performance.now() - sentAt) * 1_000);
    send();
  });
  socket.on('error', (error) => console.error(error.message));
  socket.on('close', () => {
    if (running) errors++;
  });
  return socket;
}

function report(): void {
  running = false;
  process.stdout.write(JSON.stringify(latencies.load(beganAt, errors)));
  for (const socket of opened) socket.destroy();
}
