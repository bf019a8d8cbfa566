/**
 * `npm run soak -- --minutes 30`: load, slow clients, aborts, large bodies, WebSockets, event
 * streams, killed servers, reloads and drains, all at once on 127.0.0.1, for as long as is said. At
 * the end memory and descriptors have to be flat, every counter at rest at 0, no connection stuck,
 * and no request lost that could be answered. It ends by itself and takes everything away.
 */
import { parseArgs } from 'node:util';
import { Soak, type SoakReport } from './soak.ts';
import { mb, median } from './watch.ts';

const MINUTES_MAX = 24 * 60;
const TELL_EVERY = 30;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '2' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= MINUTES_MAX)) {
  process.stderr.write(`--minutes ${values.minutes}: give a number from 0.1 to ${MINUTES_MAX}\n`);
  process.exit(2);
}

let samples = 0;
const report = await new Soak().run(minutes, (sample) => {
  samples += 1;
  if (samples % TELL_EVERY !== 0) return;
  const { atMs, residentBytes, heapBytes, nativeBytes, descriptors } = sample;
  print(
    `${Math.round(atMs / 1000)} s: ${mb(residentBytes)} MB resident, ${mb(heapBytes)} MB heap, ${mb(nativeBytes)} MB beside the heaps, ${descriptors} descriptors`,
  );
});
tell(report);
process.exitCode = report.troubles.length === 0 ? 0 : 1;

function tell({ tallies, seen, samples, kills, reloads, troubles }: SoakReport): void {
  print(`\n# Soak of ${minutes} minutes: ${kills} servers killed, ${reloads} reloads\n`);
  print('| client | well | broken off as meant | excused by a kill | lost |');
  print('| --- | --: | --: | --: | --: |');
  for (const [name, { well, meant, excused, lost }] of tallies) {
    print(`| ${name} | ${well} | ${meant} | ${excused} | ${lost} |`);
  }
  const fifth = Math.max(1, Math.floor(samples.length / 5));
  print(
    '\n| fifth of the time | resident MB | least heap MB | beside the heaps MB | descriptors |',
  );
  print('| --- | --: | --: | --: | --: |');
  for (let at = 0; at < 5; at++) {
    const part = samples.slice(at * fifth, (at + 1) * fifth);
    const of = (read: (one: (typeof part)[number]) => number) => median(part.map(read));
    print(
      `| ${at + 1} | ${mb(of((one) => one.residentBytes))} | ${mb(Math.min(...part.map((one) => one.heapBytes)))} | ${mb(of((one) => one.nativeBytes))} | ${of((one) => one.descriptors)} |`,
    );
  }
  print('\nSeen on the way:');
  for (const [what, count] of [...seen].sort((a, b) => b[1] - a[1]).slice(0, 20)) {
    print(`- ${count} times ${what}`);
  }
  print(troubles.length === 0 ? '\nNothing was lost.' : `\nTrouble:\n- ${troubles.join('\n- ')}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
