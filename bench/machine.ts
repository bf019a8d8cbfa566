/** What a run was done on, and whether it can be done here at all. */
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { PEER_FILES_MAX } from './peers/peer.ts';
import { allowedCores, versionOf } from './processes.ts';

export interface Cores {
  readonly proxy: number;
  /** For the load and for the backend. */
  readonly load: number;
  /** Two for the proxy, as taskset takes them, and those that are left for the rest; the same two where none are. */
  readonly two: { readonly proxy: string; readonly load: string };
}

/** Two cores to pin to; throws with the mend where this machine cannot run the bench. */
export async function checkMachine(): Promise<Cores> {
  if (process.platform !== 'linux') {
    throw new Error('the bench reads CPU time from /proc and pins with taskset: run it on Linux');
  }
  for (const [program, install] of [
    ['taskset', 'util-linux'],
    ['wrk', 'wrk'],
    ['nginx', 'nginx'],
  ] as const) {
    if ((await versionOf(program, ['-v'], /./)) !== undefined) continue;
    const use = program === 'nginx' ? 'is the backend' : 'is needed';
    throw new Error(`${program} ${use} and is not installed: apt-get install ${install}`);
  }
  const [proxy, load, ...more] = await allowedCores();
  if (proxy === undefined || load === undefined) {
    throw new Error('the bench needs two cores, one for the proxy and one for load and backend');
  }
  await checkOpenFiles();
  const pair = `${proxy},${load}`;
  return { proxy, load, two: { proxy: pair, load: more.length < 2 ? pair : more.join() } };
}

async function checkOpenFiles(): Promise<void> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  // Node raises its own soft limit to the hard one, and children inherit that.
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? '0';
  if (soft === 'unlimited' || Number(soft) >= PEER_FILES_MAX) return;
  throw new Error(
    `the limit of open files is ${soft}, and the bench needs ${PEER_FILES_MAX}: ` +
      `run it under "prlimit --nofile=${PEER_FILES_MAX}" as root, or raise the hard limit`,
  );
}

/** The load averages of the last 1, 5 and 15 minutes; a run wants the first to begin under 1. */
export function loadAverages(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(', ');
}

/** Lines for the head of the report. */
export async function describeMachine(args: readonly string[]): Promise<string[]> {
  const wrk = await versionOf('wrk', ['-v'], /wrk (?:debian\/)?(\S+)/);
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return [
    `date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `machine: ${model}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GB; Linux ${release()}`,
    `node ${process.version}, wrk ${wrk}`,
    `load average at the start: ${loadAverages()} (1, 5, 15 minutes)`,
    `repeat: npm run bench${args.length === 0 ? '' : ` -- ${args.join(' ')}`}`,
  ];
}
