import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceStatus, ServerStatus } from '../control/operate/status.ts';
import type { LastMinute } from '../control/watch/last-minute.ts';
import { fitting, statsScreen, statusScreen, topScreen } from './lb-screens.ts';
import { backendScreen } from './lb-servers.ts';
import { age, bytes, count, ms, percent } from './readable.ts';
import { textTable } from './text-table.ts';

const PLAIN = { isColoured: false, widthMax: 100, nowMs: 1_000_000 };

const QUIET: LastMinute = {
  failures: [],
  observed: [],
  waf: { blocked: 0, detected: 0, noted: 0 },
  handshakes: { whole: 0, resumed: 0, failed: 0 },
  waited: 0,
  waitP99Ms: 0,
  turnedAway: 0,
};

const server = (name: string, more: Partial<ServerStatus> = {}): ServerStatus => ({
  name,
  address: name,
  state: 'up',
  standing: 'usable',
  attempts: 0,
  breaker: null,
  admin: 'active',
  backup: false,
  weight: 1,
  weightIsOperators: false,
  drainEndsMs: 0,
  inFlight: 3,
  tunnels: 0,
  requests: 1000,
  failures: 0,
  retries: 0,
  share: 0.5,
  requestsPerSecond: 12.3,
  errorRate: 0,
  failureRate: 0,
  p50MsOfMinute: 4.2,
  p99MsOfMinute: 19,
  latencyMs: 4.2,
  p99Ms: [],
  lastChange: null,
  trouble: null,
  ...more,
});

const status = (servers: ServerStatus[]): InstanceStatus => ({
  version: '1.2.3',
  pid: 1,
  uptimeMs: 3_600_000 * 5,
  workers: 2,
  workerDeaths: 0,
  io: { kind: 'epoll', reason: 'io_uring: the container forbids it' },
  listeners: ['http://127.0.0.1:8080'],
  requests: 123_456,
  isMonitored: true,
  clients: [],
  requestsPerSecond: 1234,
  errorRate: 0.071,
  failureRate: 0,
  p50Ms: 0.42,
  p99Ms: 1300,
  inFlight: 7,
  clientConnections: 1,
  tunnels: 0,
  streams: 2,
  alerts: [{ name: 'high_latency', subject: '', sinceMs: 940_000, measured: 'p99 1.3s' }],
  queue: { waiting: 0, longestMs: 0 },
  lastMinute: QUIET,
  limits: { rates: 'off', shedRatio: 0, clientsWaiting: 0 },
  waf: 'off',
  tls: null,
  alertsEnabled: true,
  pools: [{ name: 'default', strategy: 'round_robin', servers }],
  lostLogRecords: 0,
});

test('numbers are written as people read them', () => {
  assert.deepEqual([0, 7.34, 950, 999.7, 1234, 3_400_000].map(count), [
    '0',
    '7.3',
    '950',
    '1k',
    '1.2k',
    '3.4M',
  ]);
  assert.deepEqual([0, 512, 1536, 1048576, 2 ** 30].map(bytes), [
    '0 B',
    '512 B',
    '1.5 KB',
    '1 MB',
    '1 GB',
  ]);
  assert.deepEqual([0, 0.42, 12.34, 250.4, 1300].map(ms), [
    '-',
    '0.42 ms',
    '12 ms',
    '250 ms',
    '1.3 s',
  ]);
  assert.deepEqual([0, 0.0001, 0.071, 0.5, 1].map(percent), ['0%', '<0.1%', '7.1%', '50%', '100%']);
  assert.deepEqual([0, 45_000, 725_000, 12_000_000, 86_400_000 * 6].map(age), [
    '0s',
    '45s',
    '12m 5s',
    '3h 20m',
    '6d',
  ]);
});

test('a status is one screen', () => {
  const servers = [
    server('a'),
    server('b', { state: 'down' }),
    server('c', { admin: 'draining', standing: 'draining' }),
  ];
  assert.deepEqual(statusScreen(status(servers), PLAIN).split('\n'), [
    'openclaw   1.2.3, up 5h, 2 workers',
    'listening  http://127.0.0.1:8080',
    'io         epoll (not io_uring: the container forbids it)',
    'pool       default: round_robin, 3 servers',
    'servers    1 up, 1 down, 1 draining',
    'requests   1.2k/s, 7 in flight, 123k since the start',
    'errors     7.1% of responses are 5xx',
    'latency    p50 0.42 ms, p99 1.3 s',
    'open       1 client connection, 0 tunnels, 2 streams',
    'alerts',
    '  high_latency for 1m: p99 1.3s',
    '',
  ]);
});

