import { type Command, InvalidArgumentError } from 'commander';
import type { BackendTestOptions } from './backend-probe.ts';
import type { Io } from './io.ts';

const COUNT_MAX = 1000;

/** `openclaw lb backend test`. */
export function addBackendTest(backend: Command, io: Io): void {
  backend
    .command('test')
    .description('Probe a server as the health check does, with or without a running instance')
    .requiredOption('--server <address>', 'its address, or its name in the configuration')
    .option('--count <n>', 'how often', countOf, 1)
    .option('-c, --config <file>', 'the configuration with the health check')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ openclaw lb backend test --server 192.168.1.100:8080\n  $ openclaw lb backend test --server 10.0.0.5:3000 --count 5 --json\n\nExit codes: 0 healthy, 1 not.',
    )
    .action(async (options: BackendTestOptions) => {
      const { testBackend } = await import('./backend-probe.ts');
      await testBackend(io, options);
    });
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= COUNT_MAX) return count;
  throw new InvalidArgumentError(`a whole number from 1 to ${COUNT_MAX} is needed.`);
}
