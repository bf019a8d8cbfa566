/** What a workload is: a backend, and a turn of load on one proxy that gives figures. */
import type { BackendKind } from '../backend.ts';
import type { KeyKind } from '../certificate.ts';
import { cpuUsOf, rssBytesOf } from '../measure.ts';
import type { Comparison, Turn } from '../metrics.ts';
import type { IoBackend } from '../peers/openclaw.ts';
import type { Peer } from '../peers/peer.ts';

const MEMORY_SAMPLE_MS = 200;

export interface Workload {
  readonly name: string;
  /** What it does, in one line of the report. */
  readonly title: string;
  /** What `cpuUs` and `perSecond` count. */
  readonly unit: string;
  /** What a reader has to know of the figures. */
  readonly note?: string;
  readonly backend: BackendKind;
  /** Answers 200 through a proxy that is ready. */
  readonly readyPath: string;
  /** The kind of key, where it goes over TLS; proxies that speak none are left out then. */
  readonly tls?: KeyKind;
  /** Starts each proxy anew for each turn: memory that it once had would blur the figure. */
  readonly freshPeers: boolean;
  /** Whether the proxy has two cores, and shares them with load and backend where there are but two. */
  readonly needsTwoCores?: boolean;
  /** Where it is not openclaw and the peers that were asked for. */
  contest?(ios: readonly IoBackend[]): Contest;
  /** Run before the first turn of a proxy, so that compilers and pools have settled. */
  warmUp(target: Target): Promise<unknown>;
  turn(target: Target): Promise<Turn>;
}

export interface Contest {
  readonly peers: readonly Peer[];
  /** Names of those whose figures are divided. */
  readonly comparisons: readonly Comparison[];
}

/** The proxy whose turn it is. */
export interface Target {
  readonly pid: number;
  readonly port: number;
  /** Its admin listener, where it has one. */
  readonly adminPort: number;
  /** Where its one server listens. */
  readonly backendPort: number;
  /** The core for the load, or several as taskset takes them. */
  readonly core: number | string;
  /** How long a turn lasts. */
  readonly seconds: number;
  /** A folder for files of the load. */
  readonly folder: string;
}

/** What a load generator says about its run. */
export interface Load {
  readonly requests: number;
  readonly durationUs: number;
  /** Where the load tells them. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly errors: number;
}

/** Runs a load and reads what the proxy used for it. */
export async function measureLoad(target: Target, load: () => Promise<Load>): Promise<Turn> {
  const memory = watchMemory(target.pid);
  const cpuUsBefore = cpuUsOf(target.pid);
  const { requests, durationUs, p50Us, p99Us, errors } = await load().finally(memory.stop);
  const cpuUs = cpuUsOf(target.pid) - cpuUsBefore;
  if (requests === 0) throw new Error('not one request was answered');
  return {
    values: {
      cpuUs: cpuUs / requests,
      perSecond: requests / (durationUs / 1e6),
      ...(p50Us === undefined ? {} : { p50Ms: p50Us / 1e3 }),
      ...(p99Us === undefined ? {} : { p99Ms: p99Us / 1e3 }),
      rssMb: memory.rssBytesMax() / 1024 ** 2,
    },
    errors,
  };
}

/** The most that was resident while the load ran: buffers are given back as soon as it ends. */
function watchMemory(pid: number): { stop: () => void; rssBytesMax: () => number } {
  let rssBytesMax = rssBytesOf(pid);
  const timer = setInterval(() => {
    rssBytesMax = Math.max(rssBytesMax, rssBytesOf(pid));
  }, MEMORY_SAMPLE_MS);
  return { stop: () => clearInterval(timer), rssBytesMax: () => rssBytesMax };
}
