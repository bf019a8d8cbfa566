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
      'Start the program anew, perhaps another version, in place of the running one; no connection is lost',
    )
    .option('-c, --config <file>', 'the configuration of the instance')
    .option('--admin <address>', 'host:port or unix socket of the instance')
    .option('--drain <time>', 'left to what is under way in the old one (else timeout.drain)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
It starts as the running one was started: the same arguments, the same environment.

Examples:
  npm install -g openclaw-lb && openclaw upgrade
  openclaw upgrade --drain 12h    WebSockets of today stay with the old one for so long`,
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
          `what is under way there has ${formatDuration(begun.withinMs)} to end\n`,
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