test('every line of servers fits 100 columns, whatever their names and changes', () => {
  const why = 'status 503, expected 200-299, and a body that goes on for ever and ever and ever';
  const long = server('a-server-with-a-name-of-sixty-four-letters.'.padEnd(64, 'x'), {
    address: '[2001:db8:1234:5678:9abc:def0:1234:5678]:65535',
    backup: true,
    weight: 256,
    state: 'down',
    tunnels: 3,
    trouble: { atMs: 1000, what: 'health down', why },
  });
  const [table, notes] = backendScreen(status([long, server('b')]), PLAIN).split('\n\n');
  for (const line of table!.split('\n')) assert.ok(line.length <= 100, `${line.length}: ${line}`);
  // Its end, which tells it from its like, is there; why it is down stands below, whole.
  assert.match(table!, /^a-s\S*…\S*xxx +down +256 backup /m);
  assert.equal(notes, `${long.name}: down 16m 39s ago: ${why}\n`);
});

test('of many servers that are down some reasons are told, and where the others are', () => {
  const trouble = { atMs: 1000, what: 'health down', why: 'connect refused' };
  const servers = Array.from({ length: 100 }, (_, at) =>
    server(`s${at}`, { state: 'down', trouble }),
  );
  const lines = backendScreen(status(servers), PLAIN).trimEnd().split('\n');
  assert.equal(lines.length, 1 + 100 + 1 + 20 + 1);
  assert.equal(lines.at(-1), '80 more: openclaw logs --grep _changed');
});

test('without a server there is no table', () => {
  assert.equal(backendScreen(status([]), PLAIN), 'no server\n');
  assert.match(statusScreen(status([]), PLAIN), /^servers {4}none$/m);
});

test('the address of a server with a name is shown on a wide terminal', () => {
  const named = status([server('red', { address: '10.0.0.1:80' })]);
  assert.match(backendScreen(named, { ...PLAIN, widthMax: 140 }), /^red +10\.0\.0\.1:80 +up /m);
  assert.match(backendScreen(named, PLAIN), /^red +up /m);
});

test('weights and tunnels are shown where there is something to say of them', () => {
  const [plain] = backendScreen(status([server('a')]), PLAIN).split('\n');
  assert.equal(
    plain,
    'SERVER  STATE  SHARE  REQ/S  IN FLIGHT  ERRORS  FAILED     P50    P99  LAST CHANGE',
  );
  const [full] = backendScreen(status([server('a', { weight: 2, tunnels: 1 })]), PLAIN).split('\n');
  assert.match(full!, / WEIGHT .* TUNNELS /);
});

test('a server that fails is seen though other servers make up for it', () => {
  const failing = status([server('a', { failureRate: 0.3 })]);
  assert.match(backendScreen(failing, PLAIN), / 0% +30% /);
  assert.match(
    statusScreen({ ...failing, failureRate: 0.1 }, PLAIN),
    /^errors .*5xx, 10% of attempts on servers failed$/m,
  );
});

test('queue, limits, overload, firewall and certificates are told where there is something to tell', () => {
  const quiet = statusScreen(status([]), PLAIN);
  assert.doesNotMatch(quiet, /queue|overload|limits|firewall|tls|failures/);
  const certificate = (names: string[], days: number) => {
    return { path: '/c.pem', names, expiresMs: PLAIN.nowMs + (days + 0.5) * 86_400_000 };
  };
  const busy = statusScreen(
    {
      ...status([]),
      queue: { waiting: 3, longestMs: 1200 },
      lastMinute: {
        ...QUIET,
        failures: ['no_server', 'queue_timeout', 'waf_blocked', 'client_gone', 'rate_limited'].map(
          (code, at) => ({ code, count: 9 - at }),
        ),
        observed: [{ code: 'address_rate_limited', count: 4 }],
        waf: { blocked: 2, detected: 0, noted: 0 },
        handshakes: { whole: 1, resumed: 0, failed: 7 },
        waited: 40,
        waitP99Ms: 950,
      },
      limits: { rates: 'observe', shedRatio: 0.3, clientsWaiting: 5 },
      waf: 'block',
      tls: { certificates: [certificate(['late.example'], 80), certificate(['a.example'], 9)] },
    },
    PLAIN,
  ).split('\n');
  for (const line of [
    'failures   no_server 9, queue_timeout 8, waf_blocked 7, client_gone 6, 1 more in the last minute',
    'queue      3 requests wait, the longest for 1.2 s; 40 waited in the last minute, p99 950 ms',
    'overload   a worker refuses 30% of its new requests',
    'clients    5 connections not served yet',
    'limits     would have refused address_rate_limited 4 in the last minute',
    'firewall   block: 2 blocked in the last minute',
    'tls        2 certificates, a.example ends in 9 days, 7 handshakes failed in the last minute',
  ]) {
    assert.ok(busy.includes(line), line);
  }
});

