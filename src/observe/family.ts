/** What a metric is, and the kinds that most of them are of. */
import { BOUNDS_MS, BUCKETS, TOLD_BOUNDS_MS } from '../table/buckets.ts';
import type { Counter } from '../table/layout.ts';
import {
  HISTOGRAM_CELLS,
  type Timing,
  type WorkerNumber,
  type WorkerTiming,
} from '../table/measures.ts';
import type { View, ViewServer } from './view.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  /** Buckets of table/buckets.ts, then the sum in milliseconds. */
  readonly cells: Float64Array;
}

export type Family = {
  readonly name: string;
  readonly help: string;
  /** Names of its labels, in the order of the samples. */
  readonly labels: readonly string[];
} & (
  | { readonly type: 'counter' | 'gauge'; readonly read: (view: View) => Sample[] }
  | { readonly type: 'histogram'; readonly read: (view: View) => HistogramSample[] }
);

/** The buckets that end at the bounds that scrapers are told. */
export const TOLD_BOUNDS: readonly number[] = TOLD_BOUNDS_MS.map((bound) =>
  BOUNDS_MS.indexOf(bound),
);

const NONE: Labels = {};
/** Labels of what is told of each server. */
export const SERVER_LABELS = ['pool', 'server'];

export function serverLabels(server: ViewServer): Labels {
  return { pool: server.pool, server: server.label };
}

export function each(
  servers: readonly ViewServer[],
  read: (server: ViewServer) => number,
): Sample[] {
  return servers.map((server) => ({ labels: serverLabels(server), value: read(server) }));
}

export function states(
  servers: readonly ViewServer[],
  names: readonly string[],
  read: (server: ViewServer) => string,
): Sample[] {
  return servers.flatMap((server) => {
    const holds = read(server);
    return names.map((state) => ({
      labels: { ...serverLabels(server), state },
      value: Number(state === holds),
    }));
  });
}

export function counter(name: string, help: string, which: Counter): Family {
  return {
    name,
    help,
    type: 'counter',
    labels: SERVER_LABELS,
    read: ({ servers, table }) => each(servers, ({ row }) => table.counters.total(row, which)),
  };
}

export function timing(name: string, help: string, which: Timing): Family {
  return {
    name,
    help,
    type: 'histogram',
    labels: SERVER_LABELS,
    read: ({ servers, table }) =>
      servers.map((server) => {
        const cells = new Float64Array(HISTOGRAM_CELLS);
        table.measures.addTiming(server.row, which, cells);
        return { labels: serverLabels(server), cells };
      }),
  };
}

export function ofPool(read: (table: View['table'], row: number, lane: number) => number) {
  return ({ lanes, table, pools }: View): Sample[] =>
    pools.flatMap(({ name: pool, row }) =>
      lanes.map((lane) => ({
        labels: { pool, worker: String(lane) },
        value: read(table, row, lane),
      })),
    );
}

export function ofWorkers(
  name: string,
  help: string,
  type: 'counter' | 'gauge',
  which: WorkerNumber,
): Family {
  return {
    name,
    help,
    type,
    labels: ['worker'],
    read: ({ lanes, table }) =>
      lanes.map((worker) => ({
        labels: { worker: String(worker) },
        value: table.measures.get(worker, which),
      })),
  };
}

export function timingOfWorkers(name: string, help: string, which: WorkerTiming): Family {
  return {
    name,
    help,
    type: 'histogram',
    labels: ['worker'],
    read: ({ lanes, table }) =>
      lanes.map((worker) => {
        const cells = new Float64Array(HISTOGRAM_CELLS);
        table.measures.addWorkerTiming(worker, which, cells);
        return { labels: { worker: String(worker) }, cells };
      }),
  };
}

export function single(
  name: string,
  help: string,
  type: 'counter' | 'gauge',
  read: (view: View) => number,
): Family {
  return { name, help, type, labels: [], read: (view) => [{ labels: NONE, value: read(view) }] };
}

/** How many were counted in a histogram. */
export function countOf(cells: Float64Array): number {
  let count = 0;
  for (let at = 0; at < BUCKETS; at++) count += cells[at]!;
  return count;
}
