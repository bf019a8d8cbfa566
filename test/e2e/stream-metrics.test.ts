/** What the metrics say of event streams and tunnels, while they are open and when they ended. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Openclaw, type Peer, ScriptedServer, until } from './harness.ts';

const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const EVENT = '9\r\ndata: a\n\n\r\n';
const LAST = '0\r\n\r\n';
const GAP_MS = 120;

let server: ScriptedServer;
let openclaw: Openclaw;
/** The server's side of the connection that streams now. */
let serverSide: Peer;
let was: Map<string, number>;

before(async () => {
  server = await ScriptedServer.listen();
  server.on('/events', (peer) => {
    serverSide = peer;
    peer.send(HEAD + EVENT);
  });
  server.on('/tunnel', (peer) => {
    serverSide = peer;
    peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: toy\r\n\r\n');
  });
  openclaw = await Openclaw.start({ servers: [server.address] });
});

beforeEach(async () => {
  was = await metrics();
});

after(async () => {
  try {
    await openclaw.stop();
  } finally {
    await server.close();
  }
});

/** Values by name and labels, without those of the server. */
async function metrics(): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${openclaw.adminPort}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => /^openclaw_/.test(line));
  return new Map(
    lines.map((line) => {
      const [name, value] = line.split(/ (?=\S+$)/) as [string, string];
      return [name.replace(/,?(pool|server|worker)="[^"]*"/g, '').replace('{}', ''), Number(value)];
    }),
  );
}

/** Waits until metrics have grown by so much since the test began, or stand at so much. */
async function untilMetrics(
  grown: Record<string, number>,
  now: Record<string, number> = {},
): Promise<Map<string, number>> {
  return await until(JSON.stringify({ grown, now }), async () => {
    const are = await metrics();
    const hasGrown = ([name, by]: [string, number]) =>
      (are.get(name) ?? 0) - (was.get(name) ?? 0) === by;
    const stands = ([name, at]: [string, number]) => are.get(name) === at;
    return Object.entries(grown).every(hasGrown) && Object.entries(now).every(stands) && are;
  });
}

const GET = 'GET /events HTTP/1.1\r\nHost: a\r\n\r\n';
const UPGRADE = 'GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: toy\r\n\r\n';

test('an event stream: open, its first byte, the gaps between events, its clean end', async () => {
  const client = await openclaw.send(GET);
  await client.through(EVENT);
  await untilMetrics(
    { openclaw_first_byte_duration_seconds_count: 1, openclaw_stream_gap_seconds_count: 0 },
    { openclaw_streams_open: 1 },
  );
  for (let event = 0; event < 2; event++) {
    await wait(GAP_MS);
    serverSide.send(EVENT);
    await client.through(EVENT);
  }
  serverSide.send(LAST);
  await client.through(LAST);
  const are = await untilMetrics(
    {
      'openclaw_streams_ended_total{end="complete"}': 1,
      openclaw_stream_duration_seconds_count: 1,
      // It took long because it was a stream: among the requests it would raise alarms.
      openclaw_request_duration_seconds_count: 0,
    },
    { openclaw_streams_open: 0 },
  );
  const grown = (name: string) => are.get(name)! - (was.get(name) ?? 0);
  assert.ok(grown('openclaw_stream_gap_seconds_count') >= 2);
  assert.ok(grown('openclaw_stream_gap_seconds_sum') >= (2 * GAP_MS * 0.9) / 1000);
  assert.ok(grown('openclaw_stream_duration_seconds_sum') >= (2 * GAP_MS * 0.9) / 1000);
  client.close();
});

test('an event stream that its server breaks off is truncated', async () => {
  const client = await openclaw.send(GET);
  await client.through(EVENT);
  serverSide.reset();
  await untilMetrics(
    {
      'openclaw_streams_ended_total{end="truncated"}': 1,
      'openclaw_streams_ended_total{end="complete"}': 0,
    },
    { openclaw_streams_open: 0 },
  );
  client.close();
});

test('an event stream that its client leaves is neither complete nor truncated', async () => {
  const client = await openclaw.send(GET);
  await client.through(EVENT);
  client.close();
  await untilMetrics(
    {
      'openclaw_streams_ended_total{end="left"}': 1,
      'openclaw_streams_ended_total{end="truncated"}': 0,
    },
    { openclaw_streams_open: 0 },
  );
});

test('tunnels are counted while they are open, and by their end', async () => {
  const clients = await Promise.all([openclaw.send(UPGRADE), openclaw.send(UPGRADE)]);
  for (const client of clients) await client.head();
  await untilMetrics({ openclaw_tunnels_total: 2 }, { openclaw_tunnels_open: 2 });
  const [first, second] = clients as [Peer, Peer];
  const lastServerSide = serverSide;
  lastServerSide.reset();
  await untilMetrics(
    { 'openclaw_streams_ended_total{end="truncated"}': 1 },
    { openclaw_tunnels_open: 1 },
  );
  for (const client of [first, second]) client.end();
  for (const peer of server.peers) peer.end();
  await untilMetrics(
    {
      'openclaw_streams_ended_total{end="complete"}': 1,
      openclaw_stream_duration_seconds_count: 2,
    },
    { openclaw_tunnels_open: 0 },
  );
  for (const client of clients) client.close();
});
