/** Many clients, few descriptors, little memory: what is let in, what waits, and what is refused. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { selfSigned } from './certificates.ts';
import {
  answerOk,
  type Balancing,
  newFolder,
  Openclaw,
  okWith,
  Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

const GET = 'GET /any HTTP/1.1\r\nHost: a.example\r\n\r\n';

type Run = (claw: Openclaw) => Promise<void>;

let server: ScriptedServer;
before(async () => {
  server = await ScriptedServer.listen();
});
const shared = new SharedOpenclaw();
after(async () => {
  await shared.end();
  await server.close();
});

/** By a reload; no client of the test before is there any more. */
async function withShared(balancing: Balancing, run: Run): Promise<void> {
  const claw = await shared.take({ servers: [server.address], ...balancing });
  const open = () => claw.metricSum('openclaw_client_connections_open');
  await until('nobody is connected', async () => (await open()) === 0);
  await run(claw).finally(() => claw.stop());
}

/** By a start. */
async function withOpenclaw(balancing: Balancing, run: Run, workers = 1): Promise<void> {
  const claw = await Openclaw.start({ servers: [server.address], ...balancing }, { workers });
  await run(claw).finally(() => claw.stop());
}

const statusOf = async (peer: Peer) => (await peer.response()).status;

test('beyond max_connections clients wait, and are served when others have gone', () =>
  withShared({ max_connections: 2 }, async (claw) => {
    const held: Peer[] = [];
    server.on('/held', (peer) => void held.push(peer));
    const busy = [
      await claw.send(GET.replace('any', 'held')),
      await claw.send(GET.replace('any', 'held')),
    ];
    await until('both are there', () => held.length === 2);
    const third = await claw.send(GET);
    await until(
      'it waits',
      async () => (await claw.metricSum('openclaw_client_connections_waiting')) === 1,
    );
    assert.equal(server.requestsFor('/any'), 0);
    await until('it is told', () => claw.log().some(({ event }) => event === 'clients_full'));
    held[0]!.send(okWith('soon'));
    assert.equal(await statusOf(busy[0]!), 200);
    busy[0]!.close();
    assert.equal(await statusOf(third), 200);
    held[1]!.send(okWith('late'));
    assert.equal(await statusOf(busy[1]!), 200);
    assert.equal(await claw.metricSum('openclaw_client_connections_waiting'), 0);
    for (const client of [...busy, third]) client.close();
  }));

for (const workers of [1, 2]) {
  test(`a flood of idle connections keeps nobody out (${workers} workers)`, () =>
    workers === 1
      ? withShared({ max_connections: 8 }, flood)
      : withOpenclaw({ max_connections: 8 }, flood, workers));
}

async function flood(claw: Openclaw): Promise<void> {
  const idle: Peer[] = [];
  for (let nth = 0; nth < 8; nth++) idle.push(await claw.connect());
  const isOpen = async () => (await claw.metricSum('openclaw_client_connections_open')) === 8;
  await until('all are open', isOpen);
  const clients: Peer[] = [];
  for (let nth = 0; nth < 3; nth++) {
    const client = await claw.send(GET);
    assert.equal(await statusOf(client), 200);
    clients.push(client);
  }
  assert.equal(await claw.metricSum('openclaw_client_connections_dismissed_total'), 3);
  await until('three are closed', () => idle.filter((one) => one.hasEnded).length === 3);
  for (const client of [...idle, ...clients]) client.close();
}

test('a place is free again however its connection ended, over TLS as well', async () => {
  const certificate = selfSigned(newFolder(), 'main', ['IP:127.0.0.1']);
  await withShared({ max_connections: 1, security: { tls: certificate } }, async (claw) => {
    const target = { host: '127.0.0.1', port: claw.port, rejectUnauthorized: false };
    for (const how of ['end', 'destroy', 'no handshake', 'reset', 'end'] as const) {
      if (how === 'reset') {
        (await claw.connect()).reset();
        continue;
      }
      if (how === 'no handshake') {
        const plain = await claw.send(GET);
        await plain.gone();
        plain.close();
        continue;
      }
      const socket = tls.connect(target);
      const client = new Peer(socket);
      client.send(GET);
      assert.equal(await statusOf(client), 200, how);
      socket[how]();
    }
  });
});

