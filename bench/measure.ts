/** What a process and its children have used, from Linux's /proc (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** /proc counts CPU time in ticks of USER_HZ, which is 100 on every Linux that Node runs on. */
const US_PER_TICK = 10_000;

/** Deepest tree of processes that is followed. */
const TREE_DEPTH_MAX = 8;

/**
 * CPU time in microseconds, user and system, of a process, all its threads and all its children,
 * those that have ended included. Resolution is 10 ms.
 */
export function cpuUsOf(pid: number): number {
  let ticks = 0;
  for (const each of treePids(pid)) ticks += cpuTicks(read(`/proc/${each}/stat`));
  return ticks * US_PER_TICK;
}

/** utime + stime + cutime + cstime of a line of /proc/PID/stat; 0 for an empty one. */
export function cpuTicks(stat: string): number {
  // The name of the program, in brackets, may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // `fields` begins with field 3 (state); utime is field 14.
  return [11, 12, 13, 14].reduce((sum, index) => sum + (Number(fields[index]) || 0), 0);
}

/**
 * Resident memory in bytes of a process and its children. Pages that they share (nginx's master
 * and its worker) count once for each.
 */
export function rssBytesOf(pid: number): number {
  let kilobytes = 0;
  for (const each of treePids(pid)) {
    kilobytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${each}/status`))?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

/** The process and its living descendants, itself first. */
export function treePids(pid: number, depth = 0): number[] {
  if (pid <= 0 || depth === TREE_DEPTH_MAX) return [];
  const pids = [pid];
  for (const thread of threadsOf(pid)) {
    for (const child of read(`/proc/${pid}/task/${thread}/children`).split(' ')) {
      if (child !== '') pids.push(...treePids(Number(child), depth + 1));
    }
  }
  return pids;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** A process may end between being listed and being read: then there is nothing to count. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
