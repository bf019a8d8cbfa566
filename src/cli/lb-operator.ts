/** `openclaw lb backend drain|disable|enable|weight`: what an operator says of a server. */
import type { Command } from 'commander';
import { AdminClient, type AdminOptions, duration, reached } from './admin-client.ts';
import { asCalled, type Io } from './io.ts';
import { age } from './readable.ts';

interface Options extends AdminOptions {
  persist?: boolean;
  timeout?: number;
  over?: number;
}

export function addOperatorCommands(backend: Command, io: Io): void {
  operator(backend, 'drain')
    .description(
      'Send it nothing new; its sessions and tunnels go on, until the end if there is one',
    )
    .option('--timeout <duration>', 'when it ends: what is left is closed then', duration)
    .option('--over <duration>', 'how long the closings are spread over (10s)', duration)
    .addHelpText(
      'after',
      '\nExamples:\n  openclaw lb backend drain web1               without an end\n  openclaw lb backend drain web1 --timeout 5m  WebSockets still open then get a close frame 1001',
    )
    .action((server: string, options: Options) => drain(io, server, options));
  operator(backend, 'disable')
    .description('Send it nothing at all, sticky clients included; what is under way goes on')
    .action((server: string, options: Options) =>
      say(io, server, 'disable', options, 'is disabled'),
    );
  operator(backend, 'enable')
    .description('Send it traffic again')
    .action((server: string, options: Options) => say(io, server, 'enable', options, 'is enabled'));
  operator(backend, 'weight')
    .argument('<weight>', '0 to 256; 0: nothing new; default: the configured one')
    .description('Change its part of the traffic at once, in all workers')
    .action((server: string, weight: string, options: Options) => {
      const to = `weight?to=${encodeURIComponent(weight)}`;
      const done = weight === 'default' ? 'has its configured weight' : `has the weight ${weight}`;
      return say(io, server, to, options, done);
    });
}

function operator(backend: Command, name: string): Command {
  return reached(backend.command(name).argument('<server>', 'its name or address')).option(
    '--persist',
    'after a restart too; without it a reload keeps it and a restart does not',
  );
}

async function drain(io: Io, server: string, options: Options): Promise<void> {
  const { timeout, over } = options;
  const query = [
    ...(timeout === undefined ? [] : [`timeout=${timeout}ms`]),
    ...(over === undefined ? [] : [`over=${over}ms`]),
  ];
  const done = timeout === undefined ? 'drains' : `drains, for ${age(timeout)} at the most`;
  await say(io, server, `drain?${query.join('&')}`, options, done);
}

async function say(
  io: Io,
  server: string,
  action: string,
  options: Options,
  done: string,
): Promise<void> {
  const persist = options.persist ? `${action.includes('?') ? '&' : '?'}persist=true` : '';
  const path = `/servers/${encodeURIComponent(server)}/${action}${persist}`;
  const { note } = await AdminClient.find(io, options).post<{ note: string }>(path);
  const but = note === '' ? '' : `; but ${note}`;
  io.out(asCalled(io, `${server} ${done}${but}. See it: openclaw lb backend status\n`));
}
