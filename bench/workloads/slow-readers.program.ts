/**
 * Run as a process of its own with a channel for messages: `slow-readers.program.ts PORT COUNT`. Each
 * connection asks for 1 MB and takes 1 KB of it a second. Says how many are open once all have asked,
 * and again whenever it is asked; ends with its parent.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
/** A thousand in a second, as slowhttptest opens them. */
const BATCH = 50;
const BATCH_MS = 50;
const SIP_BYTES = 1_024;
const SIP_EVERY_MS = 1_000;
const TURN_MS = 50;
const REQUEST = `GET /slow/1m HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;

/** Into one buffer for all, so that no more is taken from the kernel than a sip; nobody reads it. */
const sip = Buffer.alloc(SIP_BYTES);
const sockets: Socket[] = [];

function open(): Socket {
  const socket = connect({
    ...{ port, host: '127.0.0.1' },
    onread: { buffer: sip, callback: () => false },
  });
  socket.on('error', () => {});
  socket.write(REQUEST);
  return socket;
}

const tell = () => process.send!({ open: sockets.filter((one) => !one.destroyed).length });
process.on('message', tell);
process.once('disconnect', () => process.exit());

let next = 0;
setInterval(() => {
  const due = Math.ceil((sockets.length * TURN_MS) / SIP_EVERY_MS);
  for (let nth = 0; nth < due; nth++) sockets[next++ % sockets.length]!.resume();
}, TURN_MS);
while (sockets.length < count) {
  for (let nth = 0; nth < BATCH && sockets.length < count; nth++) sockets.push(open());
  await sleep(BATCH_MS);
}
tell();
