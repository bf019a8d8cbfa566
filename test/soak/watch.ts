/** What is looked at while a soak runs, and what has to hold at its end. */
import { readdirSync } from 'node:fs';
import type { Openclaw } from '../e2e/harness.ts';

export interface Sample {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly heapBytes: number;
}

/** Memory may grow by so much between the second and the last fifth: caches and heaps breathe. */
const GROWTH_BYTES_MAX = 24 * 1024 * 1024;
const GROWTH_SHARE_MAX = 0.1;

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
  return {
    atMs: performance.now() - startMs,
    residentBytes: claw.residentBytes(),
    descriptors: descriptorsOf(claw),
    heapBytes: metrics('openclaw_worker_heap_used_bytes'),
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
  const early = median(samples.slice(fifth, 2 * fifth).map((one) => one.residentBytes));
  const late = median(samples.slice(-fifth).map((one) => one.residentBytes));
  const most = early + Math.max(GROWTH_BYTES_MAX, early * GROWTH_SHARE_MAX);
  return late <= most ? [] : [`resident memory grew from ${mb(early)} to ${mb(late)} MB`];
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

export function mb(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
