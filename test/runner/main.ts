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
const LANES_MAX = 9;
/** So many unit tests that every core should have a part of them. */
const FILES_MANY = 60;

/**
 * Files that take long, by the times that a run prints, the longest first: begun first, so that no
 * core is idle at the end.
 */
const LONG = [
  'test/e2e/dashboard-access.test.ts',
  'test/sim-seeds.test.ts',
  'test/e2e/tls.test.ts',
  'test/e2e/workers.test.ts',
  'test/e2e/draining.test.ts',
  'test/e2e/timeouts.test.ts',
  'test/e2e/retries.test.ts',
  'test/e2e/sticky.test.ts',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'silence-ms': { type: 'string', default: String(SILENCE_MS) } },
});
const files = (positionals.length === 0 ? ['src', 'test'] : positionals).flatMap(testsIn);
if (files.length === 0) {
  console.error(`no test file in ${positionals.join(', ')}\n${USAGE}`);
  process.exit(1);
}

const cores = availableParallelism();
const isShared = (file: string) => file.startsWith('src/');
const rank = (file: string) => (LONG.includes(file) ? LONG.indexOf(file) : LONG.length);
const own = files.filter((file) => !isShared(file)).sort((a, b) => rank(a) - rank(b));
const batches = [...parts(files.filter(isShared)), ...own.map((file) => [file])];

const isGreen = await runAll(batches, {
  // One more than there are cores: many tests wait for a time to pass.
  lanes: Math.min(cores + 1, LANES_MAX),
  silenceMs: Number(values['silence-ms']),
  print: (text) => process.stdout.write(text),
});
process.exitCode = isGreen ? 0 : 1;

function testsIn(place: string): string[] {
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) return globSync(place).sort();
  return globSync(`${place.replace(/\/$/, '')}/**/*.test.ts`).sort();
}

/** Unit tests as one batch, or, where they are many, as one for each core. */
function parts(shared: string[]): string[][] {
  if (shared.length === 0) return [];
  const count = shared.length < FILES_MANY ? 1 : Math.min(cores, LANES_MAX);
  return Array.from({ length: count }, (_, part) => shared.filter((_, at) => at % count === part));
}
