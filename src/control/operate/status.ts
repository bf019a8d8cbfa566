import type { IoChoice } from '../../base/io-kind.ts';
import { sum } from '../../base/sum.ts';
import { VERSION } from '../../base/version.ts';
import {
  type Standing,
  standingOf,
  VERDICT,
  verdictName,
} from '../../core/balance/server-verdict.ts';
import type { ServerPlan } from '../../core/servers/settings.ts';
import { breakerName } from '../../core/servers/upkeep.ts';
import { urlOf } from '../../plan/listen.ts';
import type { PoolPlan, WorkerPlan } from '../../plan/worker-plan.ts';
import { COUNTER, HEALTH } from '../../table/layout.ts';
import { GAUGE } from '../../table/measures.ts';
import type { SharedTable } from '../../table/table.ts';
import type { ClientStats } from '../watch/client-board.ts';
import type { LastMinute } from '../watch/last-minute.ts';
import type { InstanceFacts, Observer } from '../watch/observer.ts';
import type { ServerChange } from '../watch/server-changes.ts';
import type { ServerHistory } from '../watch/traffic-history.ts';
import type { Operator } from './operator.ts';

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
  /** Attempts that failed: no whole answer, or 500, 502, 503, 504. */
  failures: number;
  /** Requests that were sent again after they failed here. */
  retries: number;
  /** Part of the pool's requests of the last minute, 0 to 1. */
  share: number;
  /** Requests a second over the last minute, or as long as the server is known. */
  requestsPerSecond: number;
  /** Part of its answers of the last minute that are 5xx, 0 to 1. */
  errorRate: number;
  /** Part of the attempts of the last minute that failed here, made up for elsewhere or not. */
  failureRate: number;
  /** Of the requests of the last minute; 0 where none ended. */
  p50MsOfMinute: number;
  p99MsOfMinute: number;
  /** What strategies go by: an average that fades with time. */
  latencyMs: number;
  /** Of each of the last seconds, the oldest first; -1 where nothing ended. */
  p99Ms: number[];
  lastChange: ServerChange | null;
  /** Since when, and why, it does not simply serve; null where it does. */
  trouble: ServerChange | null;
}

export interface PoolStatus {
  name: string;
  strategy: string;
  servers: ServerStatus[];
}

export interface InstanceStatus {
  version: string;
  pid: number;
  uptimeMs: number;
  workers: number;
  workerDeaths: number;
  /** What the workers do their I/O by, and why not by something better. */
  io: IoChoice;
  listeners: string[];
  /** False: monitoring is off, and requests are neither counted nor timed. */
  isMonitored: boolean;
  requests: number;
  requestsPerSecond: number;
  /** Part of the answers of the last seconds that are 5xx, 0 to 1. */
  errorRate: number;
  /** Part of the attempts of the last minute that failed, made up for elsewhere or not. */
  failureRate: number;
  p50Ms: number;
  p99Ms: number;
  inFlight: number;
  clientConnections: number;
  tunnels: number;
  streams: number;
  alerts: { name: string; subject: string; sinceMs: number; measured: string }[];
  /** Those that ask most just now, the busiest first. */
  clients: ClientStats[];
  /** Requests that wait for a server just now. */
  queue: { waiting: number; longestMs: number };
  lastMinute: LastMinute;
  limits: {
    rates: 'off' | 'observe' | 'enforce';
    /** Part of its new requests that the worker that is worst off refuses for overload. */
    shedRatio: number;
    /** Connections that wait because `max_connections` are open. */
    clientsWaiting: number;
  };
  waf: 'off' | 'detect' | 'block';
  /** Null: no listener speaks TLS. */
  tls: { certificates: CertificateStatus[] } | null;
  alertsEnabled: boolean;
  pools: PoolStatus[];
  lostLogRecords: number;
}

export interface CertificateStatus {
  path: string;
  names: readonly string[];
  expiresMs: number;
}

/** What a status is read from. */
export interface StatusSources {
  readonly table: SharedTable;
  readonly plan: WorkerPlan;
  readonly observer: Observer;
  readonly operator: Operator;
  readonly surroundings: InstanceFacts;
}

