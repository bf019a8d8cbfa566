/**
 * `npm run siege`: what other clients notice while openclaw is attacked, on 127.0.0.1. Steady load at
 * a fixed rate, first alone; then beside 10,000 idle connections and 2,000 slow readers; then beside
 * slowhttptest's slow heads, slow bodies and slow reads with 1,000 connections each. And what a
 * refused request costs beside one that is passed on.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startBackend } from '../backend.ts';
import { cpuUsOf, rssBytesOf } from '../measure.ts';
import {
  allowedCores,
  cleanUpOnExit,
  freePorts,
  makeRunFolder,
  type Running,
  runToEnd,
  start,
  stop,
  stopAll,
  waitUntilReady,
  writeFiles,
} from '../processes.ts';
import { runWrk } from '../workloads/http.ts';
import type { Seen } from './steady.program.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const ATTACKS = [
  { name: 'slow heads', flags: ['-H', '-i', '5'] },
  { name: 'slow bodies', flags: ['-B', '-i', '5', '-s', '8192'] },
  {
    name: 'slow reads',
    flags: ['-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '32', '-k', '3'],
  },
] as const;
const ATTACKERS = 1_000;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '15' },
    idle: { type: 'string', default: '10000' },
    slow: { type: 'string', default: '2000' },
    /** Of crowd, attacks, costs. */
    parts: { type: 'string', default: 'crowd,attacks,costs' },
    /** What openclaw does its I/O by. */
    io: { type: 'string', default: 'auto' },
  },
});
const [rate, seconds, idle, slow] = [values.rate, values.seconds, values.idle, values.slow].map(
  Number,
) as [number, number, number, number];

interface Stage {
  readonly claw: Running;
  readonly port: number;
  readonly core: number;
  readonly cores: string;
  readonly adminPort: number;
  readonly folder: string;
}

async function main(): Promise<void> {
  cleanUpOnExit();
  const has = (part: string) => values.parts.split(',').includes(part);
  const allowed = await allowedCores();
  const core = allowed[0]!;
  const cores = allowed.join(',');
  const folder = await makeRunFolder();
  const backend = await startBackend('static', join(folder, 'backend'), core);
  const [port, adminPort] = (await freePorts(2)) as [number, number];
  const claw = await startOpenclaw(folder, port, adminPort, backend.port, cores);
  const stage = { claw, port, core, cores, adminPort, folder };
  await waitUntilReady(claw, port, '/health');
  if (has('crowd') || has('attacks')) await beside(stage, has);
  if (has('costs')) await costs(stage);
  await stop(claw);
  await stop(backend.running);
}

/** What the steady load sees, alone and beside others. */
async function beside(stage: Stage, has: (part: string) => boolean): Promise<void> {
  print(`Steady load: ${rate} requests a second; ${seconds} s for each line; two workers.\n`);
  print('| beside | asked | failed | p50 ms | p99 ms | slowest ms | openclaw MB |');
  print('| --- | --: | --: | --: | --: | --: | --: |');
  const steady = startProgram('steady.program.ts', [stage.port, rate], stage.cores);
  await sleep(3_000);
  await seenOf(steady);
  await line('nothing', stage, steady, () => sleep(seconds * 1_000));
  if (has('crowd')) await besideCrowd(stage, steady);
  for (const { name, flags } of has('attacks') ? ATTACKS : []) {
    await line(`${ATTACKERS} ${name}`, stage, steady, () => attack(stage, flags));
    await sleep(2_000);
  }
  await stop(steady);
}

async function besideCrowd(stage: Stage, steady: Running): Promise<void> {
  const crowd = startProgram('crowd.program.ts', [stage.port, idle, slow], stage.cores);
  const opened = await nextMessage<{ open: number }>(crowd);
  await sleep(2_000);
  await seenOf(steady);
  await line(`${idle} idle, ${slow} slow readers`, stage, steady, () => sleep(seconds * 1_000));
  crowd.child.send('how many');
  const { open } = await nextMessage<{ open: number }>(crowd);
  await stop(crowd);
  await sleep(3_000);
  await seenOf(steady);
  print(`\n(${opened.open} of them were open at the beginning, ${open} at the end)\n`);
}

