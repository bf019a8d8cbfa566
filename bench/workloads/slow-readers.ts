/**
 * Slow readers: a thousand connections that take an answer of 1 MB by 1 KB a second, from the moment
 * they come, while newcomers ask for a small one. What the newcomers see, and how much memory each
 * slow one holds in the kernel, on the proxy's own sockets towards it and towards the server.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { rssBytesOf } from '../measure.ts';
import { type Running, runToEnd, start, stop } from '../processes.ts';
import { runWrk } from './http.ts';
import type { Seen } from './newcomers.program.ts';
import type { Target, Workload } from './workload.ts';

/** Together no more than a kernel of a small machine gives to TCP before it is under pressure. */
const READERS = 1_000;
const NEWCOMERS_PER_SECOND = 200;
/** The slow ones need a second to come, and one to fill what they fill. */
const SECONDS_TO_FILL = 2;
const SPARE_MS = 15_000;
const CROWD = join(import.meta.dirname, 'slow-readers.program.ts');
const NEWCOMERS = join(import.meta.dirname, 'newcomers.program.ts');

export const slowReaders: Workload = {
  name: 'slow-readers',
  title: `${NEWCOMERS_PER_SECOND} new connections a second beside ${READERS} that take 1 KB a second of 1 MB`,
  note: 'Times are from connect to the whole answer, while the slow ones come and after.',
  unit: 'connection',
  backend: 'static',
  readyPath: '/health',
  freshPeers: true,
  warmUp: (target) => runWrk({ ...target, seconds: 1 }, { path: '/small', connections: 64 }),
  turn: async (target) => {
    const kernelBytesBefore = await kernelBytes(target);
    const crowd = start(
      { argv: [process.execPath, CROWD, `${target.port}`, `${READERS}`], ipc: true },
      target.core,
    );
    try {
      const asked = nextCount(crowd);
      const seen = await runNewcomers(target);
      await asked;
      const [kernelBytesAfter, rssBytes] = [await kernelBytes(target), rssBytesOf(target.pid)];
      const counted = nextCount(crowd);
      crowd.child.send('how many');
      const open = await counted;
      if (seen.answered === 0) throw new Error('not one newcomer was answered');
      return {
        values: {
          ...{ p50Ms: seen.p50Us / 1e3, p99Ms: seen.p99Us / 1e3, slowestMs: seen.slowestUs / 1e3 },
          ...{ lost: seen.lost, slowHeld: open },
          ...(open === 0 ? {} : { kernelKb: (kernelBytesAfter - kernelBytesBefore) / 1024 / open }),
          rssMb: rssBytes / 1024 ** 2,
        },
        // Newcomers that were lost are a figure here, not a fault of the run.
        errors: 0,
      };
    } finally {
      await stop(crowd);
    }
  },
};

async function runNewcomers({ port, core, seconds }: Target): Promise<Seen> {
  const lasting = SECONDS_TO_FILL + seconds;
  const argv = [process.execPath, NEWCOMERS, ...[port, NEWCOMERS_PER_SECOND, lasting].map(String)];
  const command = { argv: argv as [string, ...string[]] };
  return JSON.parse(await runToEnd(command, core, lasting * 1_000 + SPARE_MS)) as Seen;
}

async function nextCount({ child, stderr }: Running): Promise<number> {
  const [message] = (await Promise.race([
    once(child, 'message', { signal: AbortSignal.timeout(SPARE_MS) }),
    once(child, 'exit').then(() => {
      throw new Error(`the slow readers ended: ${stderr().trim()}`);
    }),
  ])) as [{ open: number }];
  return message.open;
}

/** Memory of the proxy's sockets towards clients and towards its server. */
async function kernelBytes({ port, backendPort, core }: Target): Promise<number> {
  const filter = `( sport = :${port} or dport = :${backendPort} )`;
  return parseSocketBytes(await runToEnd({ argv: ['ss', '-tmnH', filter] }, core, SPARE_MS));
}

/** Adds up what is received, queued to send and kept at hand, of each `skmem` of ss(8). */
export function parseSocketBytes(stdout: string): number {
  let bytes = 0;
  for (const [, ...sizes] of stdout.matchAll(/skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+),/g)) {
    for (const size of sizes) bytes += Number(size);
  }
  return bytes;
}
