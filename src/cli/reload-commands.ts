/** `openclaw config reload|plan|confirm`: what a running instance does with a changed file. */
import type { Command } from 'commander';
import { duration } from './admin-options.ts';
import { findAdmin } from './find-admin.ts';
import type { Io } from './io.ts';
import type { ReloadOptions } from './reload.ts';

/** Adds the commands to `openclaw config`. */
export function addReloadCommands(config: Command, io: Io): void {
  const add = (name: string, description: string, example: string) =>
    config
      .command(name)
      .description(description)
      .option('--admin <address>', 'host:port or unix socket of the instance')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExamples:\n  $ openclaw config ${name}\n  $ ${example}`);

  add(
    'reload',
    'Apply the file to the running instance; an invalid file changes nothing',
    'openclaw config reload --confirm 60s',
  )
    .option('--section <path>', 'only this part of the file')
    .option(
      '--confirm <time>',
      'undo it after this time, like 60s, unless `config confirm` follows',
      duration,
    )
    .action(async (_, self: Command) => {
      const { reload } = await import('./reload.ts');
      await reload(io, self.optsWithGlobals<ReloadOptions>());
    });

  add(
    'plan',
    'Show what a reload of the running instance would do',
    'openclaw config plan --section load_balancing.servers',
  )
    .option('--section <path>', 'only this part of the file')
    .action(async (_, self: Command) => {
      const { plan } = await import('./reload.ts');
      await plan(io, self.optsWithGlobals<ReloadOptions>());
    });

  add(
    'confirm',
    'Confirm the pending reload, so that it stays',
    'openclaw config confirm --json',
  ).action(async (_, self: Command) => {
    const options = self.optsWithGlobals<ReloadOptions>();
    const answer = await (await findAdmin(io, options)).post<object>('/config/confirm');
    io.out(options.json ? `${JSON.stringify(answer)}\n` : 'confirmed: the configuration stays\n');
  });
}
