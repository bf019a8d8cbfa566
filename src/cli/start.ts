import { availableParallelism } from 'node:os';
import { reloadRoutes } from '../admin/reload-routes.ts';
import { AdminServer } from '../admin/server.ts';
import { parseAddress } from '../base/address.ts';
import { VERSION } from '../base/version.ts';
import { History } from '../config/history.ts';
import { parseConfig } from '../config/load.ts';
import { adminSocket, logFile, stateDirectory } from '../config/locate.ts';
import { renderProblems } from '../config/render.ts';
import type { Settings } from '../config/schema.ts';
import { poolServers } from '../config/servers.ts';
import { Instance } from '../control/instance.ts';
import { urlOf } from '../control/plan.ts';
import { type ReadConfiguration, Reloader } from '../control/reloader.ts';
import { SessionKeyError } from '../control/session-key.ts';
import { ListenError } from '../control/supervisor.ts';
import { unservedSettings } from '../control/unserved.ts';
import { dashboardRoutes } from '../dashboard/dashboard.ts';
import { type Log, type LogSettings, openLog } from '../observe/log.ts';
import { check, readConfig, requireFile, shown, warn } from './config-file.ts';
import { type Demo, startDemo } from './demo.ts';
import { CommandError, EXIT, type Io } from './io.ts';

export interface StartOptions {
  config?: string;
  demo?: boolean;
  workers?: number;
}

/**
 * Runs in the foreground until SIGTERM or SIGINT, then lets what is under way end. A second signal
 * ends at once.
 *
 * @throws CommandError when it cannot start
 */
export async function start(io: Io, options: StartOptions): Promise<void> {
  const demo = options.demo === true ? await startDemo() : null;
  try {
    const running = demo === null ? fromFile(io, options) : fromDemo(demo);
    const { settings, file: source } = running;
    const workers = options.workers ?? workersOf(settings);
    const file = logFile(settings, io.env);
    const log = await openLogOrFail(io, settings);
    const instance = openInstance(settings, log, io);
    await orFail(instance.start(workers));
    const reloader = newReloader(io, instance, running, options);
    const admin = await openAdmin(settings, instance, reloader);
    const onHangUp = () => void reloader.reload().catch(() => {});
    process.on('SIGHUP', onHangUp);
    io.out(banner(instance, { workers, source, file, settings, demo }));
    await signal();
    process.off('SIGHUP', onHangUp);
    reloader.close();
    io.out(
      'openclaw is ending: no new connections, what is under way goes on. Again to end at once.\n',
    );
    process.once('SIGINT', () => process.exit(1));
    process.once('SIGTERM', () => process.exit(1));
    await instance.stop();
    admin.close();
    await log.close();
  } finally {
    demo?.close();
  }
}

/** @throws CommandError whose message holds every problem of the file */
function fromFile(io: Io, options: StartOptions): ReadConfiguration {
  const file = findFile(io, options.config);
  const text = readText(file);
  const loaded = check(io, text, file);
  if (loaded.problems.length > 0) {
    const all = renderProblems(loaded.problems, io.colour);
    throw refusal(`${shown(io, file)} has errors; nothing was changed\n\n${all}`);
  }
  warn(io, loaded);
  const settings = loaded.settings!;
  if (!settings.load_balancing.enabled) {
    throw refusal(`load_balancing.enabled is false in ${shown(io, file)}: nothing to start`);
  }
  if (poolServers(settings).length === 0) {
    throw refusal(`${shown(io, file)} names no server`, 'list them under load_balancing.servers');
  }
  const unserved = unservedSettings(settings);
  if (unserved.length > 0) {
    throw refusal(
      `openclaw ${VERSION} does not yet serve ${unserved.join(', ')}, and will not run as if it did`,
      'set enabled: false there, and let something else stand in front for it',
    );
  }
  return { file, text, settings };
}

function findFile(io: Io, config: string | undefined): string {
  try {
    return requireFile(io, config);
  } catch (error) {
    const help =
      'name one with --config FILE, make one: openclaw init, or see: openclaw start --demo';
    throw refusal((error as Error).message, help);
  }
}

function readText(file: string): string {
  try {
    return readConfig(file);
  } catch (error) {
    throw refusal((error as Error).message, 'make it a file that this user may read');
  }
}

