/** What openclaw has to reach: each a bound on a ratio to a peer, or on its own figure. */
import type { Metric } from './metrics.ts';

export interface Target {
  readonly workload: string;
  readonly metric: Metric;
  /** Whose figure; openclaw's where it is absent. */
  readonly ours?: string;
  /** The peer to compare with; without one the bound is on openclaw's own figure. */
  readonly peer?: string;
  readonly atMost: number;
}

const LOADED = ['small', '64k', '1m', 'upload', 'close', 'websocket'];

export const TARGETS: readonly Target[] = [
  { workload: 'small', metric: 'cpuUs', peer: 'nginx', atMost: 1.15 },
  { workload: 'small', metric: 'cpuUs', peer: 'haproxy', atMost: 1.1 },
  { workload: 'small', metric: 'cpuUs', peer: 'caddy', atMost: 1 / 3 },
  { workload: 'small', metric: 'cpuUs', peer: 'http-proxy-3', atMost: 1 / 5 },
  { workload: '64k', metric: 'cpuUs', peer: 'nginx', atMost: 1.1 },
  { workload: '64k', metric: 'cpuUs', peer: 'haproxy', atMost: 1.1 },
  { workload: '1m', metric: 'cpuUs', peer: 'nginx', atMost: 1.1 },
  { workload: '1m', metric: 'cpuUs', peer: 'haproxy', atMost: 1.1 },
  ...LOADED.map((workload) => ({ workload, metric: 'p99Ms' as const, peer: 'nginx', atMost: 1.5 })),
  { workload: 'observe', metric: 'cpuUs', ours: 'all on', peer: 'all off', atMost: 1.05 },
  { workload: 'observe', metric: 'cpuUs', ours: 'access all', peer: 'all off', atMost: 1.25 },
  { workload: 'tls-small', metric: 'cpuUs', peer: 'nginx', atMost: 1 },
  { workload: 'tls-handshakes', metric: 'cpuUs', peer: 'nginx', atMost: 2 },
  { workload: 'tls-handshakes-rsa', metric: 'cpuUs', peer: 'nginx', atMost: 2 },
  { workload: 'h2-small', metric: 'cpuUs', peer: 'nginx', atMost: 3 },
  { workload: 'idle', metric: 'idleBytes', atMost: 8 * 1024 },
];
