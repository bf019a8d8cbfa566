import { residentBytes } from '../base/resident.ts';
import type { Instance } from '../control/operate/instance.ts';
import type { ClientStats } from '../control/watch/client-board.ts';
import type { WorkerLoad } from '../control/watch/worker-loads.ts';
import { CODES } from '../core/answers/codes.ts';
import { COUNTER } from '../table/layout.ts';
import { GAUGE, WORKER_COUNTER } from '../table/measures.ts';

export interface ServerStats {
  name: string;
  status: Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none', number>;
  failures: number;
  retries: number;
  bytesFromClients: number;
  bytesToClients: number;
  connectionsOpened: number;
  connectionsReused: number;
  tunnels: number;
}

export interface Stats {
  /** Those that asked most since the start, the busiest first. */
  clients: ClientStats[];
  servers: ServerStats[];
  connections: { clients: number; accepted: number; idleToServers: number };
  open: { tunnels: number; streams: number };
  /** Those that happened, the most frequent first. */
  failures: { code: string; count: number }[];
  workers: WorkerStats[];
  /** Resident memory of the process. */
  memoryBytes: number;
}

export interface WorkerStats extends WorkerLoad {
  clients: number;
  heapBytes: number;
  cpuSeconds: number;
}

const CLIENTS_SHOWN = 20;

/** Totals since the start. */
export function statsOf(instance: Instance): Stats {
  const { table } = instance.observer.view();
  const { measures } = table;
  const rows = [
    ...instance.plan.pools.flatMap(({ servers }) =>
      servers.map(({ label, row }) => ({ name: label, row })),
    ),
    { name: '', row: measures.noRow },
  ];
  return {
    clients: instance.observer.clients.top(CLIENTS_SHOWN),
    servers: rows.map(({ name, row }) => {
      const count = (statusClass: number) => measures.requestsOfClass(row, statusClass);
      const counted = (which: (typeof COUNTER)[keyof typeof COUNTER]) =>
        row === measures.noRow ? 0 : table.counters.total(row, which);
      return {
        name,
        status: {
          '1xx': count(1),
          '2xx': count(2),
          '3xx': count(3),
          '4xx': count(4),
          '5xx': count(5),
          none: count(0),
        },
        failures: row === measures.noRow ? 0 : table.counters.failedAttempts(row),
        retries: counted(COUNTER.retries),
        bytesFromClients: counted(COUNTER.bytesFromClients),
        bytesToClients: counted(COUNTER.bytesToClients),
        connectionsOpened: counted(COUNTER.connectionsOpened),
        connectionsReused: counted(COUNTER.connectionsReused),
        tunnels: counted(COUNTER.tunnels),
      };
    }),
    connections: {
      clients: measures.total(GAUGE.clientConnections),
      accepted: measures.total(WORKER_COUNTER.clientConnectionsAccepted),
      idleToServers: measures.total(GAUGE.idleServerConnections),
    },
    open: { tunnels: measures.total(GAUGE.tunnels), streams: measures.total(GAUGE.streams) },
    failures: CODES.map((code, index) => ({ code, count: measures.failures(index) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count),
    workers: instance.observer.workers.loads().map((load) => ({
      ...load,
      clients: measures.get(load.worker, GAUGE.clientConnections),
      heapBytes: measures.get(load.worker, GAUGE.heapUsedBytes),
      cpuSeconds: measures.get(load.worker, WORKER_COUNTER.cpuSeconds),
    })),
    memoryBytes: residentBytes(),
  };
}
