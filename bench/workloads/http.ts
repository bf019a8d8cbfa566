/** The workloads over HTTP, all driven by wrk: as many requests as the proxy takes. */
import { join } from 'node:path';
import { runToEnd, writeFiles } from '../processes.ts';
import { type Load, measureLoad, type Target, type Workload } from './workload.ts';

const WARM_UP_SECONDS = 2;
/** What wrk may take beyond its duration to begin and to end. */
const WRK_SPARE_MS = 10_000;

export interface HttpAsk {
  readonly path: string;
  readonly connections: number;
  readonly scheme?: 'https';
  /** Lines of Lua that set wrk's request. */
  readonly lua?: string;
}

export const small = httpWorkload('small', '64 kept-alive connections, answers of 130 bytes', {
  path: '/small',
  connections: 64,
});

export const answers64k = httpWorkload('64k', '64 kept-alive connections, answers of 64 KB', {
  path: '/large/64k',
  connections: 64,
});

export const answers1m = httpWorkload('1m', '16 kept-alive connections, answers of 1 MB', {
  path: '/large/1m',
  connections: 16,
});

export const upload = httpWorkload('upload', '64 kept-alive connections, POST of 16 KB', {
  path: '/upload',
  connections: 64,
  lua: 'wrk.method = "POST"\nwrk.body = string.rep("x", 16384)',
});

export const close = httpWorkload('close', 'a new connection for each request, 64 at a time', {
  path: '/small',
  connections: 64,
  lua: 'wrk.headers["Connection"] = "close"',
});

export function httpWorkload(name: string, title: string, ask: HttpAsk): Workload {
  return {
    name,
    title,
    unit: 'request',
    backend: 'static',
    readyPath: '/health',
    freshPeers: false,
    warmUp: (target) => runWrk({ ...target, seconds: WARM_UP_SECONDS }, ask),
    turn: (target) => measureLoad(target, () => runWrk(target, ask)),
  };
}

/** wrk's own report rounds its figures; this one is read whole. */
const REPORT_LUA = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'LOAD {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"errors":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;

type LoadTarget = Pick<Target, 'port' | 'core' | 'seconds' | 'folder'>;

/** Runs wrk with one thread and gives back its figures; throws when it does not end in time. */
export async function runWrk(target: LoadTarget, ask: HttpAsk): Promise<Load> {
  await writeFiles(target.folder, { 'load.lua': `${ask.lua ?? ''}\n${REPORT_LUA}` });
  const stdout = await runToEnd(
    {
      argv: [
        'wrk',
        ...['-t', '1', '-c', `${ask.connections}`, '-d', `${target.seconds}s`],
        ...['-s', join(target.folder, 'load.lua')],
        `${ask.scheme ?? 'http'}://127.0.0.1:${target.port}${ask.path}`,
      ],
    },
    target.core,
    target.seconds * 1_000 + WRK_SPARE_MS,
  );
  return parseLoad(stdout);
}

/** Finds the line of REPORT_LUA among wrk's own. */
export function parseLoad(stdout: string): Load {
  const line = /^LOAD (\{.*\})$/m.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`wrk gave no figures: ${stdout.slice(0, 500)}`);
  return JSON.parse(line) as Load;
}
