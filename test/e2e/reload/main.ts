/**
 * `npm run reload-run -- --reloads 1000`: reloads under constant load, and what it noticed.
 * `--servers 1000` for a large pool. At 127.0.0.1; ends with 1 where anything failed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { HeapProbe } from './heap.ts';
import { Load } from './load.ts';
import { footprintOf, ReloadRun } from './run.ts';

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '1000' },
    servers: { type: 'string', default: '5' },
    /** Between two reloads. */
    'pause-ms': { type: 'string', default: '10' },
  },
});
const reloads = Number(values.reloads);
/** Lines of the table. */
const LINES = 10;
/** After the first reloads all code has been compiled and all tables are there. */
const SETTLED = 0.3;
const GROWTH_MAX = 1.05;
const DESCRIPTORS_MAX = 10;
/** Longer than idle connections are kept. */
const REST_MS = 4000;

const run = await ReloadRun.start(Number(values.servers), true);
const probe = await HeapProbe.connect(run.inspectorPort);
const idle = footprintOf(run.openclaw);
const load = new Load(run.openclaw.url, {
  keptAliveClients: 6,
  newConnectionClients: 2,
  uploads: 3,
  webSockets: 20,
});
await load.begun();
console.log('without reloads, for 3 s:');
await sleep(3000);
console.log(`  ${latencies(load.seen.latenciesMs)}\n`);
load.seen.latenciesMs.length = 0;

let before = footprintOf(run.openclaw);
const heaps: number[] = [];
const times: number[] = [];
console.log('reloads  heap MB  resident MB  descriptors  control ms/reload  failed');
for (let done = 1; done <= reloads; done++) {
  times.push(await run.reload());
  await load.echo(`round ${done}`);
  await sleep(Number(values['pause-ms']));
  if (done % Math.ceil(reloads / LINES) !== 0) continue;
  const now = footprintOf(run.openclaw);
  const each = (now.controlCpuMs - before.controlCpuMs) / Math.ceil(reloads / LINES);
  const used = (await probe.usedBytes()).reduce((sum, bytes) => sum + bytes, 0);
  heaps.push(used);
  before = footprintOf(run.openclaw);
  const cells = [
    String(done).padStart(7),
    (used / 2 ** 20).toFixed(1).padStart(7),
    (now.residentBytes / 2 ** 20).toFixed(1).padStart(11),
    String(now.descriptors).padStart(11),
    each.toFixed(1).padStart(17),
    String(load.failed).padStart(6),
  ];
  console.log(cells.join('  '));
}
const during = latencies(load.seen.latenciesMs);
const { keptAlive, newConnections, uploads, messages, failures } = await load.stop();
await run.openclaw.untilIdle();
await sleep(REST_MS);
const end = footprintOf(run.openclaw);

times.sort((a, b) => a - b);
const at = (share: number) => times[Math.floor((times.length - 1) * share)]!.toFixed(0);
console.log(`
requests     ${keptAlive} on kept-alive connections, ${newConnections} on new ones
             ${during}
uploads      ${uploads} of 200 kB, each over a second
WebSockets   20, open all the time; ${messages} messages echoed
a reload     p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, as the admin API was waited for
failures     ${
  Object.entries(failures)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ') || 'none'
}`);

const growth = heaps.at(-1)! / heaps[Math.floor(heaps.length * SETTLED)]!;
const more = end.descriptors - idle.descriptors;
console.log(
  `heap in use  ${growth.toFixed(3)} of what it was after ${SETTLED * 100}% of the reloads`,
);
console.log(`descriptors  ${idle.descriptors} before the load, ${end.descriptors} after it`);
await probe.close();
const { output } = run.openclaw;
output.stderr = output.stderr.replaceAll(/^Debugger .*\n/gm, '');
await run.stop();
if (load.failed > 0 || growth > GROWTH_MAX || more > DESCRIPTORS_MAX) process.exitCode = 1;

function latencies(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b);
  const of = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
  return `latency p50 ${of(0.5)} ms, p99 ${of(0.99)} ms, p99.9 ${of(0.999)} ms, longest ${of(1)} ms`;
}