async function line(
  name: string,
  { claw }: Stage,
  steady: Running,
  act: () => Promise<unknown>,
): Promise<void> {
  let rssBytes = 0;
  const watch = setInterval(() => {
    rssBytes = Math.max(rssBytes, rssBytesOf(claw.pid));
  }, 250);
  await act();
  clearInterval(watch);
  const { requests, failed, p50Ms, p99Ms, slowestMs } = await seenOf(steady);
  const times = [p50Ms, p99Ms, slowestMs].map((ms) => ms.toFixed(1)).join(' | ');
  print(`| ${name} | ${requests} | ${failed} | ${times} | ${Math.round(rssBytes / 2 ** 20)} |`);
}

function attack({ port, cores }: Stage, flags: readonly string[]): Promise<string> {
  const url = `http://127.0.0.1:${port}${flags[0] === '-X' ? '/large/1m' : '/upload'}`;
  const size = ['-c', `${ATTACKERS}`, '-r', `${ATTACKERS}`, '-l', `${seconds}`];
  const argv: [string, ...string[]] = [
    'slowhttptest',
    ...flags,
    ...size,
    '-p',
    '3',
    '-u',
    url,
    '-v',
    '0',
  ];
  return runToEnd({ argv }, cores, (seconds + 30) * 1_000).catch(() => '');
}

/** CPU time of openclaw for one request, passed on or refused. */
async function costs(stage: Stage): Promise<void> {
  const target = { ...stage, pid: stage.claw.pid, seconds: 4 };
  const cost = async (path: string) => {
    const cpuUs = cpuUsOf(stage.claw.pid);
    const { requests } = await runWrk(target, { path, connections: 32 });
    return (cpuUsOf(stage.claw.pid) - cpuUs) / requests;
  };
  await cost('/small');
  const passedOn = await cost('/small');
  const admin = `http://127.0.0.1:${stage.adminPort}/servers/one/disable`;
  await fetch(admin, { method: 'POST' });
  await cost('/small');
  const refused = await cost('/small');
  print('\n| request | CPU µs | part |\n| --- | --: | --: |');
  print(`| passed on | ${passedOn.toFixed(1)} | 1 |`);
  print(`| refused: 503 no_server | ${refused.toFixed(1)} | ${(refused / passedOn).toFixed(2)} |`);
}

async function startOpenclaw(
  folder: string,
  port: number,
  adminPort: number,
  backendPort: number,
  cores: string,
): Promise<Running> {
  const settings = {
    load_balancing: {
      listen: `127.0.0.1:${port}`,
      servers: [{ address: `127.0.0.1:${backendPort}`, name: 'one' }],
      workers: 2,
      io: values.io,
      timeout: { idle: '5m', drain: '1s' },
      performance: {
        connection_pool: { max_connections: 4_000 },
      },
    },
    admin: { listen: `127.0.0.1:${adminPort}`, socket: join(folder, 'admin.sock') },
    log: { access: 'off' },
  };
  await writeFiles(folder, { 'openclaw.yml': JSON.stringify(settings) });
  const env = { XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder };
  const argv: [string, ...string[]] = [
    process.execPath,
    MAIN,
    'start',
    '--config',
    join(folder, 'openclaw.yml'),
  ];
  return start({ argv, env }, cores);
}

function startProgram(file: string, args: readonly number[], cores: string): Running {
  const argv: [string, ...string[]] = [
    process.execPath,
    join(import.meta.dirname, file),
    ...args.map(String),
  ];
  return start({ argv, ipc: true }, cores);
}

async function seenOf(steady: Running): Promise<Seen> {
  const seen = nextMessage<Seen>(steady);
  steady.child.send('what');
  return seen;
}

async function nextMessage<T>(running: Running): Promise<T> {
  const [message] = (await once(running.child, 'message')) as [T];
  return message;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main().finally(stopAll);
