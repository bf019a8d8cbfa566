/**
 * Run as a process of its own: `crowd.program.ts PORT IDLE SLOW`. Opens connections that do nothing
 * after one request, and others that ask for a large answer and take a little of it now and then;
 * says how many stand when all are open, and again whenever it is asked.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, idle, slow] = process.argv.slice(2).map(Number) as [number, number, number];
const BATCH = 50;
const BATCH_REST_MS = 10;
/** Above `limits.download_rate`, or they would be cut off and hold nothing. */
const SIP_BYTES = 4_096;
const SIP_EVERY_MS = 5_000;
const TURN_MS = 50;

const sockets: Socket[] = [];
const slowOnes: Socket[] = [];

function open(path: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', readableHighWaterMark: SIP_BYTES } as never);
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  sockets.push(socket);
  return socket;
}

async function openAll(): Promise<void> {
  for (let nth = 0; nth < idle + slow; nth++) {
    if (nth < slow) {
      const socket = open('/large/1m');
      socket.pause();
      slowOnes.push(socket);
    } else open('/small').resume();
    if (nth % BATCH === BATCH - 1) await sleep(BATCH_REST_MS);
  }
}

const tell = () => process.send!({ open: sockets.filter((one) => !one.destroyed).length });

await openAll();
// A few at a time: all at once would be an attack of another kind.
let next = 0;
setInterval(() => {
  const count = Math.ceil((slowOnes.length * TURN_MS) / SIP_EVERY_MS);
  for (let nth = 0; nth < count; nth++) slowOnes[next++ % slowOnes.length]?.read(SIP_BYTES);
}, TURN_MS);
tell();
process.on('message', tell);
process.once('disconnect', () => process.exit());
