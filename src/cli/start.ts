import { availableParallelism } from 'node:os';
import { AdminServer } from '../admin/server.ts';
import { parseAddress } from '../base/address.ts';
import { VERSION } from '../base/version.ts';
import { parseConfig } from '../config/load.ts';
import { adminSocket, logFile } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import { Instance } from '../control/instance.ts';
import { urlOf } from '../control/plan.ts';
import { ListenError } from '../control/supervisor.ts';
import { type Logger, openLog } from '../observe/log.ts';
import { readConfiguration } from './configuration.ts';
import { type Demo, startDemo } from './demo.ts';
import { Failure } from './failure.ts';

export interface StartOptions {
  config?: string;
  demo?: boolean;
  workers?: number;
}

/**
 * Runs in the foreground until SIGTERM or SIGINT, then lets what is under way end. A second signal
 * ends at once.
 *
 * @throws Failure when it cannot start
 */
export async function start(options: StartOptions): Promise<void> {
  const demo = options.demo === true ? await startDemo() : null;
  try {
    const { settings, source } = demo === null ? fromFile(options) : fromDemo(demo);
    const workers = options.workers ?? workersOf(settings);
    const file = logFile(settings, process.env);
    const instance = new Instance(settings, openLogOrFail(file, settings.log.level));
    await orFail(instance.start(workers));
    const admin = await openAdmin(settings, instance);
    process.stdout.write(banner(instance, { workers, source, file, settings, demo }));
    await signal();
    process.stdout.write(
      'openclaw is ending: no new connections, what is under way goes on. Again to end at once.\n',
    );
    process.once('SIGINT', () => process.exit(1));
    process.once('SIGTERM', () => process.exit(1));
    await instance.stop();
    admin.close();
  } finally {
    demo?.close();
  }
  process.exitCode = 0;
}

function fromFile(options: StartOptions): { settings: Settings; source: string } {
  const { file, settings, warnings } = readConfiguration(options.config, process.stderr.isTTY);
  if (warnings !== '') process.stderr.write(`${warnings}\n`);
  const { enabled, servers, weights } = settings.load_balancing;
  if (!enabled)
    throw new Failure(`load_balancing.enabled is false in ${file}: there is nothing to start`);
  if (servers.length === 0 && weights.length === 0) {
    throw new Failure(`${file} names no server: list them under load_balancing.servers`);
  }
  return { settings, source: file };
}

function fromDemo(demo: Demo): { settings: Settings; source: string } {
  const servers = demo.addresses.map((address) => `    - ${address}\n`).join('');
  const text = `load_balancing:\n  listen: 127.0.0.1:8080\n  servers:\n${servers}`;
  const { settings } = parseConfig(text, { file: 'demo', env: {} });
  return { settings: settings!, source: 'the demo that is built in' };
}

function workersOf(settings: Settings): number {
  const { workers } = settings.load_balancing;
  return workers === 'auto' ? Math.min(availableParallelism(), 32) : workers;
}

function openLogOrFail(file: string, level: string): Logger {
  try {
    return openLog(file, level);
  } catch (error) {
    throw new Failure(
      `cannot write the log ${file}: ${(error as Error).message}. Name another file in log.file.`,
    );
  }
}

async function orFail(started: Promise<void>): Promise<void> {
  try {
    await started;
  } catch (error) {
    if (error instanceof ListenError) throw new Failure(error.message);
    throw error;
  }
}

async function openAdmin(settings: Settings, instance: Instance): Promise<AdminServer> {
  const { listen, token = '' } = settings.admin;
  const admin = new AdminServer({ instance, token });
  try {
    await admin.listen(hostAndPort(listen));
    await openSocket(settings, admin);
    return admin;
  } catch (error) {
    await instance.stop();
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(
      code === 'EADDRINUSE'
        ? `cannot listen on ${listen} for the admin API: another program listens there already, perhaps another openclaw. Name another address in admin.listen.`
        : `cannot listen on ${listen} for the admin API: ${code ?? error}. Name another address in admin.listen.`,
    );
  }
}

function hostAndPort(address: string): { host: string; port: number } {
  const parsed = parseAddress(address);
  if (!parsed.ok || parsed.value.kind !== 'tcp') {
    throw new Failure(`admin.listen is a TCP address; for a unix socket there is admin.socket`);
  }
  return parsed.value;
}

/** The commands can talk to the TCP address too, so an instance does without its socket. */
async function openSocket(settings: Settings, admin: AdminServer): Promise<void> {
  const path = adminSocket(settings, process.env);
  try {
    await admin.listenUnix(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    process.stderr.write(
      code === 'EADDRINUSE'
        ? `openclaw: another instance listens on ${path}: commands reach this one by its TCP address. Name another path in admin.socket.\n`
        : `openclaw: cannot open the admin socket ${path}: ${code ?? error}. Name another path in admin.socket.\n`,
    );
  }
}

function signal(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      process.off('SIGINT', done);
      process.off('SIGTERM', done);
      resolve();
    };
    process.on('SIGINT', done);
    process.on('SIGTERM', done);
  });
}

interface Shown {
  workers: number;
  source: string;
  file: string;
  settings: Settings;
  demo: Demo | null;
}

const SERVERS_SHOWN_MAX = 10;

function banner(instance: Instance, shown: Shown): string {
  const { plan } = instance;
  const urls = plan.listen.map(urlOf);
  const servers = plan.pool.servers.map((server) => server.label);
  const more = servers.length - SERVERS_SHOWN_MAX;
  const rows: [string, string][] = [
    ['listening', `${urls.join('  ')}  (${shown.workers} worker${shown.workers === 1 ? '' : 's'})`],
    ['pool', `${plan.pool.settings.name}: ${plan.pool.strategy}, ${servers.length} servers`],
    [
      'servers',
      servers.slice(0, SERVERS_SHOWN_MAX).join('  ') + (more > 0 ? `  and ${more} more` : ''),
    ],
    ['admin', `http://${shown.settings.admin.listen}/status`],
    ['config', shown.source],
    ['log', shown.file],
  ];
  const url = urls.find((one) => one.startsWith('http')) ?? 'http://localhost';
  const first = url.startsWith('http') ? url : urls[0]!;
  const tries =
    shown.demo === null
      ? [['check it', `curl -i ${first}/`] as [string, string]]
      : demoTries(first, shown.settings.admin.listen);
  const lines = [...rows, ...tries].map(([name, value]) => `  ${name.padEnd(10)} ${value}`);
  return `openclaw ${VERSION} is up\n${lines.join('\n')}\n`;
}

function demoTries(url: string, admin: string): [string, string][] {
  return [
    ['open', `${url}/`],
    ['try', `curl ${url}/             # three times: red, green, blue take turns`],
    ['', `curl -N ${url}/events    # server-sent events, as they come`],
    ['', `curl http://${admin}/status   # who got how many requests`],
  ];
}
