/** The workloads over TLS: kept-alive requests, connections resumed and anew, and HTTP/2. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyKind } from '../certificate.ts';
import { runToEnd } from '../processes.ts';
import { runWrk } from './http.ts';
import { Latencies } from './latencies.ts';
import { type Load, measureLoad, type Target, type Workload } from './workload.ts';

const WARM_UP_SECONDS = 2;
const SPARE_MS = 10_000;
const PROGRAM = join(import.meta.dirname, 'tls-load.program.ts');
/** Few: a client costs as much as a server, and shares its core with the backend. */
const LANES = 4;
const SMALL = { path: '/small', connections: 64, scheme: 'https' } as const;

export const tlsSmall = workload(
  'tls-small',
  '64 kept-alive TLS connections, answers of 130 bytes',
  'request',
  'ec',
  (target) => runWrk(target, SMALL),
);

export const tlsResumed = workload(
  'tls-resumed',
  `a new TLS 1.3 connection for each request, resumed, ${LANES} at a time`,
  'connection',
  'ec',
  (target) => runConnections(target, 'resumed'),
);

export const tlsHandshakes = workload(
  'tls-handshakes',
  `a new TLS 1.3 connection for each request, whole handshakes, ECDSA P-256, ${LANES} at a time`,
  'connection',
  'ec',
  (target) => runConnections(target, 'full'),
);

export const tlsHandshakesRsa = workload(
  'tls-handshakes-rsa',
  `a new TLS 1.3 connection for each request, whole handshakes, RSA 2048, ${LANES} at a time`,
  'connection',
  'rsa',
  (target) => runConnections(target, 'full'),
);

export const h2Small = workload(
  'h2-small',
  '8 HTTP/2 connections with 32 streams each, answers of 130 bytes',
  'request',
  'ec',
  runH2load,
);

function workload(
  name: string,
  title: string,
  unit: string,
  tls: KeyKind,
  run: (target: Target) => Promise<Load>,
): Workload {
  return {
    name,
    title,
    unit,
    tls,
    backend: 'static',
    readyPath: '/health',
    freshPeers: false,
    warmUp: (target) => run({ ...target, seconds: WARM_UP_SECONDS }),
    turn: (target) => measureLoad(target, () => run(target)),
  };
}

async function runConnections(target: Target, kind: 'full' | 'resumed'): Promise<Load> {
  const { port, core, seconds } = target;
  const argv: [string, ...string[]] = [
    ...([process.execPath, PROGRAM, `${port}`, `${LANES}`, `${seconds}`, kind] as const),
  ];
  return JSON.parse(await runToEnd({ argv }, core, seconds * 1_000 + SPARE_MS)) as Load;
}

async function runH2load(target: Target): Promise<Load> {
  const { port, core, seconds, folder } = target;
  const log = join(folder, 'h2load.log');
  const argv: [string, ...string[]] = [
    ...(['h2load', '-t', '1', '-c', '8', '-m', '32', '-D', `${seconds}`] as const),
    ...['--log-file', log, `https://127.0.0.1:${port}/small`],
  ];
  const stdout = await runToEnd({ argv }, core, seconds * 1_000 + SPARE_MS);
  const latencies = parseH2loadLog(await readFile(log, 'latin1'));
  return {
    ...parseH2load(stdout),
    durationUs: seconds * 1e6,
    p50Us: latencies.percentileUs(0.5),
    p99Us: latencies.percentileUs(0.99),
  };
}

/** Reads the log of h2load(1): a line for each request, its start, status and microseconds. */
export function parseH2loadLog(log: string): Latencies {
  const latencies = new Latencies();
  for (const [, us] of log.matchAll(/^\d+\t\d+\t(\d+)$/gm)) latencies.add(Number(us));
  return latencies;
}

/** Reads h2load's report. */
export function parseH2load(stdout: string): Pick<Load, 'requests' | 'errors'> {
  const statuses = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(stdout);
  const failures = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(stdout);
  if (statuses === null || failures === null) {
    throw new Error(`h2load gave no figures: ${stdout.slice(0, 500)}`);
  }
  const [requests, ...bad] = statuses.slice(1).map(Number);
  const errors = [...bad, ...failures.slice(1, 3).map(Number)].reduce((sum, one) => sum + one, 0);
  return { requests: requests!, errors };
}
