/** The workloads over TLS: kept-alive requests, whole handshakes, and HTTP/2. */
import type { KeyKind } from '../certificate.ts';
import { runToEnd } from '../processes.ts';
import { runWrk } from './http.ts';
import { type Load, measureLoad, type Target, type Workload } from './workload.ts';

const WARM_UP_SECONDS = 2;
const SPARE_MS = 10_000;
const SMALL = { path: '/small', connections: 64, scheme: 'https' } as const;

export const tlsSmall = workload(
  'tls-small',
  '64 kept-alive TLS connections, answers of 130 bytes',
  'request',
  'ec',
  (target) => runWrk(target, SMALL),
);

export const tlsHandshakes = workload(
  'tls-handshakes',
  'a whole TLS 1.3 handshake after the other, ECDSA P-256',
  'handshake',
  'ec',
  runHandshakes,
);

export const tlsHandshakesRsa = workload(
  'tls-handshakes-rsa',
  'a whole TLS 1.3 handshake after the other, RSA 2048',
  'handshake',
  'rsa',
  runHandshakes,
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

/** One after the other, for a client costs as much as a server and shares its core with the load. */
async function runHandshakes(target: Target): Promise<Load> {
  const { port, core, seconds } = target;
  const argv: [string, ...string[]] = [
    ...(['openssl', 's_time', '-connect', `127.0.0.1:${port}`] as const),
    ...['-new', '-tls1_3', '-time', `${seconds}`],
  ];
  const stdout = await runToEnd({ argv }, core, seconds * 1_000 + SPARE_MS);
  const match = /^(\d+) connections in (\d+) real seconds/m.exec(stdout);
  if (match === null) throw new Error(`openssl s_time gave no figures: ${stdout.slice(0, 500)}`);
  return { requests: Number(match[1]), durationUs: Number(match[2]) * 1e6, errors: 0 };
}

async function runH2load(target: Target): Promise<Load> {
  const { port, core, seconds } = target;
  const argv: [string, ...string[]] = [
    ...(['h2load', '-t', '1', '-c', '8', '-m', '32', '-D', `${seconds}`] as const),
    `https://127.0.0.1:${port}/small`,
  ];
  const stdout = await runToEnd({ argv }, core, seconds * 1_000 + SPARE_MS);
  return { ...parseH2load(stdout), durationUs: seconds * 1e6 };
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
