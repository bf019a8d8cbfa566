/** `openclaw lb explain`: what it tells is what happened. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Explanation } from '../../src/worker/explanation.ts';
import {
  answerOk,
  type Balancing,
  freePort,
  type Openclaw,
  okWith,
  ScriptedServer,
  SharedOpenclaw,
  typeCommand,
  until,
} from './harness.ts';

let red: ScriptedServer;
let blue: ScriptedServer;
let claw: Openclaw | null = null;
const shared = new SharedOpenclaw({ workers: 2 });

before(async () => {
  [red, blue] = await Promise.all([ScriptedServer.listen(), ScriptedServer.listen()]);
});

afterEach(async () => {
  await claw?.stop();
  claw = null;
});

after(async () => {
  await shared.end();
  await Promise.all([red.close(), blue.close()]);
});

/** By a reload. */
async function start(balancing: Balancing = {}): Promise<void> {
  const servers = [
    { name: 'red', address: red.address },
    { name: 'blue', address: blue.address },
  ];
  const session_persistence = { type: 'cookie' };
  claw = await shared.take({ servers, session_persistence, ...balancing });
}

async function explain(...args: string[]) {
  const admin = `127.0.0.1:${claw!.adminPort}`;
  return await typeCommand(['lb', 'explain', ...args, '--admin', admin]);
}

