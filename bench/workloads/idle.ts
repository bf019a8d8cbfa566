/**
 * Idle kept-alive connections: each has done one request and stays. What the proxy grew by, for one
 * of them. Both looks at its memory come after the same load, in a proxy that is new in each turn:
 * so what it keeps for itself (compiled code, young generation, free lists) is in both, and objects
 * of the idle connections have moved to where they stay.
 */
import { join } from 'node:path';
import { rssBytesOf } from '../measure.ts';
import { start, stop } from '../processes.ts';
import { runWrk } from './http.ts';
import type { Target, Workload } from './workload.ts';

const CONNECTIONS = 10_000;
const PROGRAM = join(import.meta.dirname, 'idle-load.program.ts');
const READY_MS_MAX = 60_000;

export const idle: Workload = {
  name: 'idle',
  title: `${CONNECTIONS} idle kept-alive connections, each after one request`,
  unit: 'connection',
  backend: 'static',
  readyPath: '/health',
  freshPeers: true,
  warmUp: loadBesides,
  turn: async (target) => {
    const rssBytesBefore = rssBytesOf(target.pid);
    const load = start(
      { argv: [process.execPath, PROGRAM, `${target.port}`, `${CONNECTIONS}`], ipc: true },
      target.core,
    );
    try {
      const open = await openConnections(load);
      await loadBesides(target);
      const rssBytes = rssBytesOf(target.pid);
      return {
        values: {
          idleBytes: (rssBytes - rssBytesBefore) / open,
          rssMb: rssBytes / 1024 ** 2,
        },
        errors: CONNECTIONS - open,
      };
    } finally {
      await stop(load);
    }
  },
};

function loadBesides(target: Target): Promise<unknown> {
  return runWrk({ ...target, seconds: 2 }, { path: '/small', connections: 64 });
}

/** Resolves to how many connections stand open once all have done their request and rested. */
function openConnections({ child, stderr }: ReturnType<typeof start>): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the idle connections were not open after ${READY_MS_MAX} ms`)),
      READY_MS_MAX,
    );
    const settle = (open: number) => {
      clearTimeout(timer);
      if (open > 0) resolve(open);
      else reject(new Error(`no idle connection stayed open: ${stderr().trim()}`));
    };
    child.once('message', (message) => settle((message as { open: number }).open));
    child.once('exit', () => settle(0));
  });
}
