import type { AdminServer } from '../admin/admin-server.ts';
import { reloadRoutes } from '../admin/reload-routes.ts';
import type { AdminRoute } from '../admin/routes.ts';
import { upgradeRoutes } from '../admin/upgrade-routes.ts';
import { ConfigurationHistory } from '../config/configuration-history.ts';
import { instanceDirectory, logFile, stateDirectory } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import { realPath } from '../config/store.ts';
import { Predecessor } from '../control/operate/handover.ts';
import { Instance, type InstanceLog } from '../control/operate/instance.ts';
import { ListenError } from '../control/operate/listen-error.ts';
import { OperatorFileError } from '../control/operate/operator.ts';
import { type ReadConfiguration, Reloader } from '../control/operate/reloader.ts';
import { type Handover, Upgrade } from '../control/operate/upgrade.ts';
import { NetworkFileError } from '../control/plans/guard-state.ts';
import { SessionKeyError } from '../control/plans/session-key.ts';
import { TlsError } from '../control/plans/tls-state.ts';
import { dashboardRoutes } from '../dashboard/dashboard.ts';
import { IoError } from '../io/choice.ts';
import { keepServing } from '../observe/guarded.ts';
import { isSameSocket } from '../plan/listen.ts';
import { banner } from './banner.ts';
import { startDemo } from './demo.ts';
import type { Io } from './io.ts';
import { openAdmin } from './start-admin.ts';
import { fromDemo, fromFile, refusal, workersOf } from './start-config.ts';
import { openInstanceLog } from './start-log.ts';

export interface StartOptions {
  config?: string;
  demo?: boolean;
  workers?: number;
}

/**
 * Runs in the foreground until SIGTERM or SIGINT, or until a successor has taken over, then lets
 * what is under way end. A second signal ends at once.
 *
 * @throws CommandError when it cannot start
 */
export async function start(io: Io, options: StartOptions): Promise<void> {
  io.isService = true;
  const predecessor = Predecessor.find(process.env);
  const demo = options.demo === true ? await startDemo() : null;
  try {
    const running = demo === null ? fromFile(io, options.config) : fromDemo(demo);
    await run(io, options, running, predecessor);
  } catch (error) {
    predecessor?.fail((error as Error).message);
    throw error;
  } finally {
    demo?.close();
  }
}

async function run(
  io: Io,
  options: StartOptions,
  running: ReadConfiguration,
  predecessor: Predecessor | null,
): Promise<void> {
  const { settings, file: source } = running;
  const workers = options.workers ?? workersOf(settings);
  const file = logFile(settings, io.env);
  const log = await openInstanceLog(io, settings);
  const configuration = () => (running.text === null ? '' : realPath(source));
  const ownDirectory = instanceDirectory(io.env, configuration());
  const instance = openInstance(settings, log, io, ownDirectory, workers);
  // From here on clients are accepted: a signal is heard, and obeyed once everything is up.
  const ended = signal();
  const isUp = Promise.withResolvers<void>();
  const onHangUp = () => {
    // Whatever becomes of the reload: logrotate says no more than this signal.
    log.reopen();
    void isUp.promise.then(() => reloader.reload().catch(() => {}));
  };
  const onUpgrade = () => void isUp.promise.then(() => upgradeBySignal(instance, upgrade));
  process.on('SIGHUP', onHangUp).on('SIGUSR2', onUpgrade);
  await open(instance, predecessor);
  const reloader = newReloader(
    io,
    instance,
    running,
    options,
    new ConfigurationHistory(ownDirectory),
  );
  const upgrade = new Upgrade(instance);
  const routes = furtherRoutes(instance, reloader, options.demo === true ? null : upgrade);
  const admin = { instance, token: settings.admin.token ?? '', routes, configuration };
  const isCalledOff = ended.then(() => false);
  if (predecessor !== null && !(await Promise.race([predecessor.askRelease(), isCalledOff]))) {
    predecessor.fail('it was told to stop before it took over');
    const withinMs = settings.load_balancing.timeout.drain;
    await instance.stop({ pid: process.ppid, withinMs });
    return log.close();
  }
  const opened = await openAdmin(settings, admin).catch(async (error) => {
    await instance.stop();
    throw error;
  });
  predecessor?.takeOver();
  const endKeeping = keepServing(instance.log);
  // Not before: what did not come up is nothing to go back to.
  reloader.started();
  isUp.resolve();
  const isDemo = options.demo === true;
  io.out(banner(instance, { workers, source, logFile: file, settings, isDemo }));
  const { handover, last } = await untilEnd(ended, instance, upgrade, opened, () =>
    openAdmin(settings, admin),
  );
  if (handover === null) upgrade.cancel();
  process.off('SIGHUP', onHangUp).off('SIGUSR2', onUpgrade);
  reloader.close();
  io.out(ending(handover));
  process.once('SIGINT', () => process.exit(1));
  process.once('SIGTERM', () => process.exit(1));
  await instance.stop(
    handover === null ? undefined : { pid: handover.successor.pid, withinMs: handover.withinMs },
  );
  last?.close();
  endKeeping();
  await log.close();
}

