/**
 * Runs the tests: `npm run unit`, or `npm run unit -- src/core/http1` for a room or a file.
 *
 * Unit tests share one process, for starting it and loading the code takes longer than most of
 * them; every other file has its own. A process that goes silent is ended with all that it started,
 * and the test that it hung in is named: Node's own runner ends a test that takes too long, but waits
 * for ever for the file around it.
 */
import { globSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runAll } from './run.ts';

const USAGE = 'usage: npm run unit [-- [--silence-ms N] [FILE or FOLDER ...]]';
/** The longest test takes some ten seconds. */
const SILENCE_MS = 120_000;
const LANES_MAX = 8;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'silence-ms': { type: 'string', default: String(SILENCE_MS) } },
});
const files = (positionals.length === 0 ? ['src', 'test'] : positionals).flatMap(testsIn);
if (files.length === 0) {
  console.error(`no test file in ${positionals.join(', ')}\n${USAGE}`);
  process.exit(1);
}

const isShared = (file: string) => file.startsWith('src/');
const shared = files.filter(isShared);
const batches = files.filter((file) => !isShared(file)).map((file) => [file]);
if (shared.length > 0) batches.unshift(shared);

const isGreen = await runAll(batches, {
  lanes: Math.min(availableParallelism(), LANES_MAX),
  silenceMs: Number(values['silence-ms']),
  print: (text) => process.stdout.write(text),
});
process.exitCode = isGreen ? 0 : 1;

function testsIn(place: string): string[] {
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) return globSync(place).sort();
  return globSync(`${place.replace(/\/$/, '')}/**/*.test.ts`).sort();
}