test('a process out of descriptors goes on, tells it once, and accepts again', async (context) => {
  const hasTool = spawnSync('prlimit', ['--version']).error === undefined;
  if (!hasTool) return context.skip('prlimit is not installed: apt-get install util-linux');
  server.on('/up', answerOk);
  const health_check = { endpoint: '/up', interval: '300ms', timeout: '200ms' };
  await withOpenclaw({ health_check, failover: { retries: 0 } }, async (claw) => {
    const first = await claw.send(GET);
    assert.equal(await statusOf(first), 200);
    const second = await claw.connect();
    spawnSync('prlimit', ['--pid', `${claw.child.pid}`, '--nofile=100:100']);
    const many: Peer[] = [];
    for (let nth = 0; nth < 120; nth++) many.push(await claw.connect());
    const told = () => claw.log().filter(({ event }) => event === 'descriptors_exhausted');
    await until('it is told', () => told().length > 0);
    // Who is in is served all the same, where a connection to the server is open.
    assert.equal(await statusOf(first.send(GET)), 200);
    let held: Peer | undefined;
    server.on('/held', (peer) => {
      held = peer;
    });
    first.send(GET.replace('any', 'held'));
    const answering = await until('it is held', () => held);
    const { status, text } = await second.send(GET).response();
    assert.equal(status, 503);
    assert.match(text, /connect_shortage/);
    answering.send(okWith('late'));
    assert.equal(await statusOf(first), 200);
    for (const one of many) one.close();
    await until('accepted again', async () => {
      const again = await claw.send(GET);
      const status = await statusOf(again).catch(() => 0);
      again.close();
      return status === 200;
    });
    assert.equal(told().length, 1);
    assert.match(String(told()[0]!.mend), /ulimit -n/);
    // None of this was the server's doing.
    const [found] = (await claw.status()).pools[0]!.servers;
    assert.equal(found!.failures, 0);
    assert.ok(!claw.log().some(({ event, to }) => event === 'health_changed' && to === 'down'));
    first.close();
    second.close();
  });
});

test('above the memory watermark requests get 503; admin and metrics are served', () =>
  withShared({ performance: { overload: { memory: '64m' } } }, async (claw) => {
    await until('it sheds', async () => (await claw.metricSum('openclaw_worker_shed_ratio')) > 0);
    let refused = 0;
    for (let nth = 0; nth < 60; nth++) {
      const client = await claw.send(GET);
      const { status, text, headers } = await client.response();
      if (status === 503) {
        refused += 1;
        assert.match(text, /overloaded/);
        assert.deepEqual(headers['retry-after'], ['1']);
      } else assert.equal(status, 200);
      client.close();
    }
    assert.ok(refused > 30 && refused < 60, `${refused} of 60 were refused`);
    assert.equal((await claw.status()).workers, 1);
    await until('it is told', () => claw.log().some(({ event }) => event === 'overloaded'));
  }));

test('at the limit of descriptors probes and the admin API go on, and no server goes down', async (t) => {
  const other = await ScriptedServer.listen();
  const servers = [server, other];
  for (const one of servers) one.on('/up', answerOk);
  const claw = await Openclaw.start(
    {
      servers: servers.map((one) => one.address),
      health_check: { endpoint: '/up', interval: '500ms', timeout: '400ms' },
    },
    { workers: 2, descriptorsMax: 120 },
  );
  const clients: Peer[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await claw.stop();
    await other.close();
  });
  const probesMore = async (count: number) => {
    const before = servers.map((one) => one.requestsFor('/up'));
    await until('all were probed', () =>
      servers.every((one, at) => one.requestsFor('/up') >= before[at]! + count),
    );
  };
  await probesMore(2);
  for (let nth = 0; nth < 300; nth++) clients.push(await claw.connect());
  await probesMore(4);
  const { pools } = await claw.status();
  assert.deepEqual(
    pools[0]!.servers.map(({ state }) => state),
    ['up', 'up'],
  );
  const events = claw.log().map(({ event }) => event);
  assert.ok(events.includes('connections_bounded'));
  assert.ok(!events.includes('descriptors_exhausted'));
  await until('a client that rests makes room', async () => {
    const client = await claw.connect();
    const status = await client
      .send(GET)
      .response()
      .then(
        (response) => response.status,
        () => 0,
      );
    client.close();
    return status === 200;
  });
});
