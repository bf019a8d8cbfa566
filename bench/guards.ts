/**
 * What limits, access lists and the firewall add to a request, and what a refusal costs, in CPU time
 * beside the same request through an openclaw without them: node bench/guards.ts [ROUNDS] [SECONDS]
 */
import { join } from 'node:path';
import { startBackend } from './backend.ts';
import { checkMachine } from './machine.ts';
import { openclaws } from './peers/openclaw.ts';
import type { Peer } from './peers/peer.ts';
import {
  cleanUpOnExit,
  freePorts,
  makeRunFolder,
  pinSelf,
  type Running,
  start,
  stop,
  stopAll,
  waitUntilReady,
  writeFiles,
} from './processes.ts';
import { type HttpAsk, runWrk } from './workloads/http.ts';
import { measureLoad, type Target } from './workloads/workload.ts';

const [rounds = 5, seconds = 2] = process.argv.slice(2).map(Number);

/** A body as an application's client sends it: 16 KB of records. */
const JSON_BODY = JSON.stringify(
  Array.from({ length: 105 }, (_, n) => ({
    id: n,
    name: `Mary O'Neil ${n}`,
    email: `mary.${n}@example.org`,
    note: 'Please call back on Tuesday, after lunch; thank you for the quick answer!',
  })),
).slice(0, 16_384);

const SMALL: HttpAsk = { path: '/small', connections: 64 };
const POST: HttpAsk = {
  path: '/upload',
  connections: 16,
  lua: `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[${JSON_BODY}]==]`,
};
const CLOSING: HttpAsk = {
  ...SMALL,
  lua: 'wrk.headers["Connection"] = "close"',
};

const LIMITING = (limits: string) => `rate_limiting: {${limits}}`;
const NETWORKS = Array.from({ length: 10_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/25`);

/** What it adds to the settings, and the requests that it is compared by. */
interface Case {
  readonly name: string;
  /** Lines under load_balancing. */
  readonly settings?: string;
  /** An entry of load_balancing.performance. */
  readonly performance?: string;
  readonly asks: readonly [string, HttpAsk][];
}

const CASES: readonly Case[] = [
  {
    name: 'none',
    asks: [
      ['small', SMALL],
      ['post', POST],
      ['close', CLOSING],
    ],
  },
  {
    name: 'limits that nobody meets',
    performance: LIMITING(
      'max_requests_per_second_per_ip: 10000000, max_requests_per_second: 10000000, max_connections_per_ip: 1000',
    ),
    asks: [['small', SMALL]],
  },
  {
    name: 'a denylist of 10,000 networks',
    settings: `  security: {access_control: {denylist: [${NETWORKS.join(', ')}]}}`,
    asks: [['small', SMALL]],
  },
  {
    name: 'the firewall',
    settings: '  security: {waf: {mode: block}}',
    asks: [
      ['small', SMALL],
      ['post', POST],
    ],
  },
  {
    name: 'refused: 429',
    performance: LIMITING('max_requests_per_second_per_ip: 1, burst: 10'),
    asks: [['small', SMALL]],
  },
  {
    name: 'refused: 403 for the address, connection closed',
    settings: '  security: {access_control: {denylist: [127.0.0.0/8], allowlist: []}}',
    asks: [['close', SMALL]],
  },
];

interface Figure {
  readonly cpuUs: number;
  readonly p50Ms: number;
  /** What these clients, who ask as fast as they are answered, take of one core. */
  readonly corePercent: number;
}

interface Started {
  readonly running: Running;
  readonly target: Target;
}

async function main(): Promise<void> {
  cleanUpOnExit();
  const cores = await checkMachine();
  await pinSelf(cores.load);
  const folder = await makeRunFolder();
  const backend = await startBackend('static', join(folder, 'backend'), cores.load);
  const started: Started[] = [];
  for (const [at, each] of CASES.entries()) {
    started.push(await startCase(join(folder, `${at}`), each, backend.port, cores));
  }
  const figures = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    const plain = new Map<string, Figure>();
    for (const [at, { name, asks }] of CASES.entries()) {
      for (const [kind, ask] of asks) {
        const { target } = started[at]!;
        if (round === 0) await runWrk({ ...target, seconds: 1 }, ask);
        const { values } = await measureLoad(target, () => runWrk(target, ask));
        const { cpuUs, p50Ms, perSecond } = values as Record<string, number>;
        const figure = { cpuUs: cpuUs!, p50Ms: p50Ms!, corePercent: (cpuUs! * perSecond!) / 1e4 };
        if (at === 0) plain.set(kind, figure);
        const beside = plain.get(kind)!;
        note(figures, `${name} | ${kind} | CPU µs`, figure.cpuUs);
        note(figures, `${name} | ${kind} | CPU beside none`, figure.cpuUs / beside.cpuUs);
        note(figures, `${name} | ${kind} | percent of a core`, figure.corePercent);
        note(figures, `${name} | ${kind} | p50 ms more than none`, figure.p50Ms - beside.p50Ms);
      }
    }
  }
  for (const [what, values] of figures) {
    const sorted = values.toSorted((one, other) => one - other);
    const shown = [sorted[Math.floor(sorted.length / 2)]!, sorted[0]!, sorted.at(-1)!];
    const [median, least, most] = shown.map((value) => value.toFixed(2));
    process.stdout.write(`| ${what} | ${median} (${least} to ${most}) |\n`);
  }
  for (const { running } of started) await stop(running);
  await stop(backend.running);
}

function note(figures: Map<string, number[]>, what: string, value: number): void {
  const values = figures.get(what) ?? [];
  values.push(value);
  figures.set(what, values);
}

async function startCase(
  folder: string,
  { settings = '', performance }: Case,
  backendPort: number,
  cores: { proxy: number; load: number },
): Promise<Started> {
  const [port, adminPort] = (await freePorts(2)) as [number, number];
  const [openclaw] = openclaws([], performance === undefined ? {} : { performance }) as [Peer];
  const ask = { port, backendPort, adminPort, folder };
  const command = openclaw.command({ ...ask, tls: undefined });
  const files = Object.entries(command.files ?? {}).map(([name, text]) => [
    name,
    text.replace('load_balancing:', `load_balancing:\n${settings}`),
  ]);
  await writeFiles(folder, Object.fromEntries(files));
  const running = start(command, cores.proxy);
  const target = { ...ask, pid: running.pid, core: cores.load, seconds };
  await waitUntilReady(running, adminPort, '/livez');
  return { running, target };
}

try {
  await main();
} finally {
  await stopAll();
}
