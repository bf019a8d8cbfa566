/** Tells the runner, in whose child it is, how the tests go. */

import { readFileSync } from 'node:fs';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** What the runner hears. */
export type Said =
  | { readonly type: 'began'; readonly test: string }
  | { readonly type: 'passed'; readonly test: string }
  | { readonly type: 'skipped'; readonly test: string }
  | { readonly type: 'failed'; readonly test: string; readonly error: string }
  | { readonly type: 'done'; readonly cpuMs: number };

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const said = whatToSay(event);
    if (said !== null) process.send?.(said);
    yield '';
  }
}

function whatToSay({ type, data }: TestEvent): Said | null {
  switch (type) {
    case 'test:dequeue':
      return { type: 'began', test: nameOf(data) };
    case 'test:pass':
      if (data.details.type === 'suite') return null;
      return { type: data.skip === undefined ? 'passed' : 'skipped', test: nameOf(data) };
    case 'test:fail': {
      const { error } = data.details;
      // The one below it has been told.
      if ('failureType' in error && error.failureType === 'subtestsFailed') return null;
      return { type: 'failed', test: nameOf(data), error: inspect(error.cause ?? error) };
    }
    case 'test:summary':
      return data.file === undefined ? { type: 'done', cpuMs: cpuMs() } : null;
    default:
      return null;
  }
}

function nameOf({ file, name }: { file?: string | undefined; name: string }): string {
  return file === undefined ? name : `${file}: ${name}`;
}

const TICK_MS = 10;

/** CPU time of this process and of those that it started and saw end. */
function cpuMs(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // proc_pid_stat(5): utime, stime, cutime, cstime are the fields 14 to 17; the second may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0);
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}
