/** WebSocket messages: 50 sockets, each sends a small message and waits for it to come back. */
import { join } from 'node:path';
import { runToEnd } from '../processes.ts';
import { type Load, measureLoad, type Target, type Workload } from './workload.ts';

const PROGRAM = join(import.meta.dirname, 'websocket-load.program.ts');
const SOCKETS = 50;
const WARM_UP_SECONDS = 2;
const SPARE_MS = 10_000;

export const websocket: Workload = {
  name: 'websocket',
  title: `${SOCKETS} WebSockets, messages of 32 bytes, each sent there and back`,
  unit: 'message there and back',
  backend: 'websocket',
  readyPath: '/health',
  freshPeers: false,
  warmUp: (target) => runLoad({ ...target, seconds: WARM_UP_SECONDS }),
  turn: (target) => measureLoad(target, () => runLoad(target)),
};

async function runLoad(target: Target): Promise<Load> {
  const stdout = await runToEnd(
    { argv: [process.execPath, PROGRAM, `${target.port}`, `${SOCKETS}`, `${target.seconds}`] },
    target.core,
    target.seconds * 1_000 + SPARE_MS,
  );
  return JSON.parse(stdout) as Load;
}
