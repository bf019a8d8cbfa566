import { Command, InvalidArgumentError } from 'commander';
import { VERSION } from '../base/version.ts';
import { completeCommand, completionCommand } from './completion.ts';
import { configCommand } from './config.ts';
import { initCommand } from './init.ts';
import { examples, type Io } from './io.ts';
import { alertsCommand, lbCommand } from './lb.ts';
import { logsCommand } from './logs.ts';
import { addReloadCommands } from './reload-commands.ts';
import type { StartOptions } from './start.ts';
import { upgradeCommand } from './upgrade.ts';
import { wafCommand } from './waf.ts';

const WORKERS_MAX = 32;

/**
 * The command line. Commands are declared here and in the files that this one imports; what one does
 * is loaded when it is called: reading settings alone, with schema and firewall, takes longer than
 * most commands do.
 */
export function program(io: Io): Command {
  const openclaw = new Command(io.name ?? 'openclaw')
    .description('HTTP load balancer and reverse proxy')
    .version(VERSION);

  openclaw
    .command('start')
    .description(
      'Run in the foreground until SIGTERM or SIGINT; SIGHUP reloads and reopens the log, SIGUSR2 upgrades',
    )
    .option('-c, --config <file>', 'the configuration file (default: searched for, see the manual)')
    .option('--demo', 'balance three small built-in servers')
    .option('--workers <n>', 'data threads', workerCount)
    .addHelpText('after', START_EXAMPLES)
    .action(async (options: StartOptions) => {
      const { start } = await import('./start.ts');
      await start(io, options);
    });

  openclaw
    .command('check')
    .description('Check the configuration, report every problem, and exit')
    .option('-c, --config <file>', 'the configuration file (default: searched for, see the manual)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('openclaw check --config ./openclaw.yml'))
    .action(async (options: { config?: string; json?: boolean }) => {
      const { checkFile, validate } = await import('./validate.ts');
      if (options.json) validate(io, options);
      else checkFile(io, options.config);
    });

  const config = configCommand(io);
  addReloadCommands(config, io);
  openclaw.addCommand(config);
  openclaw.addCommand(initCommand(io));
  openclaw.addCommand(lbCommand(io));
  openclaw.addCommand(alertsCommand(io));
  openclaw.addCommand(logsCommand(io));
  openclaw.addCommand(upgradeCommand(io));
  openclaw.addCommand(wafCommand(io));
  openclaw.addCommand(completionCommand(io));
  openclaw.addCommand(
    completeCommand(io, () => openclaw),
    { hidden: true },
  );
  return openclaw;
}

const START_EXAMPLES = `
Examples:
  openclaw start                          with the configuration found by default
  openclaw start --config ./openclaw.yml  with this one
  openclaw start --demo                   without any configuration`;

function workerCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > WORKERS_MAX) {
    throw new InvalidArgumentError(`a whole number from 1 to ${WORKERS_MAX} is needed.`);
  }
  return count;
}
