/** Session persistence, in the real process over two workers. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { parseConfig } from '../../src/config/load.ts';
import { planOf } from '../../src/control/plans/make-worker-plan.ts';
import { PersistenceState } from '../../src/control/plans/persistence-state.ts';
import { ServerRows } from '../../src/control/plans/server-rows.ts';
import { NodeBackend } from '../../src/io/node/backend.ts';
import { ADMIN } from '../../src/table/layout.ts';
import { SharedTable } from '../../src/table/table.ts';
import { DataWorker } from '../../src/worker/worker.ts';
import {
  Openclaw,
  okWith,
  Peer,
  runOpenclaw,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';
import type { Message } from './peer.ts';

const NAMES = ['red', 'green', 'blue'] as const;
const SECRET = 'the secret of the sticky tests';

/** Three servers that answer with their name and the Cookie fields that they saw. */
class Servers {
  readonly all: ScriptedServer[] = [];

  static async listen(): Promise<Servers> {
    const servers = new Servers();
    for (const name of NAMES) {
      const server = await ScriptedServer.listen();
      server.on('/', (peer, head) => {
        peer.send(okWith(`${name}|${(head.headers.cookie ?? []).join('|')}`));
      });
      servers.all.push(server);
    }
    return servers;
  }

  get addresses(): string[] {
    return this.all.map((server) => server.address);
  }

  named(name: string): ScriptedServer {
    return this.all[NAMES.indexOf(name as (typeof NAMES)[number])]!;
  }

  async close(): Promise<void> {
    for (const server of this.all) if (server.server.listening) await server.close();
  }
}

interface Seen {
  server: string;
  /** The Cookie fields that the server saw. */
  cookies: string[];
  /** `name=value` of the session cookie that came, '' where none did. */
  session: string;
  setCookies: string[];
}

function seen(response: Message): Seen {
  assert.equal(response.status, 200, response.head);
  const [server, ...cookies] = response.text.split('|') as [string, ...string[]];
  const setCookies = response.headers['set-cookie'] ?? [];
  const session = setCookies.find((line) => line.startsWith('openclaw_session='));
  return {
    server,
    cookies: cookies.filter((cookie) => cookie !== ''),
    session: session?.split(';')[0] ?? '',
    setCookies,
  };
}

function request(...cookies: string[]): string {
  const lines = cookies.map((cookie) => `Cookie: ${cookie}\r\n`).join('');
  return `GET / HTTP/1.1\r\nHost: a.example\r\n${lines}\r\n`;
}

/** One request on a connection of its own: any worker may take it. */
async function ask(openclaw: Openclaw, ...cookies: string[]): Promise<Seen> {
  const client = await openclaw.send(request(...cookies));
  const response = await client.response();
  client.close();
  return seen(response);
}

async function askTimes(times: number, openclaw: Openclaw, ...cookies: string[]): Promise<Seen[]> {
  const answers: Seen[] = [];
  for (let time = 0; time < times; time++) answers.push(await ask(openclaw, ...cookies));
  return answers;
}

const BY_COOKIE = { type: 'cookie', cookie: { expires: '24h', secret: SECRET } };

let servers: Servers;
let openclaw: Openclaw;
/** For tests with other settings. */
const shared = new SharedOpenclaw({ workers: 2 });

before(async () => {
  servers = await Servers.listen();
  openclaw = await Openclaw.start(
    { servers: servers.addresses, session_persistence: BY_COOKIE },
    { workers: 2 },
  );
});

after(async () => {
  await shared.end();
  await openclaw.stop();
  await servers.close();
});

test('a client keeps its server by the cookie of its first response, on every worker', async () => {
  for (let client = 0; client < 4; client++) {
    const first = await ask(openclaw);
    assert.match(
      first.setCookies[0]!,
      /^openclaw_session=[\w-]{36}; Path=\/; Max-Age=86400; Expires=\w{3}, .* GMT; HttpOnly; SameSite=Lax$/,
    );
    for (const next of await askTimes(10, openclaw, first.session)) {
      assert.equal(next.server, first.server);
      assert.deepEqual(next.setCookies, []);
    }
  }
});

