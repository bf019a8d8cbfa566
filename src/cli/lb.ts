import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import type { AlertsStatus } from '../control/watch/observer.ts';
import { type AdminOptions, duration, reached } from './admin-options.ts';
import { addBackendTest } from './backend-test.ts';
import { findAdmin } from './find-admin.ts';
import { CommandError, EXIT, examples, type Io } from './io.ts';
import { addExplain } from './lb-explain.ts';
import { addOperatorCommands } from './lb-operator.ts';
import { fitting, statsScreen, statusScreen, topScreen } from './lb-screens.ts';
import { backendScreen, type Screen } from './lb-servers.ts';
import { age } from './readable.ts';

interface AskOptions extends AdminOptions {
  json?: boolean;
}

interface ShowOptions extends AskOptions {
  watch?: boolean;
}

const WATCH_EVERY_MS = 1000;
const WIDTH_MAX = 100;
/** A smaller terminal is scrolled. */
const HEIGHT_MIN = 20;

/** `openclaw lb ...`: what the running instance is doing. */
export function lbCommand(io: Io): Command {
  const lb = new Command('lb').description('Show and control the running instance');
  shown(lb.command('status').description('Show the whole instance on one screen'))
    .addHelpText('after', examples('openclaw lb status', 'openclaw lb status --json'))
    .action((options: ShowOptions) => show(io, options, '/status', statusScreen));
  shown(lb.command('stats').description('Show totals and connections since the start'))
    .addHelpText('after', examples('openclaw lb stats', 'openclaw lb stats --watch'))
    .action((options: ShowOptions) => show(io, options, '/stats', statsScreen));
  shown(lb.command('top').description('Show status, servers and the busiest clients, live'))
    .addHelpText('after', examples('openclaw lb top', 'openclaw lb top --json | jq .p99Ms'))
    .action((options: ShowOptions) => show(io, { ...options, watch: true }, '/status', topScreen));
  const backend = lb.command('backend').description('The servers');
  shown(backend.command('status').description('Show a row for each server'))
    .addHelpText(
      'after',
      examples('openclaw lb backend status', 'openclaw lb backend status --watch'),
    )
    .action((options: ShowOptions) => show(io, options, '/status', backendScreen));
  addOperatorCommands(backend, io);
  addBackendTest(backend, io);
  addExplain(lb, io);
  reached(lb.command('failback'))
    .description('Return traffic from the backups to the primaries')
    .option('--json', 'for programs')
    .addHelpText('after', examples('openclaw lb failback'))
    .action((options: AskOptions) => failback(io, options));
  return lb;
}

async function failback(io: Io, options: AskOptions): Promise<void> {
  const answer = await (await findAdmin(io, options)).post('/failback');
  io.out(
    options.json
      ? `${JSON.stringify(answer, null, 2)}\n`
      : 'the primaries take over again. See it: openclaw lb backend status\n',
  );
}

/** `openclaw alerts ...`. */
export function alertsCommand(io: Io): Command {
  const alerts = new Command('alerts').description(
    'Show, test and silence alerts of the running instance',
  );
  shown(alerts.command('list').description('Show active alerts and the state of their channels'))
    .addHelpText('after', examples('openclaw alerts list', 'openclaw alerts list --json'))
    .action((options: ShowOptions) => show(io, options, '/alerts', alertsScreen));
  reached(alerts.command('test'))
    .description('Send a test message through each channel')
    .option('--json', 'for programs')
    .addHelpText('after', examples('openclaw alerts test'))
    .action((options: AskOptions) => testAlerts(io, options));
  reached(alerts.command('silence').argument('<duration>', 'like 1h; 0s ends it', duration))
    .description('Send no alerts for a while; those still active then are sent afterwards')
    .option('--json', 'for programs')
    .addHelpText('after', examples('openclaw alerts silence 1h', 'openclaw alerts silence 0s'))
    .action((forMs: number, options: AskOptions) => silenceAlerts(io, forMs, options));
  return alerts;
}

function shown(command: Command): Command {
  return reached(command)
    .option('--json', 'for programs')
    .option('--watch', 'refresh every second, until Ctrl-C');
}

async function show<T>(
  io: Io,
  options: ShowOptions,
  path: string,
  render: (answer: T, screen: Screen) => string,
): Promise<void> {
  const client = await findAdmin(io, options);
  const { stdout } = process;
  const live = options.watch && !options.json ? io.screen : undefined;
  for (;;) {
    const answer = await client.get<T>(path);
    const screen: Screen = {
      isColoured: io.outColour === true,
      widthMax: stdout.isTTY ? Math.max(60, stdout.columns) : WIDTH_MAX,
      nowMs: io.now().getTime(),
      ...(live ? { heightMax: Math.max(HEIGHT_MIN, stdout.rows) } : {}),
    };
    if (options.json) {
      // One line each time, so that a program can read them as they come.
      io.out(`${JSON.stringify(answer, null, options.watch ? 0 : 2)}\n`);
    } else if (live) live(fitting(render(answer, screen), screen));
    else io.out(render(answer, screen));
    if (options.watch !== true) return;
    await wait(WATCH_EVERY_MS);
  }
}

function alertsScreen(
  { isEnabled, active, channels, silentUntilMs }: AlertsStatus,
  { nowMs }: Screen,
): string {
  if (!isEnabled) {
    return 'alerts are off: configure load_balancing.monitoring.alerts with channels to turn them on\n';
  }
  const lines = active.map(({ name, subject, sinceMs, measured, outliers }) => {
    const about = subject === '' ? name : `${name} ${subject}`;
    const out = outliers.length === 0 ? '' : `\n  stands out: ${outliers.join('; ')}`;
    return `${about} for ${age(nowMs - sinceMs)}: ${measured}${out}`;
  });
  if (active.length === 0) lines.push('no alert is active');
  if (silentUntilMs > nowMs) lines.push(`silenced for another ${age(silentUntilMs - nowMs)}`);
  if (channels.length === 0) {
    lines.push('no channel is configured: load_balancing.monitoring.alerts.channels');
  }
  for (const { channel, sent, waiting, undelivered, error } of channels) {
    const trouble = error === '' ? '' : `, last error: ${error}`;
    lines.push(
      `${channel}: ${sent} sent, ${waiting} waiting, ${undelivered} not delivered${trouble}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function testAlerts(io: Io, options: AskOptions): Promise<void> {
  const { channels } = await (await findAdmin(io, options)).post<{
    channels: { channel: string; error: string }[];
  }>('/alerts/test');
  if (channels.length === 0) {
    throw new CommandError(
      'no channel is configured',
      EXIT.refused,
      'list them under load_balancing.monitoring.alerts.channels',
    );
  }
  if (options.json) io.out(`${JSON.stringify({ channels }, null, 2)}\n`);
  else
    for (const { channel, error } of channels) {
      io.out(`${channel}: ${error === '' ? 'taken' : `failed: ${error}`}\n`);
    }
  const failed = channels.filter(({ error }) => error !== '').length;
  if (failed > 0)
    throw new CommandError(`${failed} of ${channels.length} channels failed`, EXIT.refused);
}

async function silenceAlerts(io: Io, forMs: number, options: AskOptions): Promise<void> {
  const answer = await (await findAdmin(io, options)).post(`/alerts/silence?for=${forMs}ms`);
  if (options.json) io.out(`${JSON.stringify(answer, null, 2)}\n`);
  else io.out(forMs === 0 ? 'alerts are sent again\n' : `alerts are silenced for ${age(forMs)}\n`);
}
