/**
 * `npm run reload-cost -- --servers 1000`: what a reload costs the control thread, and each data
 * thread between two requests, apart from everything else. Processor time, which the system
 * counts in ticks: the mean of many rounds says more than one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { diffSettings } from '../src/config/diff.ts';
import { parseConfig } from '../src/config/load.ts';
import { planOf } from '../src/control/plans/make-worker-plan.ts';
import { PersistenceState } from '../src/control/plans/persistence-state.ts';
import { ServerRows } from '../src/control/plans/server-rows.ts';
import { NodeBackend } from '../src/io/node/backend.ts';
import type { WorkerPlan } from '../src/plan/worker-plan.ts';
import { SharedTable } from '../src/table/table.ts';
import { DataWorker } from '../src/worker/worker.ts';

const { values } = parseArgs({ options: { servers: { type: 'string', default: '1000' } } });
const count = Number(values.servers);
const ROUNDS = 50;
/** Until the code is compiled. */
const COLD_ROUNDS = 10;
/** The cheap and the dear: rings of points are made anew where servers come or go. */
const SETTINGS = {
  least_connections: 'strategy: least_connections',
  consistent_hash: 'strategy: consistent_hash',
  'sessions by ring': 'session_persistence: {type: ip_hash}',
};

const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
const table = SharedTable.create({ serverRows: 4096, workerLanes: 4 });
const rows = new ServerRows(table);
const persistence = new PersistenceState(folder);
const times = new Map<string, number[]>();

function timed<T>(name: string, step: () => T): T {
  const before = cpuMs();
  const result = step();
  const all = times.get(name) ?? [];
  all.push(cpuMs() - before);
  times.set(name, all);
  return result;
}

/** Processor time of this thread: what others do to the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** One server more in each second round. */
function textOf(settings: string, round: number): string {
  const servers = Array.from(
    { length: count - (round % 2) },
    (_, at) => `    - address: 10.0.${at >> 8}.${at & 255}:8080\n      name: web-${at}\n`,
  );
  return `load_balancing:\n  listen: unix:${folder}/sock\n  ${settings}\n  servers:\n${servers.join('')}`;
}

let worker: DataWorker | null = null;
for (const [name, settings] of Object.entries(SETTINGS)) {
  let before = parseConfig(textOf(settings, 1), { file: 'openclaw.yml', env: {} }).settings!;
  for (let round = 0; round < ROUNDS; round++) {
    const text = textOf(settings, round);
    const read = timed('control: read and check the file', () =>
      parseConfig(text, { file: 'openclaw.yml', env: {} }),
    ).settings!;
    timed('control: what differs', () => diffSettings(before, read));
    const plan: WorkerPlan = timed('control: the plan', () =>
      planOf(read, rows, persistence.planOf(read), null),
    );
    const bytes = timed('control: the plan for one thread', () => serialize(plan));
    const received = timed(`data, ${name}: take the plan`, () => deserialize(bytes)) as WorkerPlan;
    worker ??= new DataWorker({
      lane: 0,
      table,
      plan,
      openBackend: (context) => new NodeBackend(context),
      holder: { add() {}, remove() {}, mapped() {} },
      records: { log: () => {}, failed: () => {} },
      onHandshakeFailure: () => {},
      onInternalError: () => {},
      onClients: () => {},
    });
    worker.prepare(received);
    timed(`data, ${name}: follow it`, () => worker!.commit());
    before = read;
  }
}
worker?.close();
rmSync(folder, { recursive: true });

console.log(`${count} servers\n`);
console.log('step                                          mean ms   first ms');
for (const [name, all] of times) {
  const warm = all.slice(COLD_ROUNDS);
  const mean = warm.reduce((sum, one) => sum + one, 0) / warm.length;
  console.log(
    `${name.padEnd(44)} ${mean.toFixed(2).padStart(8)} ${all[0]!.toFixed(2).padStart(10)}`,
  );
}