/**
 * What the admin API serves besides its own routes.
 *
 * @param upgrade null: nothing could take this one's place
 */
export function furtherRoutes(
  instance: Instance,
  reloader: Reloader,
  upgrade: Upgrade | null,
): AdminRoute[] {
  return [
    ...dashboardRoutes(),
    ...reloadRoutes(reloader),
    ...(upgrade === null ? [] : upgradeRoutes(instance, upgrade)),
  ];
}

/** On the sockets of the instance before, where there is one. */
async function open(instance: Instance, predecessor: Predecessor | null): Promise<void> {
  const { listen } = instance.plan;
  predecessor?.closeUnwanted((address) => listen.some((one) => isSameSocket(one, address)));
  try {
    await instance.start(predecessor?.inheritance);
  } catch (error) {
    if (error instanceof ListenError) throw refusal(error.message);
    throw error;
  }
}

/**
 * Waits for a signal to end, or for a successor to take over. One that fails on the way leaves
 * everything as it was.
 *
 * @returns the successor, null after a signal; and the admin API, null where it is handed over
 */
async function untilEnd(
  ended: Promise<null>,
  instance: Instance,
  upgrade: Upgrade,
  admin: AdminServer,
  reopen: () => Promise<AdminServer>,
): Promise<{ handover: Handover | null; last: AdminServer | null }> {
  for (;;) {
    const handover = await Promise.race([ended, upgrade.next]);
    if (handover === null) return { handover, last: admin };
    admin.release();
    try {
      await handover.successor.release();
      return { handover, last: null };
    } catch (error) {
      instance.log.error({ event: 'upgrade_failed', reason: (error as Error).message });
      upgrade.failed();
      admin = await reopen();
    }
  }
}

function upgradeBySignal(instance: Instance, upgrade: Upgrade): void {
  upgrade.begin(instance.settings.load_balancing.timeout.drain).catch((error: Error) => {
    instance.log.error({ event: 'upgrade_failed', reason: error.message });
  });
}

function ending(handover: Handover | null): string {
  const who =
    handover === null
      ? 'is shutting down: no new connections'
      : `hands over to process ${handover.successor.pid}: it has the new connections`;
  return `openclaw ${who}, requests in flight continue. Send the signal again to stop at once.\n`;
}

/** What takes a changed file over, by SIGHUP or the admin API. */
function newReloader(
  io: Io,
  instance: Instance,
  running: ReadConfiguration,
  options: StartOptions,
  history: ConfigurationHistory,
): Reloader {
  return new Reloader({
    instance,
    running,
    read: (now) =>
      // What is wrong goes into the log and to whoever asked, which may be no terminal.
      options.demo === true ? running : fromFile({ ...io, colour: false }, running.file, now),
    workersOf: (settings) => options.workers ?? workersOf(settings),
    history,
    now: io.now,
    onUnrecorded: (warning) => {
      instance.log.warn({ event: 'history_unwritten', text: warning });
      io.err(`openclaw: warning: ${warning}\n`);
    },
    onReload: ({ changes, reason, isTakenBack }) => {
      if (reason === undefined) {
        io.out(`openclaw follows the new configuration: ${changes} settings differ\n`);
        return;
      }
      instance.log.error({ event: 'reload_failed', reason });
      instance.observer.reloadFailed(reason);
      const what = isTakenBack
        ? 'the reload was undone'
        : 'the configuration was not applied, the previous one stays in use';
      io.err(`openclaw: ${what}\n${reason}\n`);
    },
  });
}

function openInstance(
  settings: Settings,
  log: InstanceLog,
  io: Io,
  ownDirectory: string,
  workers: number,
): Instance {
  try {
    return new Instance(settings, log, stateDirectory(io.env), ownDirectory, workers);
  } catch (error) {
    const isForUser =
      error instanceof SessionKeyError ||
      error instanceof OperatorFileError ||
      error instanceof NetworkFileError ||
      error instanceof TlsError;
    if (isForUser) throw refusal(error.message);
    if (error instanceof IoError) throw refusal(error.message, error.help);
    throw error;
  }
}

function signal(): Promise<null> {
  return new Promise((resolve) => {
    const done = () => {
      process.off('SIGINT', done);
      process.off('SIGTERM', done);
      resolve(null);
    };
    process.on('SIGINT', done);
    process.on('SIGTERM', done);
  });
}
