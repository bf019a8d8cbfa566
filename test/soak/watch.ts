/** What is looked at while a soak runs, and what has to hold at its end. */
import { readdirSync } from 'node:fs';
import type { Openclaw } from '../e2e/harness.ts';

export interface Sample {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  /** Used of the JavaScript heaps of all threads. */
  readonly heapBytes: number;
  /** Resident without these heaps: buffers, the table, native objects. */
  readonly nativeBytes: number;
}

/**
 * What may be more between the second and the last fifth. Resident memory as a whole says little: how
 * much room V8 gives to young objects grows, to its bound, in its own time. What leaks shows in what
 * is left of the heaps after a collection, or beside them.
 */
const HEAP_GROWTH_BYTES_MAX = 8 * 1024 * 1024;
/** Of 4,000 reloads without traffic one of the first 800 took 28 MB, the others together 7. */
const NATIVE_GROWTH_BYTES_MAX = 40 * 1024 * 1024;

/** Values of a metric, added over its labels. */
export type Metrics = (name: string) => number;

export async function metricsOf(claw: Openclaw): Promise<Metrics> {
  const response = await fetch(`http://127.0.0.1:${claw.adminPort}/metrics`);
  const lines = (await response.text()).split('\n');
  return (name) => {
    let sum = 0;
    for (const line of lines) {
      if (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) {
        sum += Number(line.slice(line.lastIndexOf(' ') + 1));
      }
    }
    return sum;
  };
}

export async function sampleOf(claw: Openclaw, startMs: number): Promise<Sample> {
  const metrics = await metricsOf(claw);
  const heaps = (what: 'used' | 'size') =>
    metrics(`openclaw_worker_heap_${what}_bytes`) + metrics(`openclaw_control_heap_${what}_bytes`);
  const residentBytes = claw.residentBytes();
  return {
    atMs: performance.now() - startMs,
    residentBytes,
    descriptors: descriptorsOf(claw),
    heapBytes: heaps('used'),
    nativeBytes: residentBytes - heaps('size'),
  };
}

export function descriptorsOf(claw: Openclaw): number {
  return readdirSync(`/proc/${claw.child.pid}/fd`).length;
}

/** What is counted as open or under way, and has to be 0 when all clients have gone. */
export const GAUGES = [
  'openclaw_server_requests_in_flight',
  'openclaw_client_connections_open',
  'openclaw_client_connections_waiting',
  'openclaw_queue_length',
  'openclaw_tunnels_open',
  'openclaw_streams_open',
  'openclaw_server_connections_open',
];

/** @returns what is wrong with the memory's course; empty: it is flat */
export function memoryTrouble(samples: readonly Sample[]): string[] {
  const fifth = Math.floor(samples.length / 5);
  if (fifth < 3) return [];
  const early = samples.slice(fifth, 2 * fifth);
  const late = samples.slice(-fifth);
  const grew = (what: string, most: number, of: (part: readonly Sample[]) => number) =>
    of(late) <= of(early) + most
      ? []
      : [`${what} grew from ${mb(of(early))} to ${mb(of(late))} MB`];
  return [
    ...grew('what collections left of the heaps', HEAP_GROWTH_BYTES_MAX, (part) =>
      Math.min(...part.map((one) => one.heapBytes)),
    ),
    ...grew('memory beside the heaps', NATIVE_GROWTH_BYTES_MAX, (part) =>
      median(part.map((one) => one.nativeBytes)),
    ),
  ];
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export function mb(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