test('clients without a cookie take turns', async () => {
  const answers = await askTimes(20, openclaw);
  assert.equal(new Set(answers.map(({ server }) => server)).size, NAMES.length);
});

test('a kept-alive client is told once', async () => {
  const client = await openclaw.connect();
  const first = seen(await client.send(request()).response());
  for (let time = 0; time < 5; time++) {
    const next = seen(await client.send(request(first.session)).response());
    assert.deepEqual([next.server, next.session], [first.server, '']);
  }
  client.close();
});

test('servers see all cookies but the session', async () => {
  const { session } = await ask(openclaw);
  assert.deepEqual((await ask(openclaw, session)).cookies, []);
  assert.deepEqual((await ask(openclaw, `a=1; ${session}; b="2"`)).cookies, ['a=1; b="2"']);
  assert.deepEqual((await ask(openclaw, 'a=1', session, 'b=2')).cookies, ['a=1', 'b=2']);
});

test('a forged cookie is as none: a server in turn, a new cookie, and no sight of it', async () => {
  const { session } = await ask(openclaw);
  const forged = `openclaw_session=${'A'.repeat(36)}`;
  const mangled = session.slice(0, -1) + (session.endsWith('A') ? 'B' : 'A');
  for (const cookie of [forged, mangled, 'openclaw_session=127.0.0.1', 'openclaw_session=']) {
    const answers = await askTimes(9, openclaw, cookie);
    for (const { session: renewed, cookies } of answers) {
      assert.notEqual(renewed, '');
      assert.deepEqual(cookies, []);
    }
    assert.ok(new Set(answers.map(({ server }) => server)).size > 1);
  }
});

test("a server's own cookies pass, save one of the session's name", async () => {
  for (const server of servers.all) {
    server.on('/own', (peer) => {
      peer.send(okWith('own|', 'Set-Cookie: openclaw_session=own\r\nSet-Cookie: theme=dark\r\n'));
    });
  }
  const client = await openclaw.send(request().replace('/ ', '/own '));
  const { setCookies, session } = seen(await client.response());
  client.close();
  assert.match(session, /^openclaw_session=[\w-]{36}$/);
  assert.deepEqual(setCookies.slice(1), ['theme=dark']);
});