async function explained(...args: string[]): Promise<Explanation> {
  const { code, stdout, stderr } = await explain(...args, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Explanation;
}

/** The candidates of one attempt: server, verdict, and whether it was taken. */
const verdicts = ({ choices }: Explanation, at: number) =>
  choices[at]!.candidates.map(({ server, verdict, isTaken }) => {
    return `${server} ${verdict}${isTaken ? ' taken' : ''}`;
  });

test('a request that was tried again tells each attempt, with what was held of every server', async () => {
  const gone = await freePort();
  await start({
    strategy: 'least_connections',
    servers: [
      { name: 'red', address: red.address },
      { name: 'gone', address: `127.0.0.1:${gone}`, weight: 256 },
      { name: 'spare', address: blue.address, backup: true },
    ],
    failover: { detection: { enabled: false } },
  });
  red.on('/work', answerOk);
  const work = async (lines = '') => {
    await (await claw!.send(`GET /work HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)).response();
    // The other worker may be asked next, and sooner than this one has counted the request as done.
    await claw!.untilIdle();
  };
  await work('X-Request-Id: mine\r\n');
  await work('X-Request-Id: other\r\n');
  const ids = await until('a request that met the server that is gone', async () => {
    await work();
    return claw!.log().find((line) => line.event === 'request' && line.attempts === 2);
  });
  const told = await explained(ids.requestId);
  assert.equal(told.request, 'GET /work');
  assert.deepEqual([told.status, told.failure, told.choices.length], [200, '', 2]);
  assert.equal(told.choices[0]!.outcome, 'connect_refused');
  assert.equal(told.choices[1]!.outcome, 'status 200');
  assert.deepEqual(verdicts(told, 0), ['red usable', 'gone usable taken', 'spare standby']);
  assert.deepEqual(verdicts(told, 1), ['red usable taken', 'gone tried', 'spare standby']);
  assert.ok(told.choices[1]!.atMs >= told.choices[0]!.endAfterMs);
  assert.ok(told.choices[1]!.endAfterMs >= told.choices[1]!.sentAfterMs);
  assert.deepEqual(
    told.choices[0]!.candidates.map(({ inFlight }) => inFlight),
    [0, 0, 0],
  );
  const mine = await explained('mine');
  assert.equal(mine.requestId, 'mine');
  const { stdout } = await explain(ids.requestId);
  assert.match(stdout, /attempt 2, after .*: red: the fewest requests in flight/);
  assert.match(stdout, /gone +tried .* this request was already sent there/);
});

test('a client that belongs to a server goes there, and it is told why, or why not', async () => {
  await start();
  for (const server of [red, blue]) server.on('/bound', (peer) => void peer.send(okWith('fine')));
  const response = await fetch(`${claw!.url}/bound`);
  const cookie = response.headers.get('set-cookie')!.split(';')[0]!;
  const own = (await claw!.logged('/bound')).server;
  const told = await explained('--header', `Cookie: ${cookie}`);
  assert.deepEqual(told.session, { server: own, result: 'the client is bound to it' });
  assert.equal(told.choices[0]!.server, own);
  assert.equal(told.choices[0]!.because, 'the client is bound to it');
  const path = `http://127.0.0.1:${claw!.adminPort}/servers/${own}/disable`;
  assert.equal((await fetch(path, { method: 'POST' })).status, 200);
  const other = await explained('--header', `Cookie: ${cookie}`);
  assert.equal(other.session!.server, own);
  assert.match(other.session!.result, /cannot be kept: an operator took it out/);
  assert.notEqual(other.choices[0]!.server, own);
});

test('a made-up request goes through the rules and to no server', async () => {
  await start();
  red.lines.length = 0;
  blue.lines.length = 0;
  const attempts = async () => (await claw!.status()).pools[0]!.servers[0]!.attempts;
  const attemptsBefore = await attempts();
  const refused = await explained('--method', 'CONNECT');
  assert.deepEqual(refused.rules.at(-1), { name: 'admit', result: 'answered: method_not_allowed' });
  assert.deepEqual(refused.choices, []);
  const fine = await explained('--path', '/cart?x=1', '--client', '2001:db8::7');
  assert.equal(fine.request, 'GET /cart?x=1');
  assert.equal(fine.client, '2001:db8::7');
  assert.equal(fine.choices.length, 1);
  assert.deepEqual([...red.lines, ...blue.lines], []);
  assert.equal((await claw!.status()).inFlight, 0);
  assert.equal(await attempts(), attemptsBefore);
});

test('a tunnel is explained while it goes on', async () => {
  await start();
  for (const server of [red, blue]) {
    server.on('/toy', async (peer) => {
      peer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: toy\r\n\r\n');
      await peer.gone();
    });
  }
  const upgrade = 'Connection: Upgrade\r\nUpgrade: toy\r\nX-Request-Id: toy-1\r\n';
  const client = await claw!.send(`GET /toy HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`);
  await client.head();
  const told = await explained('toy-1');
  assert.deepEqual([told.isOver, told.status, told.request], [false, 101, 'GET /toy']);
  assert.match((await explain('toy-1')).stdout, /goes on +status 101, for .* so far/);
  client.close();
  await claw!.untilIdle();
  assert.equal((await explained('toy-1')).isOver, true);
});

test('where no server can take a request each says why', async () => {
  await start();
  for (const name of ['red', 'blue']) {
    const action = name === 'red' ? 'disable' : 'drain';
    const path = `http://127.0.0.1:${claw!.adminPort}/servers/${name}/${action}?force=true`;
    await fetch(path, { method: 'POST' });
  }
  const response = await fetch(`${claw!.url}/for-nobody`);
  assert.equal(response.status, 503);
  const told = await explained((await claw!.logged('/for-nobody')).requestId);
  assert.deepEqual([told.status, told.failure], [503, 'no_server']);
  assert.deepEqual(verdicts(told, 0), ['red maintenance', 'blue draining']);
  const { stdout } = await explain();
  assert.match(stdout, /would go to no server: no server can take a request/);
});

test('what is not known or not possible is refused with what is', async () => {
  await start();
  assert.match((await explain('nobody-knows')).stderr, /no worker remembers this request/);
  assert.match((await explain('--client', 'me')).stderr, /client must be an IP address/);
  assert.match((await explain('--header', 'nonsense')).stderr, /a header must be Name:value/);
  const both = await explain('an-id', '--path', '/');
  assert.deepEqual([both.code, /not both/.test(both.stderr)], [2, true]);
  assert.match(
    (await explain('--header', 'Host: a', '--header', 'Host: b')).stderr,
    /refused before any rule/,
  );
});