export function statusOf(from: StatusSources): InstanceStatus {
  const { table, plan, observer, surroundings } = from;
  const { lanes, workerDeaths, io, lostLogRecords } = surroundings;
  const { limits } = plan.guard;
  const { measures } = table;
  const window = observer.history.window(WINDOW_MS);
  const pools = plan.pools.map((pool) => poolStatus(from, pool));
  const servers = pools.flatMap((pool) => pool.servers);
  const rows = plan.pools.flatMap((pool) => pool.servers.map(({ row }) => row));
  return {
    version: VERSION,
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    workers: lanes.length,
    workerDeaths,
    io,
    listeners: plan.listen.map(urlOf),
    isMonitored: plan.measures,
    requests: sum([...rows, measures.noRow].map(requestsOf(table))),
    requestsPerSecond: ratio(window.requests, window.seconds),
    errorRate: ratio(window.errors, window.requests),
    failureRate: failureRateOf(rows.map((row) => observer.history.server(row))),
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
    queue: queueOf(
      table,
      plan.pools.map(({ settings }) => settings.row),
      lanes,
    ),
    lastMinute: observer.lastMinute.counts(),
    limits: {
      rates: limits === null ? 'off' : limits.observes ? 'observe' : 'enforce',
      shedRatio: Math.max(0, ...lanes.map((lane) => measures.get(lane, GAUGE.shedShare))),
      clientsWaiting: measures.total(GAUGE.clientsWaiting),
    },
    waf: plan.routes[0].waf?.mode ?? 'off',
    tls: plan.tls === null ? null : { certificates: certificatesOf(observer) },
    alertsEnabled: observer.alertsEnabled,
    pools,
    lostLogRecords,
  };
}

function poolStatus(from: StatusSources, pool: PoolPlan): PoolStatus {
  const servers = pool.servers.map((server) => serverStatus(from, pool, server));
  const ofAll = sum(servers.map(({ requestsPerSecond }) => requestsPerSecond));
  for (const server of servers) server.share = ratio(server.requestsPerSecond, ofAll);
  return { name: pool.settings.name, strategy: pool.strategy, servers };
}

function serverStatus(
  { table, observer, operator }: StatusSources,
  pool: PoolPlan,
  server: ServerPlan,
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
    breaker: pool.settings.breaker === null ? null : breakerName(table, row),
    backup: server.backup,
    weight: said.weight === -1 ? server.weight : said.weight,
    weightIsOperators: said.weight !== -1,
    drainEndsMs: said.drainEndsMs,
    inFlight: table.inFlight(row),
    tunnels: table.tunnels(row),
    requests: requestsOf(table)(row),
    attempts: table.counters.total(row, COUNTER.attempts),
    failures: table.counters.failedAttempts(row),
    retries: table.counters.total(row, COUNTER.retries),
    share: 0,
    requestsPerSecond: ratio(requests, history.requests.length),
    errorRate: ratio(sum(history.errors), requests),
    failureRate: failureRateOf([history]),
    p50MsOfMinute: history.p50OfAllMs,
    p99MsOfMinute: history.p99OfAllMs,
    latencyMs: table.latencies.averageUs(row, performance.now()) / 1000,
    p99Ms: history.p99Ms,
    lastChange: observer.changes.lastOf(label),
    trouble: troubleOf(observer, label, standingOf(table, row)),
  };
}

function troubleOf(observer: Observer, label: string, standing: Standing): ServerChange | null {
  switch (standing) {
    case VERDICT.usable:
      return null;
    case VERDICT.down:
      return observer.changes.said('health', label);
    case VERDICT.open:
    case VERDICT.halfOpen:
      return observer.changes.said('breaker', label);
    case VERDICT.ejected:
      return observer.changes.said('ejection', label);
    default:
      return observer.changes.lastOf(label);
  }
}

function certificatesOf({ certificates }: Observer): CertificateStatus[] {
  return certificates.list().map(({ path, names, expiresSeconds }) => {
    return { path, names, expiresMs: expiresSeconds * 1000 };
  });
}

function queueOf(table: SharedTable, poolRows: readonly number[], lanes: readonly number[]) {
  const { poolCounts } = table;
  const nowMs = performance.now() | 0;
  // The table's times are 32 bits that wrap: only differences mean something; 0: nobody waits.
  const waits = poolRows
    .flatMap((row) => lanes.map((lane) => poolCounts.waitingSince(row, lane)))
    .filter((sinceMs) => sinceMs !== 0)
    .map((sinceMs) => (nowMs - sinceMs) | 0);
  const waiting = sum(poolRows.map((row) => poolCounts.waiting(row)));
  return { waiting, longestMs: Math.max(0, ...waits) };
}

/** An attempt may fail in a later second than it began in: never above 1. */
function failureRateOf(histories: readonly ServerHistory[]): number {
  const failed = sum(histories.map((one) => sum(one.failed)));
  const attempts = sum(histories.map((one) => sum(one.attempts)));
  return Math.min(1, ratio(failed, Math.max(attempts, failed)));
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

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
