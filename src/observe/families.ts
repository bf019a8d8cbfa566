/**
 * Every metric of openclaw: its name, its help, and how it is read from the shared table when
 * somebody asks. Prometheus, StatsD and docs/metrics.md (held against this list by a test) all
 * come from it.
 *
 * Labels are bounded: pools, servers and workers by the configuration, methods and status classes
 * by METHODS and STATUS_CLASSES, codes by the tables of failures. Nothing that a client sends
 * becomes a label.
 */
import { getHeapStatistics } from 'node:v8';
import { descriptorLimit, openDescriptors } from '../base/descriptors.ts';
import { residentBytes } from '../base/resident.ts';
import { CODES, codeIndex, LIMIT_CODES } from '../core/answers/codes.ts';
import { WAF_VERDICTS } from '../core/exchange/screening.ts';
import { TLS_REASONS } from '../io/tls/failures.ts';
import { ADMIN, COUNTER, HEALTH } from '../table/layout.ts';
import {
  GAUGE,
  METHODS,
  STATUS_CLASSES,
  TIMING,
  WORKER_COUNTER,
  WORKER_TIMING,
  type WorkerNumber,
} from '../table/measures.ts';
import { RULE_CLASSES } from '../waf/catalogue.ts';
import {
  counter,
  each,
  type Family,
  ofPool,
  ofWorkers,
  type Sample,
  SERVER_LABELS,
  serverLabels,
  single,
  states,
  timing,
  timingOfWorkers,
} from './family.ts';
import type { View } from './view.ts';

