import { VERSION } from '../base/version.ts';
import { standingOf, verdictName } from '../core/balance/verdict.ts';
import { breakerName } from '../core/exchange/upkeep.ts';
import { COUNTER, HEALTH } from '../table/layout.ts';
import { GAUGE } from '../table/measures.ts';
import type { SharedTable } from '../table/table.ts';
import type { WorkerPlan } from '../worker/plan.ts';
import type { ClientStats } from './client-board.ts';
import type { Change, Observer, Surroundings } from './observer.ts';
import type { Operator } from './operator.ts';
import { urlOf } from './plan.ts';

/** Rates and quantiles of a status are taken over this time. */
const WINDOW_MS = 10_000;
const CLIENTS_SHOWN = 10;

export const ADMIN_STATES = ['active', 'draining', 'maintenance'] as const;
export type AdminState = (typeof ADMIN_STATES)[number];

/** What one server is doing, for status and the dashboard. */
export interface ServerStatus {
  name: string;
  address: string;
  /** What its probes say. */
  state: 'up' | 'down' | 'unknown';
  /** Whether it can serve, and if not, why. */
  standing: string;
  /** What the operator said. */
  admin: AdminState;
  /** Null where the pool has no breakers. */
  breaker: 'closed' | 'open' | 'half_open' | null;
  backup: boolean;
  weight: number;
  /** Whether an operator gave it its weight. */
  weightIsOperators: boolean;
  /** When its drain ends, milliseconds since 1970; 0: it has no end, or there is none. */
  drainEndsMs: number;
  inFlight: number;
  /** Of those in flight, the ones that became a tunnel. */
  tunnels: number;
  requests: number;
  /** Requests sent to it, each further attempt counted too. */
  attempts: number;
  failures: number;
  retries: number;
  /** Part of the pool's requests of the last minute, 0 to 1. */
  share: number;
  /** Requests a second over the last minute, or as long as the server is known. */
  requestsPerSecond: number;
  /** Part of its answers of the last minute that are 5xx, 0 to 1. */
  errorRate: number;
  latencyMs: number;
  /** Of each of the last seconds, the oldest first; -1 where nothing ended. */
  p99Ms: number[];
  lastChange: Change | null;
}

export interface InstanceStatus {
  version: string;
  pid: number;
  uptimeMs: number;
  workers: number;
  workerDeaths: number;
  listeners: string[];
  /** False: monitoring is off, and requests are neither counted nor timed. */
  isMonitored: boolean;
  requests: number;
  requestsPerSecond: number;
  /** Part of the answers of the last seconds that are 5xx, 0 to 1. */
  errorRate: number;
  p50Ms: number;
  p99Ms: number;
  inFlight: number;
  clientConnections: number;
  tunnels: number;
  streams: number;
  alerts: { name: string; subject: string; sinceMs: number; measured: string }[];
  /** Those that ask most just now, the busiest first. */
  clients: ClientStats[];
  pools: { name: string; strategy: string; servers: ServerStatus[] }[];
  lostLogRecords: number;
}

export function statusOf(
  table: SharedTable,
  plan: WorkerPlan,
  observer: Observer,
  operator: Operator,
  { lanes, workerDeaths, lostLogRecords }: Surroundings,
): InstanceStatus {
  const { pool, listen } = plan;
  const { measures } = table;
  const window = observer.history.window(WINDOW_MS);
  const servers = pool.servers.map((server) =>
    serverStatus(table, plan, observer, operator, server),
  );
  const requestsOfMinute = servers.map(({ requestsPerSecond }) => requestsPerSecond);
  const ofAll = sum(requestsOfMinute);
  servers.forEach((server, at) => {
    server.share = ofAll === 0 ? 0 : requestsOfMinute[at]! / ofAll;
  });
  return {
    version: VERSION,
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    workers: lanes.length,
    workerDeaths,
    listeners: listen.map(urlOf),
    isMonitored: plan.measures,
    requests: sum([...pool.servers.map(({ row }) => row), measures.noRow].map(requestsOf(table))),
    requestsPerSecond: ratio(window.requests, window.seconds),
    errorRate: ratio(window.errors, window.requests),
    p50Ms: window.p50Ms,
    p99Ms: window.p99Ms,
    inFlight: sum(servers.map(({ inFlight }) => inFlight)),
    clientConnections: measures.total(GAUGE.clientConnections),
    tunnels: measures.total(GAUGE.tunnels),
    streams: measures.total(GAUGE.streams),
    alerts: observer.alerts().active.map(({ name, subject, sinceMs, measured }) => {
      return { name, subject, sinceMs, measured };
    }),
    clients: observer.clients.topNow(CLIENTS_SHOWN),
    pools: [{ name: pool.settings.name, strategy: pool.strategy, servers }],
    lostLogRecords,
  };
}

function serverStatus(
  table: SharedTable,
  plan: WorkerPlan,
  observer: Observer,
  operator: Operator,
  server: WorkerPlan['pool']['servers'][number],
): ServerStatus {
  const { row, label } = server;
  const said = operator.saidOf(server.name);
  const health = table.health(row);
  const history = observer.history.server(row);
  const requests = sum(history.requests);
  return {
    name: label,
    address: server.name,
    state: health === HEALTH.up ? 'up' : health === HEALTH.down ? 'down' : 'unknown',
    standing: verdictName(standingOf(table, row)),
    admin: ADMIN_STATES[table.admin(row)],
    breaker: plan.pool.settings.breaker === null ? null : breakerName(table, row),
    backup: server.backup,
    weight: said.weight === -1 ? server.weight : said.weight,
    weightIsOperators: said.weight !== -1,
    drainEndsMs: said.drainEndsMs,
    inFlight: table.inFlight(row),
    tunnels: table.tunnels(row),
    requests: requestsOf(table)(row),
    attempts: table.counted(row, COUNTER.attempts),
    failures: table.counted(row, COUNTER.failures),
    retries: table.counted(row, COUNTER.retries),
    share: 0,
    requestsPerSecond: ratio(requests, history.requests.length),
    errorRate: ratio(sum(history.errors), requests),
    latencyMs: table.latencyUs(row, performance.now()) / 1000,
    p99Ms: history.p99Ms,
    lastChange: observer.changeOf(label),
  };
}

/** Requests that ended, by whatever status. */
function requestsOf(table: SharedTable): (row: number) => number {
  return (row) => {
    let total = 0;
    for (let statusClass = 0; statusClass <= 5; statusClass++) {
      total += table.measures.requestsOfClass(row, statusClass);
    }
    return total;
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
