/**
 * Run as a process of its own: `websocket-echo.program.ts PORT`. Sends every WebSocket message of
 * fewer than 126 bytes back, and answers 200 to every other request. Raw sockets, so that it costs
 * less than the proxies in front of it.
 */
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

const [port] = process.argv.slice(2).map(Number);

/** RFC 6455 §1.3. */
const ACCEPT_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CLIENT_FRAME_HEAD_BYTES = 6;
const HEAD_CHARS_MAX = 16_384;

createServer({ noDelay: true }, (socket) => {
  let head = '';
  const onHead = (chunk: Buffer) => {
    head += chunk.toString('latin1');
    if (head.length > HEAD_CHARS_MAX) socket.destroy();
    if (!head.endsWith('\r\n\r\n')) return;
    const key = /^sec-websocket-key:\s*(\S+)/im.exec(head)?.[1];
    head = '';
    if (key === undefined) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      return;
    }
    socket.off('data', onHead);
    echo(socket);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${createHash('sha1')
          .update(key + ACCEPT_SALT)
          .digest('base64')}\r\n\r\n`,
    );
  };
  socket.on('data', onHead);
  socket.on('error', () => socket.destroy());
}).listen({ port, host: '127.0.0.1', backlog: 4096 });

function echo(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= CLIENT_FRAME_HEAD_BYTES) {
      const payloadBytes = rest[1]! & 0x7f;
      const frameBytes = CLIENT_FRAME_HEAD_BYTES + payloadBytes;
      if (payloadBytes > 125) {
        socket.destroy(new Error('the echo takes messages of at most 125 bytes'));
        return;
      }
      if (rest.length < frameBytes) return;
      socket.write(unmasked(rest, payloadBytes));
      rest = rest.subarray(frameBytes);
    }
  });
}

function unmasked(frame: Buffer, payloadBytes: number): Buffer {
  const answer = Buffer.allocUnsafe(2 + payloadBytes);
  answer[0] = frame[0]!;
  answer[1] = payloadBytes;
  for (let i = 0; i < payloadBytes; i++) {
    answer[2 + i] = frame[CLIENT_FRAME_HEAD_BYTES + i]! ^ frame[2 + (i & 3)]!;
  }
  return answer;
}