test('a stream carries the cookie, and an answer of our own none', async () => {
  for (const server of servers.all) {
    server.on('/events', (peer) => {
      peer.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
    });
  }
  const stream = await openclaw.send(request().replace('/ ', '/events '));
  const head = await stream.head();
  assert.match(head.headers['set-cookie']![0]!, /^openclaw_session=/);
  assert.deepEqual(head.headers['transfer-encoding'], ['chunked']);
  await stream.through('data: 1\n\n');
  stream.close();
  const refused = await openclaw.send('CONNECT a:1 HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal((await refused.response()).headers['set-cookie'], undefined);
});

test('two instances with the same secret agree, and one with another does not', async () => {
  const settings = { servers: servers.addresses.toReversed() };
  const cookie = { name: 'openclaw_session', secret: 'another secret of these tests' };
  const [same, other] = await Promise.all([
    Openclaw.start({ ...settings, session_persistence: BY_COOKIE }, { workers: 2 }),
    Openclaw.start({ ...settings, session_persistence: { type: 'cookie', cookie } }),
  ]);
  for (let client = 0; client < 6; client++) {
    const { server, session } = await ask(openclaw);
    const there = await ask(same, session);
    assert.deepEqual([there.server, there.session], [server, '']);
    assert.notEqual((await ask(other, session)).session, '');
  }
  await Promise.all([same.stop(), other.stop()]);
});

test('sessions and key hold over a restart with the same state directory, and over a reload', async () => {
  const state = mkdtempSync(join(tmpdir(), 'openclaw-state-'));
  const start = (strategy: string) =>
    Openclaw.start(
      { servers: servers.addresses, strategy, session_persistence: { type: 'cookie' } },
      { workers: 2, env: { OPENCLAW_STATE: state } },
    );
  const key = () => readFileSync(join(state, 'session.key'), 'utf8');
  let instance = await start('round_robin');
  const sessions = await askTimes(6, instance);
  const before = key();
  assert.equal(statSync(join(state, 'session.key')).mode & 0o777, 0o600);
  await instance.stop();

  instance = await start('random');
  assert.equal(key(), before);
  const holds = async () => {
    for (const { server, session } of sessions) {
      for (const next of await askTimes(3, instance, session)) {
        assert.deepEqual([next.server, next.session], [server, '']);
      }
    }
  };
  await holds();

  const config = join(instance.folder, 'openclaw.yml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('"random"', '"least_connections"'));
  instance.child.kill('SIGHUP');
  await until('the reload', () => instance.output.stdout.includes('follows the new configuration'));
  await holds();
  await instance.stop();
  rmSync(state, { recursive: true });
});

test('a key file that others may read keeps it from starting, and says why', async () => {
  const state = mkdtempSync(join(tmpdir(), 'openclaw-state-'));
  writeFileSync(join(state, 'session.key'), 'a key that everybody can read\n', { mode: 0o644 });
  const config = join(state, 'openclaw.yml');
  const load_balancing = {
    listen: '127.0.0.1:1',
    servers: servers.addresses,
    session_persistence: { type: 'cookie' },
  };
  writeFileSync(config, JSON.stringify({ load_balancing }));
  const { code, stderr } = await runOpenclaw(['start', '--config', config], {
    OPENCLAW_STATE: state,
  });
  assert.equal(code, 1);
  assert.match(stderr, /others can read it\. Run: chmod 600 .*session\.key/);
  rmSync(state, { recursive: true });
});

for (const persistence of [BY_COOKIE, { type: 'source_ip' }]) {
  test(`${persistence.type}: a client whose server died has another, and stays there`, async () => {
    const mortal = await Servers.listen();
    const instance = await shared.take({
      servers: mortal.addresses,
      session_persistence: persistence,
    });
    const first = await ask(instance);
    await mortal.named(first.server).close();
    const second = await ask(instance, first.session);
    assert.notEqual(second.server, first.server);
    if (persistence === BY_COOKIE) assert.notEqual(second.session, '');
    for (const next of await askTimes(6, instance, second.session || first.session)) {
      assert.deepEqual([next.server, next.session], [second.server, '']);
    }
    await instance.stop();
    await mortal.close();
  });
}

test('a WebSocket gets the cookie with its upgrade, and comes back to its server', async () => {
  const rooms = await Promise.all(
    NAMES.map(async (name) => {
      const room = new WebSocketServer({ host: '127.0.0.1', port: 0 });
      room.on('connection', (socket, { headers }) => {
        socket.send(`${name}|${headers.cookie ?? ''}`);
      });
      await new Promise((resolve) => room.once('listening', resolve));
      return room;
    }),
  );
  const ports = rooms.map((room) => (room.address() as { port: number }).port);
  const instance = await shared.take({
    servers: ports.map((port) => `127.0.0.1:${port}`),
    session_persistence: BY_COOKIE,
  });
  const enter = async (cookie?: string) => {
    const headers = cookie === undefined ? {} : { cookie };
    const socket = new WebSocket(instance.url, { headers });
    let setCookie: string[] = [];
    socket.once('upgrade', (response) => {
      setCookie = response.headers['set-cookie'] ?? [];
    });
    const greeting = await new Promise<string>((resolve, reject) => {
      socket.once('message', (data) => resolve(String(data)));
      socket.once('error', reject);
    });
    socket.close();
    await new Promise((resolve) => socket.once('close', resolve));
    return { greeting, setCookie };
  };
  const { greeting, setCookie } = await enter();
  assert.match(setCookie[0]!, /^openclaw_session=[\w-]{36}; Path/);
  for (let time = 0; time < 5; time++) {
    const next = await enter(`a=1; ${setCookie[0]!.split(';')[0]}`);
    assert.equal(next.greeting, `${greeting}a=1`);
    assert.deepEqual(next.setCookie, []);
  }
  await instance.stop();
  for (const room of rooms) room.close();
});

test('source_ip: one address has one server over all workers, without a cookie', async () => {
  const instance = await shared.take({
    servers: servers.addresses,
    session_persistence: { type: 'source_ip' },
  });
  const answers = await askTimes(20, instance);
  assert.equal(new Set(answers.map(({ server }) => server)).size, 1);
  assert.deepEqual(
    answers.flatMap(({ setCookies }) => setCookies),
    [],
  );
  await instance.stop();
});

for (const type of ['source_ip', 'ip_hash']) {
  test(`${type}: clients behind a trusted proxy are told apart by their own address`, async () => {
    const instance = await shared.take({
      servers: servers.addresses,
      trusted_proxies: ['127.0.0.1'],
      session_persistence: { type },
    });
    const from = async (address: string) => {
      const forwarded = request().replace('\r\n\r\n', `\r\nX-Forwarded-For: ${address}\r\n\r\n`);
      const client = await instance.send(forwarded);
      const { server } = seen(await client.response());
      client.close();
      return server;
    };
    const addresses = Array.from({ length: 40 }, (_, at) => `198.51.100.${at}`);
    const taken: string[] = [];
    for (const address of addresses) taken.push(await from(address));
    assert.equal(new Set(taken).size, NAMES.length, `${taken}`);
    for (const [at, address] of addresses.entries()) assert.equal(await from(address), taken[at]);
    await instance.stop();
  });
}

test('a draining server keeps its sessions and gets no new ones, one in maintenance keeps none', async () => {
  // In-process: an operator's command is not at hand, so the table is told directly.
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-drain-'));
  const path = join(folder, 'listen.sock');
  const load_balancing = {
    listen: `unix:${path}`,
    servers: servers.addresses,
    session_persistence: BY_COOKIE,
  };
  const { settings } = parseConfig(JSON.stringify({ load_balancing }), { file: 'test', env: {} });
  const table = SharedTable.create({ serverRows: 8, workerLanes: 1 });
  const rows = new ServerRows(table);
  const plan = planOf(settings!, rows, new PersistenceState(folder).planOf(settings!), null);
  const worker = new DataWorker({
    lane: 0,
    table,
    plan,
    openBackend: (context) => new NodeBackend(context),

    holder: { add() {}, remove() {}, mapped() {} },
    records: { log: () => {}, failed: () => {} },
    onHandshakeFailure: () => {},
    onInternalError: () => {},
    onClients: () => {},
  });
  await worker.listen(plan.listen.map((address) => ({ address, fd: null })));
  const askWorker = async (...cookies: string[]) => {
    const client = await Peer.connect({ path });
    const response = await client.send(request(...cookies)).response();
    client.close();
    return seen(response);
  };
  try {
    const { server, session } = await askWorker();
    const row = rows.rowOf('default', servers.named(server).address);
    table.setAdmin(row, ADMIN.draining);
    const kept = await askWorker(session);
    assert.deepEqual([kept.server, kept.session], [server, '']);
    for (let time = 0; time < 6; time++) assert.notEqual((await askWorker()).server, server);

    table.setAdmin(row, ADMIN.maintenance);
    const moved = await askWorker(session);
    assert.notEqual(moved.server, server);
    assert.notEqual(moved.session, '');
    assert.equal((await askWorker(moved.session)).server, moved.server);
  } finally {
    worker.close();
    rmSync(folder, { recursive: true });
  }
});
