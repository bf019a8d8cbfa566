/** What `openclaw lb` and `openclaw alerts` print: from the admin API's answers to text. */
import type { Stats } from '../admin/stats.ts';
import type { ClientStats } from '../control/client-board.ts';
import type { InstanceStatus, ServerStatus } from '../control/status.ts';
import { age, bytes, count, ms, percent } from './readable.ts';
import { type Cell, type Colour, paint, textTable } from './text-table.ts';

export interface Screen {
  readonly isColoured: boolean;
  readonly widthMax: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** One screen of the whole instance. */
export function statusScreen(status: InstanceStatus, screen: Screen): string {
  const { isColoured } = screen;
  const all = status.pools.flatMap(({ servers }) => servers);
  const rows: [string, string][] = [
    [
      'openclaw',
      `${status.version}, up ${age(status.uptimeMs)}, ${plural(status.workers, 'worker')}${status.workerDeaths === 0 ? '' : paint(`, ${plural(status.workerDeaths, 'death')}`, 'red', isColoured)}`,
    ],
    ['listening', status.listeners.join('  ') || 'nowhere'],
    ...status.pools.map(({ name, strategy, servers }): [string, string] => [
      'pool',
      `${name}: ${strategy}, ${plural(servers.length, 'server')}`,
    ]),
    ['servers', stateCounts(all, isColoured)],
    ...trafficRows(status, isColoured),
    [
      'open',
      `${plural(status.clientConnections, 'client connection')}, ${plural(status.tunnels, 'tunnel')}, ${plural(status.streams, 'stream')}`,
    ],
    ['alerts', status.alerts.length === 0 ? 'none' : ''],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(11)}${value}`.trimEnd());
  for (const { name, subject, sinceMs, measured } of status.alerts) {
    const about = subject === '' ? name : `${name} ${subject}`;
    const since = age(screen.nowMs - sinceMs);
    lines.push(`  ${paint(about, 'red', isColoured)} for ${since}: ${measured}`);
  }
  if (status.lostLogRecords > 0) {
    lines.push(
      paint(`${count(status.lostLogRecords)} log records were lost`, 'yellow', isColoured),
    );
  }
  return `${lines.join('\n')}\n`;
}

function trafficRows(status: InstanceStatus, isColoured: boolean): [string, string][] {
  const inFlight = `${count(status.inFlight)} in flight`;
  if (!status.isMonitored) {
    const why = 'not counted: load_balancing.monitoring.enabled is false';
    return [['requests', `${inFlight}, ${paint(why, 'yellow', isColoured)}`]];
  }
  return [
    [
      'requests',
      `${count(status.requestsPerSecond)}/s, ${inFlight}, ${count(status.requests)} since the start`,
    ],
    ['errors', errorText(status.errorRate, isColoured)],
    ['latency', `p50 ${ms(status.p50Ms)}, p99 ${ms(status.p99Ms)}`],
  ];
}

/** A row a server. */
export function backendScreen(status: InstanceStatus, screen: Screen): string {
  return `${status.pools
    .map((pool) => {
      const hasTunnels = pool.servers.some(({ tunnels }) => tunnels > 0);
      const table = textTable(
        [
          { title: 'SERVER', isFlexible: true },
          { title: 'STATE' },
          { title: 'WEIGHT', align: 'right' },
          { title: 'SHARE', align: 'right' },
          { title: 'REQ/S', align: 'right' },
          { title: 'IN FLIGHT', align: 'right' },
          ...(hasTunnels ? [{ title: 'TUNNELS', align: 'right' as const }] : []),
          { title: 'ERRORS', align: 'right' },
          { title: 'LATENCY', align: 'right' },
          { title: 'LAST CHANGE', isFlexible: true },
        ],
        pool.servers.map((server) => serverRow(server, screen, hasTunnels)),
        screen,
      );
      return status.pools.length === 1 ? table : `pool ${pool.name}\n${table}`;
    })
    .join('\n\n')}\n`;
}

function serverRow(
  server: ServerStatus,
  { nowMs }: Screen,
  hasTunnels: boolean,
): (Cell | string)[] {
  const { lastChange } = server;
  const change =
    lastChange === null
      ? ''
      : `${lastChange.what} ${age(nowMs - lastChange.atMs)} ago${lastChange.why === '' ? '' : `: ${lastChange.why}`}`;
  return [
    server.name === server.address ? server.name : `${server.name} ${server.address}`,
    stateCell(server, nowMs),
    `${server.weight}${server.weightIsOperators ? ' set' : ''}${server.backup ? ' backup' : ''}`,
    percent(server.share),
    count(server.requestsPerSecond),
    count(server.inFlight),
    ...(hasTunnels ? [count(server.tunnels)] : []),
    { text: percent(server.errorRate), ...colourOf(errorColour(server.errorRate)) },
    ms(server.latencyMs),
    change,
  ];
}

/** Totals since the start. */
export function statsScreen(stats: Stats, screen: Screen): string {
  const servers = stats.servers.filter(
    ({ name, status }) => name !== '' || Object.values(status).some((value) => value > 0),
  );
  const byServer = textTable(
    [
      { title: 'SERVER', isFlexible: true },
      ...[
        '2XX',
        '3XX',
        '4XX',
        '5XX',
        'NONE',
        'FAILED',
        'RETRIED',
        'IN',
        'OUT',
        'OPENED',
        'REUSED',
      ].map((title) => ({ title, align: 'right' as const })),
    ],
    servers.map((server) => [
      server.name || { text: '(no server)', colour: 'dim' },
      count(server.status['2xx']),
      count(server.status['3xx']),
      count(server.status['4xx']),
      {
        text: count(server.status['5xx']),
        ...colourOf(server.status['5xx'] > 0 ? 'red' : undefined),
      },
      count(server.status.none),
      { text: count(server.failures), ...colourOf(server.failures > 0 ? 'yellow' : undefined) },
      count(server.retries),
      bytes(server.bytesFromClients),
      bytes(server.bytesToClients),
      count(server.connectionsOpened),
      count(server.connectionsReused),
    ]),
    screen,
  );
  const { connections, open } = stats;
  const parts = [
    byServer,
    '',
    `clients    ${plural(connections.clients, 'open connection')}, ${count(connections.accepted)} accepted since the start`,
    `servers    ${plural(connections.idleToServers, 'idle connection')} kept alive`,
    `open       ${plural(open.tunnels, 'tunnel')}, ${plural(open.streams, 'stream')}`,
  ];
  if (stats.failures.length > 0) {
    const failures = textTable(
      [{ title: 'FAILURE' }, { title: 'COUNT', align: 'right' }],
      stats.failures.map(({ code, count: times }) => [code, count(times)]),
      screen,
    );
    parts.push('', failures);
  }
  const workers = textTable(
    [
      { title: 'WORKER', align: 'right' },
      { title: 'CLIENTS', align: 'right' },
      { title: 'HEAP', align: 'right' },
      { title: 'CPU', align: 'right' },
    ],
    stats.workers.map((one) => [
      String(one.worker),
      count(one.clients),
      bytes(one.heapBytes),
      `${count(one.cpuSeconds)} s`,
    ]),
    screen,
  );
  parts.push('', workers);
  if (stats.clients.length > 0) parts.push('', clientTable(stats.clients, screen));
  return `${parts.join('\n')}\n`;
}

/** A row a client; empty where there is none. */
export function clientTable(clients: readonly ClientStats[], screen: Screen): string {
  if (clients.length === 0) return '';
  return textTable(
    [
      { title: 'CLIENT', isFlexible: true },
      { title: 'REQ/S', align: 'right' },
      { title: 'REQUESTS', align: 'right' },
      { title: 'ERRORS', align: 'right' },
      { title: 'OUT', align: 'right' },
    ],
    clients.map((one) => [
      one.address,
      count(one.requestsPerSecond),
      count(one.requests),
      { text: count(one.errors), ...colourOf(one.errors > 0 ? 'yellow' : undefined) },
      bytes(one.bytes),
    ]),
    screen,
  );
}

function stateCell(server: ServerStatus, nowMs: number): Cell {
  if (server.admin === 'maintenance') return { text: 'disabled', colour: 'yellow' };
  if (server.state === 'down') return { text: 'down', colour: 'red' };
  if (server.breaker === 'open') return { text: 'breaker open', colour: 'red' };
  if (server.breaker === 'half_open') return { text: 'breaker tries', colour: 'yellow' };
  if (server.standing === 'ejected') return { text: 'ejected', colour: 'red' };
  if (server.standing === 'draining') {
    const left = server.drainEndsMs === 0 ? '' : `, ${age(server.drainEndsMs - nowMs)} left`;
    return { text: `draining${left}`, colour: 'yellow' };
  }
  return { text: server.state, ...colourOf(server.state === 'up' ? 'green' : undefined) };
}

function stateCounts(servers: readonly ServerStatus[], isColoured: boolean): string {
  const counts = new Map<string, { times: number; colour: Colour | undefined }>();
  for (const server of servers) {
    const { text, colour } = stateCell({ ...server, drainEndsMs: 0 }, 0);
    counts.set(text, { times: (counts.get(text)?.times ?? 0) + 1, colour });
  }
  return [...counts]
    .map(([state, { times, colour }]) => paint(`${times} ${state}`, colour, isColoured))
    .join(', ');
}

function errorText(errorRate: number, isColoured: boolean): string {
  return paint(`${percent(errorRate)} of answers are 5xx`, errorColour(errorRate), isColoured);
}

function errorColour(errorRate: number): Colour | undefined {
  if (errorRate >= 0.05) return 'red';
  return errorRate > 0 ? 'yellow' : undefined;
}

function colourOf(colour: Colour | undefined): { colour?: Colour } {
  return colour === undefined ? {} : { colour };
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}
