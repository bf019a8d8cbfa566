/** `openclaw lb backend drain|disable|enable|weight`: what an operator says of a server. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { InstanceStatus, ServerStatus } from '../control/operate/status.ts';
import { type AdminOptions, duration, reached } from './admin-options.ts';
import { findAdmin } from './find-admin.ts';
import { asCalled, CommandError, EXIT, examples, type Io } from './io.ts';
import { age } from './readable.ts';

interface Options extends AdminOptions {
  json?: boolean;
  persist?: boolean;
  force?: boolean;
  timeout?: number;
  over?: number;
  wait?: boolean;
}

const WAIT_EVERY_MS = 100;

export function addOperatorCommands(backend: Command, io: Io): void {
  takingOut(backend, 'drain')
    .description(
      'Send it no new traffic; its sessions and tunnels continue, until the timeout if there is one',
    )
    .option('--timeout <duration>', 'when the drain ends; what is left is closed then', duration)
    .option('--over <duration>', 'time over which connections are closed (10s)', duration)
    .option('--wait', 'return as soon as nothing is in flight there')
    .addHelpText(
      'after',
      '\nExamples:\n  openclaw lb backend drain web1               without an end\n  openclaw lb backend drain web1 --timeout 5m  WebSockets still open then get a close frame 1001\n  openclaw lb backend drain web1 --timeout 5m --wait && deploy web1',
    )
    .action((server: string, options: Options) => drain(io, server, options));
  takingOut(backend, 'disable')
    .description(
      'Send it no traffic at all, not even from sticky clients; requests in flight continue',
    )
    .addHelpText('after', examples('openclaw lb backend disable 10.0.0.1:8080 --persist'))
    .action((server: string, options: Options) =>
      say(io, server, 'disable', options, 'is disabled'),
    );
  operator(backend, 'enable')
    .description('Send it traffic again')
    .addHelpText('after', examples('openclaw lb backend enable web1'))
    .action((server: string, options: Options) => say(io, server, 'enable', options, 'is enabled'));
  takingOut(backend, 'weight')
    .argument('<weight>', '0 to 256; 0: no new traffic; default: the configured weight')
    .description('Change its share of the traffic at once, in all workers')
    .addHelpText(
      'after',
      examples('openclaw lb backend weight web1 3', 'openclaw lb backend weight web1 default'),
    )
    .action((server: string, weight: string, options: Options) => {
      const to = `weight?to=${encodeURIComponent(weight)}`;
      const done = weight === 'default' ? 'has its configured weight' : `has the weight ${weight}`;
      return say(io, server, to, options, done);
    });
}

function operator(backend: Command, name: string): Command {
  return reached(backend.command(name).argument('<server>', 'its name or address'))
    .option('--json', 'for programs')
    .option('--persist', 'survive a restart; without it, the change survives only reloads');
}

/** A command that may leave nobody to answer. */
function takingOut(backend: Command, name: string): Command {
  return operator(backend, name).option('--force', 'even if no working server is left');
}

async function drain(io: Io, server: string, options: Options): Promise<void> {
  const { timeout, over } = options;
  const query = [
    ...(timeout === undefined ? [] : [`timeout=${timeout}ms`]),
    ...(over === undefined ? [] : [`over=${over}ms`]),
  ];
  const done =
    timeout === undefined
      ? 'drains until it is enabled or disabled'
      : `drains, for at most ${age(timeout)}`;
  await say(io, server, `drain?${query.join('&')}`, options, done);
  if (options.wait) await waitUntilIdle(io, server, options);
}

async function waitUntilIdle(io: Io, name: string, options: Options): Promise<void> {
  const client = await findAdmin(io, options);
  for (;;) {
    const { pools } = await client.get<InstanceStatus>('/status');
    const servers = pools.flatMap((pool) => pool.servers);
    const server = servers.find((one) => one.name === name || one.address === name);
    if (server === undefined)
      throw new CommandError(`${name} is no longer configured`, EXIT.refused);
    if (server.admin === 'active') throw new CommandError(`${name} was enabled`, EXIT.refused);
    if (server.inFlight === 0) {
      const idle = `${name} has nothing in flight${stillBound(server)}\n`;
      if (!options.json) io.out(asCalled(io, idle));
      return;
    }
    await wait(WAIT_EVERY_MS);
  }
}

/** Sessions outlive their requests: only the operator knows whether they are worth waiting for. */
function stillBound({ admin, name }: ServerStatus): string {
  if (admin !== 'draining') return '';
  return `; clients bound to it may still return: use "openclaw lb backend disable ${name}" to keep them away`;
}

async function say(
  io: Io,
  server: string,
  action: string,
  options: Options,
  done: string,
): Promise<void> {
  const [name, given] = action.split('?', 2) as [string, string?];
  const query = new URLSearchParams(given);
  if (options.persist) query.set('persist', 'true');
  if (options.force) query.set('force', 'true');
  const path = `/servers/${encodeURIComponent(server)}/${name}?${query}`;
  const answer = await (await findAdmin(io, options)).post<{ note: string }>(path);
  const { note } = answer;
  if (options.json) {
    io.out(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const but = note === '' ? '' : `; but ${note}`;
  io.out(asCalled(io, `${server} ${done}${but}. See it: openclaw lb backend status\n`));
}
