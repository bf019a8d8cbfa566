/** What `openclaw lb backend status` prints: a row a server. */

import type { InstanceStatus, ServerStatus } from '../control/operate/status.ts';
import type { ServerChange } from '../control/watch/server-changes.ts';
import { age, count, ms, percent } from './readable.ts';
import { type Cell, type Colour, type Column, textTable } from './text-table.ts';

const NOTES_SHOWN = 20;
/** Of a server with a name its address is shown where the terminal has room for both. */
const WIDTH_WITH_ADDRESS = 130;

export interface Screen {
  readonly isColoured: boolean;
  readonly widthMax: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Lines of the terminal, where each second's screen takes the place of the one before. */
  readonly heightMax?: number;
  /** Most lines below the table of servers. */
  readonly notesMax?: number;
}

/** A row a server; below the table why those are as they are that do not simply serve. */
export function backendScreen(status: InstanceStatus, screen: Screen): string {
  return `${status.pools
    .map((pool) => {
      const text = pool.servers.length === 0 ? 'no server' : serverTable(pool.servers, screen);
      return status.pools.length === 1 ? text : `pool ${pool.name}\n${text}`;
    })
    .join('\n\n')}\n`;
}

interface ServerColumn {
  readonly column: Column;
  /** Whether it has something to say of any server. */
  readonly isShown?: (servers: readonly ServerStatus[], widthMax: number) => boolean;
  readonly cell: (server: ServerStatus, nowMs: number) => Cell | string;
}

const SERVER_COLUMNS: readonly ServerColumn[] = [
  {
    column: { title: 'SERVER', isFlexible: true, keepsEnd: true },
    cell: ({ name }) => name,
  },
  {
    column: { title: 'ADDRESS' },
    isShown: (servers, widthMax) =>
      widthMax >= WIDTH_WITH_ADDRESS && servers.some(({ name, address }) => name !== address),
    cell: ({ address }) => address,
  },
  { column: { title: 'STATE' }, cell: stateCell },
  {
    column: { title: 'WEIGHT', align: 'right' },
    isShown: (servers) =>
      servers.some((one) => one.weight !== 1 || one.weightIsOperators || one.backup),
    cell: ({ weight, weightIsOperators, backup }) =>
      `${weight}${weightIsOperators ? ' set' : ''}${backup ? ' backup' : ''}`,
  },
  { column: { title: 'SHARE', align: 'right' }, cell: ({ share }) => percent(share) },
  {
    column: { title: 'REQ/S', align: 'right' },
    cell: ({ requestsPerSecond }) => count(requestsPerSecond),
  },
  { column: { title: 'IN FLIGHT', align: 'right' }, cell: ({ inFlight }) => count(inFlight) },
  {
    column: { title: 'TUNNELS', align: 'right', isSpare: true },
    isShown: (servers) => servers.some(({ tunnels }) => tunnels > 0),
    cell: ({ tunnels }) => count(tunnels),
  },
  { column: { title: 'ERRORS', align: 'right' }, cell: ({ errorRate }) => rateCell(errorRate) },
  { column: { title: 'FAILED', align: 'right' }, cell: ({ failureRate }) => rateCell(failureRate) },
  {
    column: { title: 'P50', align: 'right', isSpare: true },
    cell: ({ p50MsOfMinute }) => ms(p50MsOfMinute),
  },
  { column: { title: 'P99', align: 'right' }, cell: ({ p99MsOfMinute }) => ms(p99MsOfMinute) },
  {
    column: { title: 'LAST CHANGE', isFlexible: true },
    cell: ({ lastChange }, nowMs) => (lastChange === null ? '' : changeText(lastChange, nowMs)),
  },
];

function serverTable(servers: readonly ServerStatus[], screen: Screen): string {
  const { nowMs, widthMax, notesMax = NOTES_SHOWN } = screen;
  const shown = SERVER_COLUMNS.filter(({ isShown }) => isShown?.(servers, widthMax) ?? true);
  const table = textTable(
    shown.map(({ column }) => column),
    servers.map((server) => shown.map(({ cell }) => cell(server, nowMs))),
    screen,
  );
  const notes = servers.flatMap((server) => noteOf(server, nowMs));
  const rest = notes.length - notesMax;
  if (notesMax === 0) return table;
  return [
    table,
    ...(notes.length === 0 ? [] : ['']),
    ...notes.slice(0, notesMax),
    ...(rest > 0 ? [`${rest} more: openclaw logs --grep _changed`] : []),
  ].join('\n');
}

/** Why a server does not simply serve. */
function noteOf({ name, trouble, drainEndsMs }: ServerStatus, nowMs: number): string[] {
  if (trouble === null || trouble.why === '') return [];
  const left = drainEndsMs === 0 ? '' : `, ${age(drainEndsMs - nowMs)} left`;
  return [`${name}: ${changeText(trouble, nowMs)}: ${trouble.why}${left}`];
}

/** What sounds better as what it led to. */
const SAID: Readonly<Record<string, string>> = {
  disable: 'disabled',
  enable: 'enabled',
  drain: 'drain began',
  'ejection in': 'taken back',
};

/** "down 8s ago", "breaker open 2m ago". */
function changeText({ what, atMs }: ServerChange, nowMs: number): string {
  const word = what.replace(/ for .*/, '');
  const said = SAID[word] ?? word.replace(/^(health|ejection) /, '');
  return `${said.replace('_', '-')} ${age(nowMs - atMs)} ago`;
}

function rateCell(rate: number): Cell {
  return { text: percent(rate), ...colourOf(errorColour(rate)) };
}

/** The gravest of what operator, probes and live traffic say. */
export function stateCell(server: ServerStatus): Cell {
  if (server.admin === 'maintenance') return { text: 'disabled', colour: 'yellow' };
  if (server.state === 'down') return { text: 'down', colour: 'red' };
  if (server.breaker === 'open') return { text: 'breaker open', colour: 'red' };
  if (server.breaker === 'half_open') return { text: 'breaker tries', colour: 'yellow' };
  if (server.standing === 'ejected') return { text: 'ejected', colour: 'red' };
  if (server.standing === 'draining') return { text: 'draining', colour: 'yellow' };
  return { text: server.state, ...colourOf(server.state === 'up' ? 'green' : undefined) };
}

export function errorColour(errorRate: number): Colour | undefined {
  if (errorRate >= 0.05) return 'red';
  return errorRate > 0 ? 'yellow' : undefined;
}

export function colourOf(colour: Colour | undefined): { colour?: Colour } {
  return colour === undefined ? {} : { colour };
}