export const FAMILIES: readonly Family[] = [
  {
    name: 'openclaw_requests_total',
    help: 'Requests by the status sent to the client. code "none": the client left before a response. server "": no server was reached.',
    type: 'counter',
    labels: [...SERVER_LABELS, 'method', 'code'],
    read: readRequests,
  },
  timing(
    'openclaw_request_duration_seconds',
    'Time from the request head to the end of the response; event streams and tunnels are not included.',
    TIMING.total,
  ),
  timing(
    'openclaw_first_byte_duration_seconds',
    'Time from the request head to the response head, failed attempts included.',
    TIMING.firstByte,
  ),
  timing(
    'openclaw_server_connect_duration_seconds',
    'Time to connect to a server, TLS included.',
    TIMING.connect,
  ),
  counter(
    'openclaw_received_bytes_total',
    'Bytes received from clients in request bodies and tunnels.',
    COUNTER.bytesFromClients,
  ),
  counter(
    'openclaw_sent_bytes_total',
    'Bytes sent to clients in response bodies and tunnels.',
    COUNTER.bytesToClients,
  ),
  {
    name: 'openclaw_server_failures_total',
    help: 'Failed attempts: no complete response, or 500, 502, 503, 504; retried elsewhere or not.',
    type: 'counter',
    labels: SERVER_LABELS,
    read: ({ servers, table }) => each(servers, ({ row }) => table.counters.failedAttempts(row)),
  },
  counter(
    'openclaw_server_retries_total',
    'Requests retried after they failed at this server.',
    COUNTER.retries,
  ),
  counter(
    'openclaw_server_connections_opened_total',
    'Connections opened to a server.',
    COUNTER.connectionsOpened,
  ),
  counter(
    'openclaw_server_connections_reused_total',
    'Requests sent over a kept-alive connection.',
    COUNTER.connectionsReused,
  ),
  counter('openclaw_tunnels_total', 'Requests that became a tunnel.', COUNTER.tunnels),
  {
    name: 'openclaw_server_requests_in_flight',
    help: 'Requests in flight at a server.',
    type: 'gauge',
    labels: SERVER_LABELS,
    read: ({ servers, table }) => each(servers, ({ row }) => table.inFlight(row)),
  },
  {
    name: 'openclaw_server_tunnels_open',
    help: 'Open tunnels to a server, such as WebSockets.',
    type: 'gauge',
    labels: SERVER_LABELS,
    read: ({ servers, table }) => each(servers, ({ row }) => table.tunnels(row)),
  },
  {
    name: 'openclaw_server_up',
    help: 'Health of a server: 1 up or not yet probed, 0 down.',
    type: 'gauge',
    labels: SERVER_LABELS,
    read: ({ servers, table }) =>
      each(servers, ({ row }) => Number(table.health(row) !== HEALTH.down)),
  },
  {
    name: 'openclaw_server_admin_state',
    help: 'Administrative state of a server: 1 for the current state.',
    type: 'gauge',
    labels: [...SERVER_LABELS, 'state'],
    read: ({ servers, table }) =>
      states(servers, Object.keys(ADMIN), ({ row }) => adminName(table.admin(row))),
  },
  {
    name: 'openclaw_server_breaker_state',
    help: 'Breaker state of a server: 1 for the current state. Absent without a breaker.',
    type: 'gauge',
    labels: [...SERVER_LABELS, 'state'],
    read: ({ servers }) =>
      states(
        servers.filter((server) => server.breaker !== undefined),
        ['closed', 'open', 'half_open'],
        ({ breaker }) => breaker!,
      ),
  },
  {
    name: 'openclaw_failures_total',
    help: 'Requests that did not end with a complete server response, by code (docs/errors.md).',
    type: 'counter',
    labels: ['code'],
    read: ({ table }) =>
      CODES.map((code, index) => ({ labels: { code }, value: table.measures.failures(index) })),
  },
  {
    name: 'openclaw_waf_verdicts_total',
    help: 'Requests that matched a firewall rule: blocked, detected (mode detect), or noted below the threshold.',
    type: 'counter',
    labels: ['verdict'],
    read: ({ table: { measures } }) =>
      WAF_VERDICTS.map((verdict, at) => ({ labels: { verdict }, value: measures.verdicts(at) })),
  },
  {
    name: 'openclaw_waf_matches_total',
    help: 'Requests that matched a rule of this class, whatever the verdict.',
    type: 'counter',
    labels: ['class'],
    read: ({ table: { measures } }) =>
      RULE_CLASSES.map((name, at) => ({
        labels: { class: name },
        value: measures.verdictClasses(at),
      })),
  },
  {
    name: 'openclaw_limits_observed_total',
    help: 'Requests and connections that rate_limiting would have refused without mode observe, by code.',
    type: 'counter',
    labels: ['code'],
    read: ({ table }) =>
      LIMIT_CODES.map((code) => ({
        labels: { code },
        value: table.measures.observed(codeIndex(code)),
      })),
  },
  ofWorkers(
    'openclaw_client_connections_open',
    'Open client connections.',
    'gauge',
    GAUGE.clientConnections,
  ),
  ofWorkers(
    'openclaw_client_connections_accepted_total',
    'Client connections accepted.',
    'counter',
    WORKER_COUNTER.clientConnectionsAccepted,
  ),
  {
    name: 'openclaw_tls_handshakes_total',
    help: 'TLS handshakes with clients: full ones, and those that resumed a session.',
    type: 'counter',
    labels: ['session'],
    read: ({ table: { measures } }) => [
      { labels: { session: 'new' }, value: measures.total(WORKER_COUNTER.tlsHandshakes) },
      { labels: { session: 'resumed' }, value: measures.total(WORKER_COUNTER.tlsResumptions) },
    ],
  },
  {
    name: 'openclaw_tls_handshake_failures_total',
    help: 'Failed TLS handshakes with clients, by reason (docs/errors.md).',
    type: 'counter',
    labels: ['reason'],
    read: ({ table: { measures } }) =>
      TLS_REASONS.map((reason, index) => ({
        labels: { reason },
        value: measures.total((WORKER_COUNTER.tlsFailures + index) as WorkerNumber),
      })),
  },
  ofWorkers(
    'openclaw_client_connections_waiting',
    'Client connections waiting to be served because max_connections are open.',
    'gauge',
    GAUGE.clientsWaiting,
  ),
  ofWorkers(
    'openclaw_client_connections_dismissed_total',
    'Idle client connections closed to make room for others.',
    'counter',
    WORKER_COUNTER.clientsDismissed,
  ),
  ofWorkers(
    'openclaw_client_connections_turned_away_total',
    'Client connections closed on arrival: no room to serve them or to let them wait.',
    'counter',
    WORKER_COUNTER.clientsTurnedAway,
  ),
  ofWorkers(
    'openclaw_internal_errors_total',
    'Errors in openclaw itself, each ending one connection or HTTP/2 stream. The log has the stack traces.',
    'counter',
    WORKER_COUNTER.internalErrors,
  ),
  ofWorkers(
    'openclaw_worker_shed_ratio',
    'Share of new requests that an overloaded worker refuses, from 0 to 1.',
    'gauge',
    GAUGE.shedShare,
  ),
  ofWorkers(
    'openclaw_server_connections_idle',
    'Idle kept-alive connections to servers.',
    'gauge',
    GAUGE.idleServerConnections,
  ),
  {
    name: 'openclaw_server_connections_open',
    help: 'Connections to servers: busy, idle or being opened.',
    type: 'gauge',
    labels: ['pool', 'worker'],
    read: ofPool((table, row, lane) => table.poolCounts.connectionsOf(row, lane)),
  },
  {
    name: 'openclaw_queue_length',
    help: 'Requests waiting for a free server or connection.',
    type: 'gauge',
    labels: ['pool', 'worker'],
    read: ofPool((table, row, lane) => table.poolCounts.waitingOf(row, lane)),
  },
  timingOfWorkers(
    'openclaw_queue_wait_seconds',
    'Time requests waited for a server or a connection, successfully or not; requests that did not wait are not counted.',
    WORKER_TIMING.queueWait,
  ),
  ofWorkers('openclaw_tunnels_open', 'Open tunnels (WebSocket).', 'gauge', GAUGE.tunnels),
  ofWorkers('openclaw_streams_open', 'Open event streams.', 'gauge', GAUGE.streams),
  {
    name: 'openclaw_streams_ended_total',
    help: 'Event streams and tunnels by how they ended: complete, left by the client, or truncated.',
    type: 'counter',
    labels: ['end'],
    read: ({ table: { measures } }) => [
      { labels: { end: 'complete' }, value: measures.total(WORKER_COUNTER.streamsCompleted) },
      { labels: { end: 'left' }, value: measures.total(WORKER_COUNTER.streamsLeft) },
      { labels: { end: 'truncated' }, value: measures.total(WORKER_COUNTER.streamsTruncated) },
    ],
  },
  timingOfWorkers(
    'openclaw_stream_duration_seconds',
    'Duration of event streams and tunnels, from the request to their end.',
    WORKER_TIMING.streamDuration,
  ),
  timingOfWorkers(
    'openclaw_stream_gap_seconds',
    'Time between two chunks of an event stream.',
    WORKER_TIMING.streamGap,
  ),
  timingOfWorkers(
    'openclaw_worker_event_loop_delay_seconds',
    "Delay of a worker's event loop, measured 20 times a second.",
    WORKER_TIMING.loopDelay,
  ),
  ofWorkers(
    'openclaw_worker_heap_used_bytes',
    'JavaScript heap in use by a worker.',
    'gauge',
    GAUGE.heapUsedBytes,
  ),
  ofWorkers(
    'openclaw_worker_heap_size_bytes',
    'JavaScript heap of a worker.',
    'gauge',
    GAUGE.heapTotalBytes,
  ),
  ofWorkers(
    'openclaw_worker_cpu_seconds_total',
    'CPU time of a worker; restarts at 0 when the worker is replaced.',
    'counter',
    WORKER_COUNTER.cpuSeconds,
  ),
  single('openclaw_workers', 'Data threads.', 'gauge', (view) => view.lanes.length),
  single(
    'openclaw_worker_deaths_total',
    'Workers that died and were replaced.',
    'counter',
    (view) => view.workerDeaths,
  ),
  single(
    'openclaw_log_records_lost_total',
    'Log records dropped because they could not be written in time.',
    'counter',
    (view) => view.lostLogRecords,
  ),
  {
    name: 'openclaw_certificate_expiry_timestamp_seconds',
    help: 'Expiry time of a certificate, in seconds since 1970.',
    type: 'gauge',
    labels: ['path'],
    read: ({ certificates }) =>
      certificates.map(({ path, expiresSeconds }) => ({ labels: { path }, value: expiresSeconds })),
  },
  {
    name: 'openclaw_alert_active',
    help: '1 for each active alert.',
    type: 'gauge',
    labels: ['alert'],
    read: ({ alertsActive }) =>
      [...new Set(alertsActive)].map((alert) => ({ labels: { alert }, value: 1 })),
  },
  {
    name: 'openclaw_alert_messages_undelivered_total',
    help: 'Alert messages that could not be delivered to a channel after all retries.',
    type: 'counter',
    labels: ['channel'],
    read: ({ undelivered }) =>
      [...undelivered].map(([channel, value]) => ({ labels: { channel }, value })),
  },
  {
    name: 'openclaw_build_info',
    help: 'Always 1; the labels have the running version.',
    type: 'gauge',
    labels: ['version', 'node'],
    read: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
  single(
    'process_start_time_seconds',
    'Start time of the process, in seconds since 1970.',
    'gauge',
    (view) => view.startedSeconds,
  ),
  single(
    'openclaw_control_heap_used_bytes',
    'JavaScript heap in use by the control thread.',
    'gauge',
    () => getHeapStatistics().used_heap_size,
  ),
  single(
    'openclaw_control_heap_size_bytes',
    'JavaScript heap of the control thread.',
    'gauge',
    () => getHeapStatistics().total_heap_size,
  ),
  single('process_resident_memory_bytes', 'Resident memory of the process.', 'gauge', () =>
    residentBytes(),
  ),
  single(
    'process_open_fds',
    'Open file descriptors of the process; 0 where unknown.',
    'gauge',
    () => openDescriptors() ?? 0,
  ),
  single(
    'process_max_fds',
    'Maximum file descriptors the process may open; 0 where unknown.',
    'gauge',
    () => descriptorLimit() ?? 0,
  ),
  single('process_cpu_seconds_total', 'CPU time of the process.', 'counter', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }),
];

function readRequests({ table: { measures }, servers, pools }: View): Sample[] {
  const samples: Sample[] = [];
  const unserved = { pool: pools[0]!.name, label: '', row: measures.noRow };
  for (const server of [...servers, unserved]) {
    for (let method = 0; method < METHODS.length; method++) {
      for (let statusClass = 0; statusClass < STATUS_CLASSES; statusClass++) {
        const value = measures.requests(server.row, method, statusClass);
        // 48 series a server, of which most would stay at 0 for ever.
        if (value === 0) continue;
        const code = statusClass === 0 ? 'none' : `${statusClass}xx`;
        samples.push({
          labels: { ...serverLabels(server), method: METHODS[method]!, code },
          value,
        });
      }
    }
  }
  return samples;
}

function adminName(admin: number): string {
  return Object.entries(ADMIN).find(([, value]) => value === admin)?.[0] ?? 'active';
}
