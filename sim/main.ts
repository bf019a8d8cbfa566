/**
 * `npm run sim -- --seeds 200`: runs the simulation with that many seeds; `--seed N` runs one, and
 * `--verbose` tells all that happened in it.
 */
import { parseArgs } from 'node:util';
import { reportOf } from './report.ts';
import { simulate } from './simulation.ts';

const SEEDS_MAX = 1_000_000;
const FAILURES_SHOWN_MAX = 3;

function main(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '200' },
      first: { type: 'string', default: '1' },
      seed: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const first = wholeNumber('seed', values.seed ?? values.first);
  const count = values.seed === undefined ? wholeNumber('seeds', values.seeds) : 1;
  let requests = 0;
  let simulatedMs = 0;
  const failed: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const outcome = simulate(seed, {}, values.verbose);
    requests += outcome.requests;
    simulatedMs += outcome.simulatedMs;
    if (values.verbose) print(outcome.lines.join('\n'));
    if (outcome.violations.length === 0) continue;
    failed.push(seed);
    if (failed.length <= FAILURES_SHOWN_MAX) print(reportOf(outcome));
  }
  const minutes = Math.round(simulatedMs / 60_000);
  print(`simulation: ${count} seeds, ${requests} requests, ${minutes} simulated minutes`);
  if (failed.length === 0) return 0;
  print(`${failed.length} seeds failed: ${failed.slice(0, 40).join(' ')}`);
  return 1;
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0 && number <= SEEDS_MAX) return number;
  print(`--${name} ${text}: give a whole number from 0 to ${SEEDS_MAX}`);
  process.exit(2);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = main(process.argv.slice(2));
