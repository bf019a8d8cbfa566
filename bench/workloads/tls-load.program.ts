/**
 * Run as a process of its own: `tls-load.program.ts PORT LANES SECONDS full|resumed`. Each lane makes
 * a TLS 1.3 connection, asks once, reads the whole answer, closes, and begins again; `resumed` hands
 * in the newest ticket of the lane. Prints one Load as JSON; a handshake of the other kind is an error.
 */
import { type ConnectionOptions, connect } from 'node:tls';
import { Latencies } from './latencies.ts';
import { onAnswer } from './one-answer.ts';

const [port, lanes, seconds] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const resumes = process.argv[5] === 'resumed';
const CONNECTION_MS_MAX = 5_000;
/** Why a lane ends early: a proxy that refuses everything would be asked without end. */
const ERRORS_MAX = 100;

const OPTIONS: ConnectionOptions = {
  ...{ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false },
  ...{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
  // Node's own first choice, a post-quantum one, costs those most who are new enough to take it.
  ecdhCurve: 'X25519',
};
const REQUEST = `GET /small HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`;

const latencies = new Latencies();
let errors = 0;
let beganAt = performance.now();
const endsAt = () => beganAt + seconds * 1_000;

interface Lane {
  ticket: Buffer | undefined;
}

/** One connection; true when it was answered and its handshake was of the kind that was asked for. */
function visit(lane: Lane): Promise<boolean> {
  const { ticket } = lane;
  return new Promise((resolve) => {
    const socket = connect(ticket === undefined ? OPTIONS : { ...OPTIONS, session: ticket });
    let isResumed = false;
    socket.setTimeout(CONNECTION_MS_MAX, () => socket.destroy());
    socket.once('secureConnect', () => {
      isResumed = socket.isSessionReused();
      socket.write(REQUEST);
    });
    if (resumes) {
      socket.on('session', (newest) => {
        lane.ticket = newest;
      });
    }
    onAnswer(socket, (isWell) => resolve(isWell && isResumed === (ticket !== undefined)));
  });
}

async function run(lane: Lane): Promise<void> {
  while (performance.now() < endsAt() && errors < ERRORS_MAX) {
    const startedAt = performance.now();
    if (await visit(lane)) latencies.add((performance.now() - startedAt) * 1_000);
    else errors++;
  }
}

const all = Array.from({ length: lanes }, (): Lane => ({ ticket: undefined }));
if (resumes) {
  for (const lane of all) {
    await visit(lane);
    if (lane.ticket === undefined) throw new Error('no ticket came with the first connection');
  }
}
beganAt = performance.now();
await Promise.all(all.map(run));
process.stdout.write(JSON.stringify(latencies.load(beganAt, errors)));