test('lb top fits the terminal: trouble first, then the busiest', () => {
  const servers = Array.from({ length: 100 }, (_, at) =>
    server(`s${at}`, { requestsPerSecond: at }),
  );
  servers[7] = server('failing', { failureRate: 0.2, requestsPerSecond: 0 });
  servers[8] = server('down', {
    state: 'down',
    trouble: { atMs: 1000, what: 'health down', why: 'x' },
  });
  const client = { address: '10.0.0.1', requests: 1, errors: 0, bytes: 1, requestsPerSecond: 1 };
  const clients = Array.from({ length: 10 }, () => client);
  const text = topScreen({ ...status(servers), clients }, { ...PLAIN, heightMax: 30 });
  const lines = text.trimEnd().split('\n');
  assert.ok(lines.length < 30, `${lines.length} lines`);
  const first = lines.findIndex((line) => line.startsWith('SERVER'));
  assert.deepEqual(
    lines.slice(first + 1, first + 4).map((line) => line.split(' ')[0]),
    ['down', 'failing', 's99'],
  );
  assert.match(text, /^\d\d more servers: openclaw lb backend status$/m);
  assert.equal(text.match(/^10\.0\.0\.1/gm)!.length, 5);
  // Where nothing takes its place nothing is left out.
  assert.match(topScreen(status(servers), PLAIN), /^s0 /m);
});

test('a live screen is cut rather than scrolled', () => {
  const text = `${Array.from({ length: 40 }, (_, at) => `line ${at}`).join('\n')}\n`;
  const lines = fitting(text, { ...PLAIN, heightMax: 24 })
    .trimEnd()
    .split('\n');
  assert.deepEqual(lines.slice(-2), ['line 21', '… 18 more lines']);
  assert.equal(fitting(text, PLAIN), text);
});

test('that alerts are off is not taken for that there are none', () => {
  const off = { ...status([]), alerts: [], alertsEnabled: false };
  assert.match(statusScreen(off, PLAIN), /^alerts {5}off \(load_balancing.monitoring.alerts\)$/m);
});

test('every line of stats fits 100 columns with large numbers', () => {
  const stats = {
    name: 'a-long-name.example.com:65535',
    status: { '1xx': 1e9, '2xx': 123_456_789_012, '3xx': 1e9, '4xx': 1e9, '5xx': 1e9, none: 1e9 },
    failures: 1e9,
    retries: 1e9,
    bytesFromClients: 1e15,
    bytesToClients: 1e15,
    connectionsOpened: 1e9,
    connectionsReused: 1e12,
    tunnels: 3,
  };
  const text = statsScreen(
    {
      clients: [
        {
          address: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
          requests: 123_456_789_012,
          errors: 7,
          bytes: 1e15,
          requestsPerSecond: 12_345.6,
        },
      ],
      servers: [stats],
      connections: { clients: 1, accepted: 2, idleToServers: 3 },
      open: { tunnels: 0, streams: 0 },
      failures: [{ code: 'connect_refused', count: 5 }],
      workers: [
        {
          worker: 0,
          clients: 1,
          heapBytes: 1e8,
          cpuSeconds: 12.34,
          cpuRatio: 0.94,
          lateP99Ms: 12.4,
          shedRatio: 0,
        },
      ],
      memoryBytes: 2e8,
    },
    PLAIN,
  );
  for (const line of text.split('\n')) assert.ok(line.length <= 100, `${line.length}: ${line}`);
  assert.match(text, /connect_refused +5/);
  assert.match(text, /^memory {5}191 MB resident$/m);
  assert.match(text, /^ +0 +1 +95 MB +94% +12 ms +0%$/m);
  assert.match(text, /2001:db8:ffff:ffff:ffff:ffff:ffff:ffff +12k +123G +7 /);
});

test('colours say what is wrong, and are there only where they are wanted', () => {
  const down = status([server('a', { state: 'down' })]);
  assert.match(backendScreen(down, { ...PLAIN, isColoured: true }), /\x1b\[31mdown\x1b\[0m/);
  assert.ok(!backendScreen(down, PLAIN).includes('\x1b'));
});

test('a table cuts only the columns that may give way', () => {
  const columns = [
    { title: 'NAME', isFlexible: true },
    { title: 'N', align: 'right' as const },
  ];
  assert.equal(
    textTable(columns, [['a-name-of-twenty-chars', '12345']], { widthMax: 20 }),
    'NAME               N\na-name-of-tw…  12345',
  );
});
