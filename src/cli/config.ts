/**
 * `openclaw config ...`: what can be done with the file alone. Commands that talk to a running
 * instance (reload, plan, confirm) are mounted beside these by whoever has its client.
 */
import { Command } from 'commander';
import type { ConfigOptions } from './config-options.ts';
import { EXIT_CODES_HELP, type Io } from './io.ts';

const values = () => import('./config-values.ts');
const transfer = () => import('./config-transfer.ts');
const applied = () => import('./config-history.ts');

export function configCommand(io: Io): Command {
  const config = new Command('config')
    .description('Show, change and check the configuration file')
    .option('-c, --config <file>', 'the configuration file (default: searched for, see the manual)')
    .addHelpText('after', EXIT_CODES_HELP);
  const add = (
    usage: string,
    description: string,
    examples: string[],
    action: (args: string[], options: ConfigOptions) => Promise<void>,
  ) => {
    const command = config.command(usage).description(description);
    command.option('--json', 'print JSON');
    command.addHelpText(
      'after',
      `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`,
    );
    command.action((...given: unknown[]) => {
      const self = given.at(-1) as Command;
      return action(self.args, self.optsWithGlobals<ConfigOptions>());
    });
    return command;
  };

  add(
    'get [path]',
    'Print a value from the file, or with --effective the value in use and its origin',
    [
      'openclaw config get load_balancing',
      'openclaw config get load_balancing.timeout.read --effective',
      'openclaw config get load_balancing.servers[0] --json',
    ],
    async ([path], options) => (await values()).get(io, path, options),
  )
    .option('--effective', 'defaults and environment filled in, with the origin of each value')
    .option('--secrets', 'show secrets');

  add(
    'set <path> <value> [more...]',
    'Change values in the file, keeping comments and order; validates the whole file first',
    [
      'openclaw config set load_balancing.health_check.interval 5s',
      'openclaw config set load_balancing.servers[0] 10.0.0.5:8080',
      'openclaw config set load_balancing.security.tls.cert_path a.pem load_balancing.security.tls.key_path b.pem',
    ],
    async (pairs, options) => (await values()).set(io, pairs, options),
  );

  add(
    'unset <path>',
    'Remove a value from the file, so that its default applies',
    ['openclaw config unset load_balancing.workers'],
    async ([path], options) => (await values()).unset(io, path!, options),
  );

  add(
    'export',
    'Write a section to a file that can be imported; secrets are masked',
    ['openclaw config export --section load_balancing --file lb-config.yml'],
    async (_, options) => (await transfer()).exportTo(io, options),
  )
    .option('--section <path>', 'the section (default: everything)')
    .option('--file <file>', 'the file to write (default: print it)')
    .option('--secrets', 'include secrets; only the owner can read the file');

  add(
    'import',
    'Merge a file into the configuration after validating it; prints the changes',
    [
      'openclaw config import --file lb-config.yml --dry-run',
      'openclaw config import --fix-typography --file from-a-web-page.yml',
    ],
    async (_, options) => (await transfer()).importFrom(io, options),
  )
    .requiredOption('--file <file>', 'the file to import')
    .option('--dry-run', 'change nothing, print what would change')
    .option('--replace', 'replace the sections that the file names instead of merging into them')
    .option('--fix-typography', 'fix curly quotes, long dashes and lost indentation first');

  add(
    'validate',
    'Report every problem in the configuration; exit code 0 or 1',
    [
      'openclaw config validate',
      'openclaw config validate --section load_balancing --file new.yml',
    ],
    async (_, options) => (await import('./validate.ts')).validate(io, options),
  )
    .option('--section <path>', 'only problems in this section')
    .option('--file <file>', 'this file');

  add(
    'diff',
    'Compare the file with the last applied configuration, or with another file',
    ['openclaw config diff', 'openclaw config diff --file other.yml'],
    async (_, options) => (await applied()).diff(io, options),
  ).option('--file <file>', 'compare with this file');

  add(
    'history',
    'List the applied configurations',
    ['openclaw config history', 'openclaw config history --json'],
    async (_, options) => (await applied()).history(io, options),
  );

  add(
    'rollback [number]',
    'Restore a configuration from the history to the file (default: the one before the last)',
    ['openclaw config rollback', 'openclaw config rollback 12 --dry-run'],
    async ([number], options) => (await applied()).rollback(io, number, options),
  ).option('--dry-run', 'change nothing, print what would change');

  add(
    'schema',
    'Print the JSON Schema of the configuration, for editors',
    ['openclaw config schema > openclaw.schema.json'],
    async () => {
      const { jsonSchema } = await import('../config/json-schema.ts');
      io.out(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
    },
  );
  return config;
}
