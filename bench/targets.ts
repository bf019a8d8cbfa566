/** What openclaw has to reach: each a bound on a ratio to a peer, or on its own figure. */
import type { Metric } from './metrics.ts';
import { isOurs } from './peers/openclaw.ts';

export interface Target {
  readonly workload: string;
  readonly metric: Metric;
  /** Whose figure, or how its name ends; openclaw's on its best I/O backend where it is absent. */
  readonly ours?: string;
  /** Whom to compare with, or how its name ends; without one the bound is on openclaw's own figure. */
  readonly peer?: string;
  readonly atMost: number;
}

/** What openclaw takes by itself where the machine lets it, and io_uring by name. */
const BEST = ['openclaw', 'openclaw io_uring'];
const LOADED = ['small', '64k', '1m', 'upload', 'close', 'websocket', 'tls-small'];
const TIMED = [...LOADED, 'tls-handshakes', 'tls-handshakes-rsa'];

export const TARGETS: readonly Target[] = [
  ...cpu('small', 0.95, 0.9),
  ...cpu('64k', 1, 0.9),
  ...cpu('1m', 1, 0.9),
  ...cpu('upload', 1, 1),
  ...cpu('close', 1.2, 1.2),
  ...cpu('websocket', 1, 1),
  ...cpu('tls-small', 1, 1),
  ...cpu('small', 1.1, 1.05, 'epoll'),
  ...cpu('tls-small', 1.1, 1.05, 'epoll'),
  { workload: 'tls-handshakes', metric: 'cpuUs', peer: 'nginx', atMost: 1.2 },
  { workload: 'tls-handshakes-rsa', metric: 'cpuUs', peer: 'nginx', atMost: 1.2 },
  { workload: 'h2-small', metric: 'cpuUs', peer: 'nginx', atMost: 3 },
  { workload: 'small', metric: 'cpuUs', peer: 'caddy', atMost: 1 / 3 },
  { workload: 'small', metric: 'cpuUs', peer: 'http-proxy-3', atMost: 1 / 5 },
  ...TIMED.flatMap((workload) =>
    ['nginx', 'haproxy'].map((peer) => ({ workload, metric: 'p99Ms' as const, peer, atMost: 1 })),
  ),
  { workload: 'observe', metric: 'cpuUs', ours: 'all on', peer: 'all off', atMost: 1.05 },
  { workload: 'observe', metric: 'cpuUs', ours: 'access all', peer: 'all off', atMost: 1.25 },
  // A request at most so much dearer is 1.9 times as many of them with a core for each worker.
  { workload: 'workers', metric: 'cpuUs', ours: '2 workers', peer: '1 worker', atMost: 2 / 1.9 },
  { workload: 'idle', metric: 'idleBytes', atMost: 3 * 1024 },
  { workload: 'slow-readers', metric: 'slowestMs', atMost: 300 },
  { workload: 'slow-readers', metric: 'lost', atMost: 0 },
];

/** The bound for a figure of `ours`, by itself or divided by that of `peer`. */
export function targetOf(
  workload: string,
  metric: Metric,
  ours: string,
  peer?: string,
): Target | undefined {
  return TARGETS.find(
    (each) =>
      each.workload === workload &&
      each.metric === metric &&
      (each.ours === undefined ? BEST.includes(ours) : isMeant(ours, each.ours)) &&
      (each.peer === undefined || peer === undefined
        ? each.peer === peer
        : isMeant(peer, each.peer)),
  );
}

function isMeant(name: string, meant: string): boolean {
  return name === meant || (isOurs(name) && name.endsWith(` ${meant}`));
}

function cpu(workload: string, nginx: number, haproxy: number, ours?: string): Target[] {
  return Object.entries({ nginx, haproxy }).map(([peer, atMost]) => ({
    ...{ workload, metric: 'cpuUs', peer, atMost },
    ...(ours === undefined ? {} : { ours }),
  }));
}