/** Whatever keeps openclaw from starting ends it with the one code that supervisors look at. */
function refusal(message: string, help?: string): CommandError {
  return new CommandError(message, EXIT.refused, help);
}

function fromDemo(demo: Demo): ReadConfiguration {
  const servers = demo.addresses.map((address) => `    - ${address}\n`).join('');
  const text = `load_balancing:\n  listen: 127.0.0.1:8080\n  servers:\n${servers}`;
  const { settings } = parseConfig(text, { file: 'demo', env: {} });
  return { file: 'the demo that is built in', text, settings: settings! };
}

/** What takes a changed file over, by SIGHUP or the admin API. */
function newReloader(
  io: Io,
  instance: Instance,
  running: ReadConfiguration,
  options: StartOptions,
): Reloader {
  return new Reloader({
    instance,
    running,
    read: () => (options.demo === true ? running : fromFile(io, options)),
    workersOf: (settings) => options.workers ?? workersOf(settings),
    history: new History(stateDirectory(io.env)),
    now: io.now,
    onReload: ({ changes, reason }) => {
      if (reason === undefined) {
        io.out(`openclaw follows the new configuration: ${changes} settings differ\n`);
        return;
      }
      instance.log.error({ event: 'reload_failed', reason });
      instance.observer.reloadFailed(reason);
      io.err(`openclaw: the configuration was not taken over, the one before goes on\n${reason}\n`);
    },
  });
}

function workersOf(settings: Settings): number {
  const { workers } = settings.load_balancing;
  return workers === 'auto' ? Math.min(availableParallelism(), 32) : workers;
}

async function openLogOrFail(io: Io, settings: Settings): Promise<Log> {
  try {
    return await openLog(logSettings(io, settings));
  } catch (error) {
    throw refusal(logFailure(io, settings, error));
  }
}

function logSettings(io: Io, settings: Settings): LogSettings {
  const { level, max_size, max_age, max_files } = settings.log;
  const file = logFile(settings, io.env);
  return { file, level, maxBytes: max_size, maxAgeMs: max_age, maxFiles: max_files };
}

function logFailure(io: Io, settings: Settings, error: unknown): string {
  return `cannot write the log ${logFile(settings, io.env)}: ${(error as Error).message}. Name another file in log.file.`;
}

function openInstance(settings: Settings, log: Log, io: Io): Instance {
  const prepare = async (next: Settings) => {
    try {
      return await log.prepare(logSettings(io, next));
    } catch (error) {
      throw new Error(logFailure(io, next, error));
    }
  };
  try {
    return new Instance(settings, { ...log, prepare }, stateDirectory(io.env));
  } catch (error) {
    if (error instanceof SessionKeyError) throw refusal(error.message);
    throw error;
  }
}

async function orFail(started: Promise<void>): Promise<void> {
  try {
    await started;
  } catch (error) {
    if (error instanceof ListenError) throw refusal(error.message);
    throw error;
  }
}

async function openAdmin(
  settings: Settings,
  instance: Instance,
  reloader: Reloader,
): Promise<AdminServer> {
  const { listen, token = '' } = settings.admin;
  const routes = [...dashboardRoutes(), ...reloadRoutes(reloader)];
  const admin = new AdminServer({ instance, token, routes });
  try {
    await admin.listen(hostAndPort(listen));
    await openSocket(settings, admin);
    return admin;
  } catch (error) {
    await instance.stop();
    const { code } = error as NodeJS.ErrnoException;
    throw refusal(
      code === 'EADDRINUSE'
        ? `cannot listen on ${listen} for the admin API: another program listens there already, perhaps another openclaw. Name another address in admin.listen.`
        : `cannot listen on ${listen} for the admin API: ${code ?? error}. Name another address in admin.listen.`,
    );
  }
}

function hostAndPort(address: string): { host: string; port: number } {
  const parsed = parseAddress(address);
  if (!parsed.ok || parsed.value.kind !== 'tcp') {
    throw refusal('admin.listen is a TCP address', 'for a unix socket there is admin.socket');
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
    ['dashboard', `http://${shown.settings.admin.listen}/`],
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
