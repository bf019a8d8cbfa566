import { Command, InvalidArgumentError, Option } from 'commander';
import type { Paranoia, RuleClass } from '../waf/index.ts';
import type { Io } from './io.ts';
import type { RulesOptions } from './waf-rules.ts';
import type { TestOptions } from './waf-test.ts';

/** `openclaw waf`: the rules, and what they say about a request that somebody makes up. */
export function wafCommand(io: Io): Command {
  const waf = new Command('waf').description(
    'Test the web application firewall and list its rules',
  );
  addTest(waf, io);
  addRules(waf, io);
  return waf;
}

function addTest(waf: Command, io: Io): void {
  waf
    .command('test')
    .description('Show which rules match a request, where, why, and how to exclude them')
    .option('--method <method>', 'default: GET, or POST with a body')
    .option('--path <target>', 'the path and query, as in the request line', '/')
    .option('--header <line>', 'a header, "Name: value"; can be repeated', collect, [])
    .option('--body <text>', 'the body')
    .option('--body-file <file>', 'the body, from a file; - for standard input')
    .option('-c, --config <file>', 'the configuration with mode, level, threshold and exclusions')
    .addOption(
      new Option('--paranoia <level>', 'another paranoia level than the configured one').argParser(
        levelOf,
      ),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', TEST_HELP)
    .action(async (options: TestOptions) => {
      const { testRequest } = await import('./waf-test.ts');
      testRequest(io, options);
    });
}

const TEST_HELP = `
Examples:
  $ openclaw waf test --path "/item?id=1'%20or%201=1--"
  $ openclaw waf test --path /login --body 'user=admin&pass=x' --config ./openclaw.yml
  $ openclaw waf test --path /api --header 'Content-Type: application/json' --body-file body.json --json

Exit codes: 0 the request would pass, 1 it would be refused with 403 or 413, 2 usage, 3 a file.`;

/** Checked by the compiler: to read a command line, the firewall itself is not loaded. */
const CLASSES = Object.keys({
  sql: true,
  nosql: true,
  xss: true,
  path: true,
  command: true,
  template: true,
  ssrf: true,
  xxe: true,
  deserialisation: true,
  protocol: true,
  scanner: true,
  bound: true,
} satisfies Record<RuleClass, true>);

function addRules(waf: Command, io: Io): void {
  waf
    .command('rules')
    .description('List the rules: id, class, severity, paranoia level, what they detect')
    .addOption(new Option('--class <class>', 'only rules of a class').choices(CLASSES))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ openclaw waf rules\n  $ openclaw waf rules --class sql --json',
    )
    .action(async (options: RulesOptions) => {
      const { listRules } = await import('./waf-rules.ts');
      listRules(io, options);
    });
}

function collect(line: string, lines: string[]): string[] {
  return [...lines, line];
}

function levelOf(text: string): Paranoia {
  const level = Number(text);
  if (level === 1 || level === 2 || level === 3 || level === 4) return level;
  throw new InvalidArgumentError('a paranoia level from 1 to 4 is needed.');
}
