/** What an operator says of servers, by the command line, to a running instance of several workers. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  answerOk,
  newFolder,
  Openclaw,
  runOpenclaw,
  ScriptedServer,
  typeCommand,
  until,
} from './harness.ts';

let servers: ScriptedServer[];
/** Requests for /held wait for these. */
const held: { address: string; answer: () => void }[] = [];

before(async () => {
  servers = await Promise.all([1, 2].map(() => ScriptedServer.listen()));
  for (const server of servers) {
    server.on('/', answerOk);
    server.on('/held', async (peer, head) => {
      await new Promise<void>((answer) => held.push({ address: server.address, answer }));
      await answerOk(peer, head);
    });
  }
});

after(() => Promise.all(servers.map((server) => server.close())));

const ON_STATE = { env: {}, workers: 3 };

async function start(state = newFolder(), name = 'openclaw.yml'): Promise<Openclaw> {
  const balancing = {
    servers: servers.map((server) => server.address),
    strategy: 'weighted_round_robin',
  };
  return await Openclaw.start(balancing, {
    ...ON_STATE,
    env: { OPENCLAW_STATE: state },
    config: join(state, name),
  });
}

async function backend(claw: Openclaw, ...args: string[]): Promise<string> {
  const admin = `127.0.0.1:${claw.adminPort}`;
  const { code, stdout, stderr } = await typeCommand(['lb', 'backend', ...args, '--admin', admin]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Who gets so many requests, each on a connection of its own, so that all workers get some. */
async function get(claw: Openclaw, count: number): Promise<number[]> {
  for (const server of servers) server.lines.length = 0;
  for (let nth = 0; nth < count; nth++) {
    const client = await claw.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.equal((await client.response()).status, 200);
    client.close();
  }
  return servers.map((server) => server.lines.length);
}

test('a weight counts at once in all workers, 0 means nothing new, default the configured one', async () => {
  const claw = await start();
  const [red, blue] = servers.map((server) => server.address) as [string, string];
  try {
    assert.match(await backend(claw, 'weight', red, '0'), /has the weight 0/);
    assert.deepEqual(await get(claw, 12), [0, 12]);
    assert.match(await backend(claw, 'status'), /draining +0 set/);
    await backend(claw, 'weight', red, '5');
    const [ofRed, ofBlue] = await get(claw, 60);
    assert.ok(Math.abs(ofRed! - 50) <= 6, `${ofRed} ${ofBlue}`);
    await backend(claw, 'weight', red, 'default');
    await backend(claw, 'disable', blue);
    assert.deepEqual(await get(claw, 12), [12, 0]);
    const { pools } = await claw.status();
    assert.deepEqual(
      pools[0]!.servers.map(({ weight, weightIsOperators, admin }) => [
        weight,
        weightIsOperators,
        admin,
      ]),
      [
        [1, false, 'active'],
        [1, false, 'maintenance'],
      ],
    );
  } finally {
    await claw.stop();
  }
});

test('a drain that is waited for is over as soon as nothing is under way, however long it may last', async () => {
  const claw = await start();
  const [red, blue] = servers.map((server) => server.address) as [string, string];
  try {
    const idle = await backend(claw, 'drain', red, '--timeout', '1h', '--wait');
    assert.match(idle, /has nothing in flight; clients bound to it may still return/);
    assert.equal((await claw.status()).pools[0]!.servers[0]!.admin, 'draining');
    await backend(claw, 'enable', red);
    const client = await claw.send('GET /held HTTP/1.1\r\nHost: a\r\n\r\n');
    const server = await until('it is there', () => held[0]);
    const waited = backend(claw, 'drain', server.address, '--timeout', '1h', '--wait');
    const isOver = waited.then(() => true);
    await until('it drains', async () => {
      const all = (await claw.status()).pools[0]!.servers;
      return all.find(({ address }) => address === server.address)!.admin === 'draining';
    });
    assert.equal(await Promise.race([isOver, claw.status().then(() => false)]), false);
    server.answer();
    assert.equal((await client.response()).status, 200);
    assert.match(await waited, /has nothing in flight/);
    client.close();
    const other = server.address === red ? blue : red;
    const admin = `127.0.0.1:${claw.adminPort}`;
    const args = ['lb', 'backend', 'disable', other, '--admin', admin];
    const refused = await runOpenclaw(args);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /is the last server that works.*503.*--force/);
    assert.equal((await runOpenclaw([...args, '--force'])).code, 0);
  } finally {
    await claw.stop();
  }
});

test('what is said outlives a reload, and with --persist a restart', async () => {
  const state = newFolder();
  const [red, blue] = servers.map((server) => server.address) as [string, string];
  const first = await start(state);
  await backend(first, 'disable', red, '--persist');
  await backend(first, 'weight', blue, '9');
  first.child.kill('SIGHUP');
  await until('the reload', () => first.output.stdout.includes('new configuration'));
  assert.deepEqual(await get(first, 6), [0, 6]);
  assert.match(await backend(first, 'status'), /9 set/);
  const other = await start(state, 'other.yml');
  const [ofRed, ofBlue] = await get(other, 12);
  // Each worker takes turns by itself.
  assert.ok(Math.abs(ofRed! - ofBlue!) <= 4, `said to another's instance: ${ofRed} ${ofBlue}`);
  await other.stop();
  await first.stop();
  const second = await start(state);
  assert.deepEqual(await get(second, 6), [0, 6]);
  assert.doesNotMatch(await backend(second, 'status'), /9 set/);
  await second.stop();
});
