/** What `openclaw lb` and `openclaw alerts` print: from the admin API's answers to text. */

import type { Stats } from '../admin/stats.ts';
import { ioText } from '../base/io-kind.ts';
import type { CertificateStatus, InstanceStatus, ServerStatus } from '../control/operate/status.ts';
import type { ClientStats } from '../control/watch/client-board.ts';
import type { LastMinute } from '../control/watch/last-minute.ts';
import { backendScreen, colourOf, errorColour, type Screen, stateCell } from './lb-servers.ts';
import { age, bytes, count, ms, percent } from './readable.ts';
import { type Colour, paint, textTable } from './text-table.ts';

const CODES_SHOWN = 4;
/** A worker that uses so much of its core is near its end. */
const CPU_MUCH = 0.9;
/** On a lower terminal `lb top` shows few clients. */
const HEIGHT_FOR_ALL = 50;
const CLIENTS_FEW = 5;
const SERVERS_LEAST = 3;
const DAY_MS = 86_400_000;
/** A certificate with fewer days left is in colour. */
const DAYS_FEW = 30;

/** Show the whole instance on one screen. */
export function statusScreen(status: InstanceStatus, screen: Screen): string {
  const { isColoured } = screen;
  const all = status.pools.flatMap(({ servers }) => servers);
  const rows: [string, string][] = [
    [
      'openclaw',
      `${status.version}, up ${age(status.uptimeMs)}, ${plural(status.workers, 'worker')}${status.workerDeaths === 0 ? '' : paint(`, ${plural(status.workerDeaths, 'death')}`, 'red', isColoured)}`,
    ],
    ['listening', status.listeners.join('  ') || 'nowhere'],
    ['io', ioText(status.io)],
    ...status.pools.map(({ name, strategy, servers }): [string, string] => [
      'pool',
      `${name}: ${strategy}, ${plural(servers.length, 'server')}`,
    ]),
    ['servers', all.length === 0 ? 'none' : stateCounts(all, isColoured)],
    ...trafficRows(status, isColoured),
    [
      'open',
      `${plural(status.clientConnections, 'client connection')}, ${plural(status.tunnels, 'tunnel')}, ${plural(status.streams, 'stream')}`,
    ],
    ...guardRows(status, screen),
    ['alerts', alertsWord(status)],
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

/** Everything that moves: the servers with trouble first, then the busiest, as many as there is room for. */
export function topScreen(status: InstanceStatus, screen: Screen): string {
  const { heightMax = Number.POSITIVE_INFINITY } = screen;
  const head = statusScreen(status, screen);
  const clients = status.clients.slice(0, heightMax < HEIGHT_FOR_ALL ? CLIENTS_FEW : undefined);
  const others = lineCount(head) + (clients.length === 0 ? 0 : clients.length + 2) + 5;
  const room = Math.max(SERVERS_LEAST, heightMax - others);
  const pools = status.pools.map((pool) => ({ ...pool, servers: firstOf(pool.servers, room) }));
  const hidden = status.pools.reduce(
    (sum, { servers }) => sum + Math.max(0, servers.length - room),
    0,
  );
  return [
    head,
    backendScreen({ ...status, pools }, { ...screen, notesMax: 0 }),
    ...(hidden === 0 ? [] : [`${plural(hidden, 'more server')}: openclaw lb backend status\n`]),
    ...(clients.length === 0 ? [] : [`${clientTable(clients, screen)}\n`]),
  ].join('\n');
}

function firstOf(servers: readonly ServerStatus[], room: number): ServerStatus[] {
  if (servers.length <= room) return [...servers];
  const trouble = (one: ServerStatus) =>
    (one.trouble === null ? 0 : 2) + Number(one.failureRate > 0);
  return servers
    .toSorted((a, b) => trouble(b) - trouble(a) || b.requestsPerSecond - a.requestsPerSecond)
    .slice(0, room);
}

/** A screen that takes the place of the one before must not scroll: what is too much is cut. */
export function fitting(text: string, { heightMax = Number.POSITIVE_INFINITY }: Screen): string {
  const lines = text.trimEnd().split('\n');
  if (lines.length < heightMax) return text;
  const shown = lines.slice(0, heightMax - 2);
  return `${shown.join('\n')}\n… ${plural(lines.length - shown.length, 'more line')}\n`;
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length;
}

function trafficRows(status: InstanceStatus, isColoured: boolean): [string, string][] {
  const inFlight = `${count(status.inFlight)} in flight`;
  if (!status.isMonitored) {
    const why = 'not counted: load_balancing.monitoring.enabled is false';
    return [['requests', `${inFlight}, ${paint(why, 'yellow', isColoured)}`]];
  }
  const { failures } = status.lastMinute;
  return [
    [
      'requests',
      `${count(status.requestsPerSecond)}/s, ${inFlight}, ${count(status.requests)} since the start`,
    ],
    ['errors', `${errorText(status.errorRate, isColoured)}${failedText(status, isColoured)}`],
    ...(failures.length === 0
      ? []
      : [['failures', `${codesText(failures)} in the last minute`] as [string, string]]),
    ['latency', `p50 ${ms(status.p50Ms)}, p99 ${ms(status.p99Ms)}`],
  ];
}

/** What no user sees as long as other servers make up for it. */
function failedText({ failureRate }: InstanceStatus, isColoured: boolean): string {
  if (failureRate === 0) return '';
  const text = `${percent(failureRate)} of attempts on servers failed`;
  return `, ${paint(text, errorColour(failureRate), isColoured)}`;
}

function codesText(codes: readonly { code: string; count: number }[]): string {
  const shown = codes.slice(0, CODES_SHOWN).map(({ code, count: times }) => {
    return `${code} ${count(times)}`;
  });
  const rest = codes.length - shown.length;
  return `${shown.join(', ')}${rest === 0 ? '' : `, ${rest} more`}`;
}

/** What keeps requests waiting or out; a row only where there is something to say. */
function guardRows(status: InstanceStatus, screen: Screen): [string, string][] {
  const { queue, lastMinute, limits, waf, tls } = status;
  const { isColoured, nowMs } = screen;
  const rows: [string, string][] = [];
  const say = (name: string, value: string, colour?: Colour) =>
    rows.push([name, paint(value, colour, isColoured)]);
  if (queue.waiting > 0 || lastMinute.waited > 0) {
    const now =
      queue.waiting === 0
        ? 'nobody waits'
        : `${plural(queue.waiting, 'request')} ${queue.waiting === 1 ? 'waits' : 'wait'}, the longest for ${ms(queue.longestMs)}`;
    say(
      'queue',
      `${now}; ${count(lastMinute.waited)} waited in the last minute, p99 ${ms(lastMinute.waitP99Ms)}`,
      queue.waiting > 0 ? 'yellow' : undefined,
    );
  }
  if (limits.shedRatio > 0) {
    say('overload', `a worker refuses ${percent(limits.shedRatio)} of its new requests`, 'red');
  }
  if (limits.clientsWaiting > 0) {
    say('clients', `${plural(limits.clientsWaiting, 'connection')} not served yet`, 'yellow');
  }
  if (lastMinute.observed.length > 0) {
    say('limits', `would have refused ${codesText(lastMinute.observed)} in the last minute`);
  }
  if (waf !== 'off') {
    const { blocked, detected } = lastMinute.waf;
    const said = waf === 'block' ? `${count(blocked)} blocked` : `${count(detected)} detected`;
    say('firewall', `${waf}: ${said} in the last minute`, blocked > 0 ? 'yellow' : undefined);
  }
  if (tls !== null) rows.push(['tls', tlsText(tls.certificates, lastMinute, nowMs, isColoured)]);
  return rows;
}

function tlsText(
  certificates: readonly CertificateStatus[],
  { handshakes }: LastMinute,
  nowMs: number,
  isColoured: boolean,
): string {
  const first = certificates.toSorted((a, b) => a.expiresMs - b.expiresMs)[0];
  const parts = [plural(certificates.length, 'certificate')];
  if (first !== undefined) {
    const days = Math.floor((first.expiresMs - nowMs) / DAY_MS);
    const about = certificates.length === 1 ? 'it' : (first.names[0] ?? first.path);
    const ends = days < 0 ? `${about} has ended` : `${about} ends in ${plural(days, 'day')}`;
    parts.push(paint(ends, days < 0 ? 'red' : days < DAYS_FEW ? 'yellow' : undefined, isColoured));
  }
  if (handshakes.failed > 0) {
    parts.push(`${plural(handshakes.failed, 'handshake')} failed in the last minute`);
  }
  return parts.join(', ');
}

function alertsWord({ alerts, alertsEnabled }: InstanceStatus): string {
  if (!alertsEnabled) return 'off (load_balancing.monitoring.alerts)';
  return alerts.length === 0 ? 'none' : '';
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
    `memory     ${bytes(stats.memoryBytes)} resident`,
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
      { title: 'LATE', align: 'right' },
      { title: 'REFUSES', align: 'right' },
    ],
    stats.workers.map((one) => [
      String(one.worker),
      count(one.clients),
      bytes(one.heapBytes),
      { text: percent(one.cpuRatio), ...colourOf(one.cpuRatio > CPU_MUCH ? 'yellow' : undefined) },
      ms(one.lateP99Ms),
      { text: percent(one.shedRatio), ...colourOf(one.shedRatio > 0 ? 'red' : undefined) },
    ]),
    screen,
  );
  parts.push('', workers);
  if (stats.clients.length > 0) parts.push('', clientTable(stats.clients, screen));
  return `${parts.join('\n')}\n`;
}

/** A row a client; empty where there is none. */
function clientTable(clients: readonly ClientStats[], screen: Screen): string {
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

function stateCounts(servers: readonly ServerStatus[], isColoured: boolean): string {
  const counts = new Map<string, { times: number; colour: Colour | undefined }>();
  for (const server of servers) {
    const { text, colour } = stateCell(server);
    counts.set(text, { times: (counts.get(text)?.times ?? 0) + 1, colour });
  }
  return [...counts]
    .map(([state, { times, colour }]) => paint(`${times} ${state}`, colour, isColoured))
    .join(', ');
}

function errorText(errorRate: number, isColoured: boolean): string {
  return paint(`${percent(errorRate)} of responses are 5xx`, errorColour(errorRate), isColoured);
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}
