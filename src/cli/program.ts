import { Command, InvalidArgumentError } from 'commander';
import { VERSION } from '../base/version.ts';
import { readConfiguration } from './configuration.ts';
import { addAlertCommands, addLbCommands } from './lb.ts';
import { type StartOptions, start } from './start.ts';

const WORKERS_MAX = 32;

/** The command line. */
export function program(): Command {
  const openclaw = new Command('openclaw')
    .description('HTTP load balancer and reverse proxy')
    .version(VERSION)
    .showHelpAfterError('(openclaw --help lists the commands)')
    .exitOverride();

  openclaw
    .command('start')
    .description('run in the foreground until SIGTERM or SIGINT')
    .option('--config <file>', 'the configuration')
    .option('--demo', 'balance three little servers that are built in')
    .option('--workers <n>', 'data threads', workerCount)
    .addHelpText('after', START_EXAMPLES)
    .action((options: StartOptions) => start(options));

  openclaw
    .command('check')
    .description('check the configuration, say every problem, and end')
    .option('--config <file>', 'the configuration')
    .action((options: { config?: string }) => check(options.config));

  addLbCommands(openclaw);
  addAlertCommands(openclaw);

  return openclaw;
}

const START_EXAMPLES = `
Examples:
  openclaw start                          the configuration that is found
  openclaw start --config ./openclaw.yml  this one
  openclaw start --demo                   no configuration at all`;

function check(config: string | undefined): void {
  const { file, warnings } = readConfiguration(config, process.stderr.isTTY);
  if (warnings !== '') process.stderr.write(`${warnings}\n`);
  process.stdout.write(`${file} is valid\n`);
}

function workerCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > WORKERS_MAX) {
    throw new InvalidArgumentError(`a whole number from 1 to ${WORKERS_MAX} is needed.`);
  }
  return count;
}
