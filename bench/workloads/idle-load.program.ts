/**
 * Run as a process of its own with a channel for messages: `idle-load.program.ts PORT CONNECTIONS`.
 * Opens the connections, does one request on each, rests two seconds, says how many are still open,
 * and keeps them until it is ended or its parent goes.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isWhole } from './one-answer.ts';

const [port, connections] = process.argv.slice(2).map(Number) as [number, number];

/** As many at a time as the HTTP workloads have, so that as many upstream connections are made. */
const BATCH = 64;
const REQUEST_MS_MAX = 5_000;
const REST_MS = 2_000;

process.once('disconnect', () => process.exit());

const sockets: Socket[] = [];
while (sockets.length < connections) {
  const batch = Array.from({ length: Math.min(BATCH, connections - sockets.length) }, () =>
    connect({ port, host: '127.0.0.1', noDelay: true }),
  );
  sockets.push(...batch);
  await Promise.all(batch.map(request));
}
await sleep(REST_MS);
process.send?.({ open: sockets.filter((socket) => !socket.destroyed).length });

/** One request and its whole answer; a socket that fails is destroyed and so not counted. */
function request(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (!isWhole(answer)) return;
      socket.setTimeout(0);
      resolve();
    });
    socket.setTimeout(REQUEST_MS_MAX, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
    socket.write(`GET /small HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  });
}
