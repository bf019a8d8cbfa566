/** `openclaw upgrade`: another version takes the place of the running one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { formatDuration } from '../base/units.ts';
import type { AdminOptions } from './admin-options.ts';
import { findAdmin } from './find-admin.ts';
import { CommandError, EXIT, type Io } from './io.ts';

interface Options extends AdminOptions {
  drain?: string;
  json?: boolean;
}

interface Begun {
  pid: number;
  from: number;
  withinMs: number;
}

const LOOKS_MAX = 300;
const LOOK_EVERY_MS = 100;

export function upgradeCommand(io: Io): Command {
  return new Command('upgrade')
    .description(
      'Replace the running process with a new one, possibly of another version, without losing a connection',
    )
    .option('-c, --config <file>', 'the configuration of the instance')
    .option('--admin <address>', 'host:port or unix socket of the instance')
    .option(
      '--drain <time>',
      'time left to connections of the old process (default: timeout.drain)',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The new process starts with the same arguments and the same environment as the old one.

Examples:
  npm install -g openclaw-lb && openclaw upgrade
  openclaw upgrade --drain 12h    today's WebSockets may stay with the old one that long`,
    )
    .action((options: Options) => upgrade(io, options));
}

async function upgrade(io: Io, options: Options): Promise<void> {
  const query = options.drain === undefined ? '' : `?drain=${encodeURIComponent(options.drain)}`;
  const begun = await (await findAdmin(io, options)).post<Begun>(`/upgrade${query}`);
  const version = await answering(io, options, begun.pid);
  io.out(
    options.json
      ? `${JSON.stringify({ ...begun, version })}\n`
      : `openclaw ${version}, process ${begun.pid}, has taken over from process ${begun.from}\n` +
          `requests in flight there have ${formatDuration(begun.withinMs)} to end\n`,
  );
}

/** @returns the version of the instance that the admin API belongs to, once it is the new one */
async function answering(io: Io, options: Options, pid: number): Promise<string> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    try {
      const client = await findAdmin(io, options);
      const status = await client.get<{ pid: number; version: string }>('/status');
      if (status.pid === pid) return status.version;
    } catch {
      // Between the two nobody answers.
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new CommandError(
    `process ${pid} was started but does not answer`,
    EXIT.refused,
    'the log says why: openclaw logs --grep upgrade_failed',
  );
}
