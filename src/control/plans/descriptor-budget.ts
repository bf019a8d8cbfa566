/**
 * Shares out the file descriptors that the process may open: what it needs for itself comes first,
 * so that probes, the admin API and the log go on where clients have taken all that is theirs.
 */
import { descriptorLimit } from '../../base/descriptors.ts';
import type { Settings } from '../../config/schema.ts';
import type { WorkerPlan } from '../../plan/worker-plan.ts';

/** Measured at rest: 28, and 8 a data thread. The rest is for files, lookups, admin and dashboard. */
const OWN = 64;
/** Of these, so many may serve for something else before bounds are shared out anew. */
const OWN_SPARE = 16;
const OWN_PER_WORKER = 10;
/** A listener has a socket for each data thread, and a second descriptor of it there. */
const PER_LISTENER_AND_WORKER = 2;
/** Probes under way at a time (`src/control/watch/prober.ts`). */
const PROBES_MAX = 64;
/** Of the rest, this share is for clients waiting at the gates. */
const WAITING_SHARE = 0.2;
const WAITING_PER_WORKER_MAX = 1024;
/** Not even so few descriptors are less than nothing: it serves as long as it can. */
const CLIENTS_MIN = 4;
const SERVER_CONNECTIONS_MIN = 4;

export interface DescriptorBudget {
  readonly clientsMax: number;
  /** Clients waiting at the gate of one data thread. */
  readonly clientsWaitingMax: number;
  readonly serverConnectionsMax: number;
}

/**
 * @param wanted what the settings ask for; granted as far as descriptors go
 * @param limit descriptors that the process may open; undefined: nobody knows
 */
export function descriptorBudget(
  wanted: {
    clients: number;
    serverConnections: number;
    workers: number;
    listeners: number;
    servers: number;
  },
  limit: number | undefined,
): DescriptorBudget {
  const { clients, serverConnections, workers, listeners, servers } = wanted;
  const own =
    OWN +
    workers * (OWN_PER_WORKER + listeners * PER_LISTENER_AND_WORKER) +
    Math.min(servers, PROBES_MAX);
  const free = Math.max(0, (limit ?? Infinity) - own);
  const clientsWaitingMax = Math.max(
    1,
    Math.min(WAITING_PER_WORKER_MAX, Math.floor((free * WAITING_SHARE) / workers)),
  );
  const left = Math.max(0, free - clientsWaitingMax * workers);
  // Half is kept for connections to servers, where so many may be.
  const forServers = Math.min(serverConnections, Math.floor(left / 2));
  const forClients = Math.min(clients, left - forServers);
  return {
    clientsMax: Math.min(clients, Math.max(CLIENTS_MIN, forClients)),
    clientsWaitingMax,
    serverConnectionsMax: Math.min(
      serverConnections,
      Math.max(SERVER_CONNECTIONS_MIN, left - forClients),
    ),
  };
}

/** The plan, with bounds on connections that fit the descriptors of this process. */
export function withinDescriptors(plan: WorkerPlan, workers: number): WorkerPlan {
  const [first, ...others] = plan.pools;
  const { settings, servers } = first;
  const wanted = { clients: plan.clientsMax, serverConnections: settings.connectionsMax };
  const budget = budgetOf(plan, wanted, servers.length, workers);
  const pool = {
    ...first,
    settings: { ...settings, connectionsMax: budget.serverConnectionsMax },
  };
  const { clientsMax, clientsWaitingMax } = budget;
  return { ...plan, clientsMax, clientsWaitingMax, pools: [pool, ...others] };
}

/** Whether the bounds of a plan of these settings still do with so many servers. */
export function staysWithinDescriptors(
  plan: WorkerPlan,
  { load_balancing }: Settings,
  servers: number,
  workers: number,
): boolean {
  const wanted = {
    clients: load_balancing.max_connections,
    serverConnections: load_balancing.performance.connection_pool.max_connections,
  };
  const budget = budgetOf(plan, wanted, servers, workers);
  const isNear = (one: number, other: number) => Math.abs(one - other) <= OWN_SPARE;
  return (
    isNear(budget.clientsMax, plan.clientsMax) &&
    isNear(budget.clientsWaitingMax, plan.clientsWaitingMax) &&
    isNear(budget.serverConnectionsMax, plan.pools[0].settings.connectionsMax)
  );
}

/** What the log says where the settings allow more than the plan can; null where they do not. */
export function boundsByDescriptors(plan: WorkerPlan, { load_balancing }: Settings): object | null {
  const { max_connections: clients, performance } = load_balancing;
  const servers = performance.connection_pool.max_connections;
  const { clientsMax } = plan;
  const serverConnectionsMax = plan.pools[0].settings.connectionsMax;
  if (clientsMax === clients && serverConnectionsMax === servers) return null;
  return {
    descriptors: descriptorLimit(),
    clientsMax,
    serverConnectionsMax,
    mend: `the settings allow ${clients} clients (load_balancing.max_connections) and ${servers} connections to servers (connection_pool.max_connections), which needs more file descriptors than this process may open: raise the limit (ulimit -n, LimitNOFILE= in a systemd unit), or lower the settings`,
  };
}

function budgetOf(
  { listen }: WorkerPlan,
  wanted: { clients: number; serverConnections: number },
  servers: number,
  workers: number,
): DescriptorBudget {
  const all = { ...wanted, workers, listeners: listen.length, servers };
  return descriptorBudget(all, descriptorLimit());
}
