/**
 * `npm run kill-matrix`: every fault in turn, twenty kills, and a table of what clients noticed.
 * Each at 127.0.0.1, for about two minutes.
 */
import { parseArgs } from 'node:util';
import { FAULTS } from './faulty-server.ts';
import { KillMatrix, type Row } from './matrix.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '21' },
    'fault-ms': { type: 'string', default: '4000' },
    /** With circuit breakers. */
    breaker: { type: 'boolean', default: false },
    /** Print what the log says of states that changed. */
    changes: { type: 'boolean', default: false },
  },
});
const BREAKER = {
  circuit_breaker: { failure_threshold: 5, recovery_timeout: '1s', half_open_timeout: '2s' },
};

const COLUMNS: readonly [string, (row: Row) => string | number][] = [
  ['fault', (row) => row.fault],
  ['requests', (row) => row.requests],
  ['failed', (row) => row.failed],
  ['broken off', (row) => row.brokenOff],
  ['slowest ms', (row) => row.slowestMs],
  ['out after ms', (row) => row.outMs],
  ['sent while out', (row) => row.sentWhileOut],
  ['back after ms', (row) => row.backMs],
  [
    'causes',
    (row) =>
      Object.entries(row.causes)
        .map(([cause, n]) => `${n} ${cause}`)
        .join(', '),
  ],
];

function print(row: readonly (string | number)[]): void {
  const cells = row.map((value, at) => {
    const width = Math.max(COLUMNS[at]![0].length, 10);
    return typeof value === 'number' ? String(value).padStart(width) : value.padEnd(width);
  });
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

const matrix = await KillMatrix.start(values.breaker ? BREAKER : {});
print(COLUMNS.map(([title]) => title));
print(COLUMNS.map(([title]) => '-'.repeat(Math.max(title.length, 10))));
for (let kill = 0; kill < Number(values.kills); kill++) {
  const row = await matrix.run(FAULTS[kill % FAULTS.length]!, Number(values['fault-ms']));
  print(COLUMNS.map(([, read]) => read(row)));
}
if (values.changes) process.stdout.write(`${matrix.changes().join('\n')}\n`);
await matrix.stop();
