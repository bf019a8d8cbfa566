/** An upgrade: a successor takes over the sockets of the running instance. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  newFolder,
  Openclaw,
  okWith,
  Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

let server: ScriptedServer;

before(async () => {
  server = await ScriptedServer.listen();
});

/** For the tests in which the first process stays. */
const shared = new SharedOpenclaw();

after(async () => {
  await shared.end();
  await server.close();
});

const HOST = 'Host: a.example\r\n';
const get = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;

/** Processes that no test waits for otherwise. */
const successors = new Set<number>();
process.on('exit', () => {
  for (const pid of successors) process.kill(pid, 'SIGKILL');
});

interface Reply {
  pid: number;
  help: string;
}

async function upgrade(
  openclaw: Openclaw,
  drain = '10s',
): Promise<{ status: number; body: Reply }> {
  const url = `http://127.0.0.1:${openclaw.adminPort}/upgrade?drain=${drain}`;
  const response = await fetch(url, { method: 'POST', headers: { connection: 'close' } });
  const body = (await response.json()) as Reply;
  if (response.status === 200) successors.add(body.pid);
  return { status: response.status, body };
}

async function upgraded(openclaw: Openclaw, drain?: string): Promise<number> {
  const { status, body } = await upgrade(openclaw, drain);
  assert.equal(status, 200, JSON.stringify(body));
  await until('the successor answers', async () => {
    const now = await openclaw.status().catch(() => null);
    return now?.pid === body.pid;
  });
  return body.pid;
}

async function end(pid: number, openclaw: Openclaw): Promise<void> {
  successors.delete(pid);
  process.kill(pid, 'SIGTERM');
  await until('the successor has ended', () => !existsSync(`/proc/${pid}`));
  await openclaw.stop();
}

/** It may have ended before anybody waits for it. */
async function exited({ child }: Openclaw): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

test('new connections, kept ones, one under way and a tunnel: an upgrade loses none', async () => {
  const gate = Promise.withResolvers<void>();
  server.on('/under-way', async (peer) => {
    await gate.promise;
    peer.send(okWith('answered by the old one'));
  });
  const openclaw = await Openclaw.start({ servers: [server.address] }, { workers: 2 });
  const underWay = await openclaw.send(get('/under-way'));
  server.on('/tunnel', async (peer) => {
    peer.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
    peer.send(await peer.bytes(4));
  });
  const tunnel = await openclaw.send(
    `GET /tunnel HTTP/1.1\r\n${HOST}Upgrade: echo\r\nConnection: Upgrade\r\n\r\n`,
  );
  assert.equal((await tunnel.head()).status, 101);
  const kept = await openclaw.send(get('/kept'));
  assert.equal((await kept.response()).text, '/kept');

  let isOver = false;
  let answered = 0;
  const clients = [1, 2, 3, 4].map(async () => {
    while (!isOver) {
      const peer = await openclaw.send(get('/new'));
      assert.equal((await peer.response()).text, '/new');
      peer.close();
      answered += 1;
    }
  });
  await until('load', () => answered > 50);
  // The tunnel's end comes at some moment of the drain, and is not to come before it was tried.
  const pid = await upgraded(openclaw, '1h');
  const atTakeOver = answered;
  await until('load on the new one alone', () => answered > atTakeOver + 200);
  isOver = true;
  await Promise.all(clients);

  tunnel.send('ping');
  assert.equal(String(await tunnel.bytes(4)), 'ping');
  tunnel.close();
  gate.resolve();
  assert.equal((await underWay.response()).text, 'answered by the old one');
  await exited(openclaw);
  assert.equal(openclaw.child.exitCode, 0);
  const after = await openclaw.send(get('/after'));
  assert.equal((await after.response()).text, '/after');
  after.close();
  await end(pid, openclaw);
});

test('a unix socket keeps its place, and the next upgrade works as the first', async () => {
  const openclaw = await Openclaw.start({ servers: [server.address] });
  const path = join(openclaw.folder, 'lb.sock');
  const config = join(openclaw.folder, 'openclaw.yml');
  const settings = JSON.parse(readFileSync(config, 'utf8'));
  settings.load_balancing.listen = [settings.load_balancing.listen, `unix:${path}`];
  writeFileSync(config, JSON.stringify(settings));
  const drain = `http://127.0.0.1:${openclaw.adminPort}/servers/${server.address}/drain?force=true`;
  assert.equal((await fetch(drain, { method: 'POST' })).status, 200);
  const first = await upgraded(openclaw);
  const { pools } = await openclaw.status();
  assert.equal(pools[0]!.servers[0]!.admin, 'draining', 'what an operator said is handed over');
  await fetch(drain.replace('drain', 'enable'), { method: 'POST' });
  await exited(openclaw);
  const second = await upgraded(openclaw);
  successors.delete(first);
  await until('the first successor has ended', () => !existsSync(`/proc/${first}`));
  for (const where of [{ path }, { host: '127.0.0.1', port: openclaw.port }]) {
    const peer = await Peer.connect(where);
    peer.send(get('/here'));
    assert.equal((await peer.response()).text, '/here');
    peer.close();
  }
  await end(second, openclaw);
});

test('a file with errors is no reason to end: the upgrade is refused with them', async () => {
  const openclaw = await shared.take({ servers: [server.address] });
  const config = join(openclaw.folder, 'openclaw.yml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('"servers"', '"servres"'));
  const { status, body } = await upgrade(openclaw);
  assert.equal(status, 409);
  assert.match(body.help, /servres/);
  assert.equal((await openclaw.status()).pid, openclaw.child.pid);
  const peer = await openclaw.send(get('/still'));
  assert.equal((await peer.response()).text, '/still');
  peer.close();
  openclaw.output.stderr = '';
  await openclaw.stop();
});

test('a successor that fails at the admin API leaves the old one with its own', async () => {
  const openclaw = await shared.take({ servers: [server.address] });
  const config = join(openclaw.folder, 'openclaw.yml');
  const textBefore = readFileSync(config, 'utf8');
  const settings = JSON.parse(textBefore);
  settings.admin.listen = server.address;
  writeFileSync(config, JSON.stringify(settings));
  const { status, body } = await upgrade(openclaw);
  assert.equal(status, 200);
  successors.delete(body.pid);
  await until('the failure is logged', () =>
    openclaw.log().find((line) => line.event === 'upgrade_failed'),
  );
  await until('the old one answers again', async () => {
    const now = await openclaw.status().catch(() => null);
    return now?.pid === openclaw.child.pid;
  });
  const peer = await openclaw.send(get('/still'));
  assert.equal((await peer.response()).text, '/still');
  peer.close();
  openclaw.output.stderr = '';
  writeFileSync(config, textBefore);
  await openclaw.stop();
});

test('nobody starts a successor by a GET', async () => {
  const openclaw = await shared.take({ servers: [server.address] });
  const asked = request({ port: openclaw.adminPort, path: '/upgrade', agent: false }).end();
  const [response] = await once(asked, 'response');
  response.resume();
  assert.equal(response.statusCode, 405);
  await openclaw.stop();
});

test('a signal to end while a successor is on its way ends both', async () => {
  const folder = newFolder();
  const held = join(folder, 'held');
  const preload = join(folder, 'preload.cjs');
  writeFileSync(
    preload,
    `const { existsSync } = require('node:fs');
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while (existsSync(${JSON.stringify(held)})) Atomics.wait(cell, 0, 0, 20);`,
  );
  const openclaw = await Openclaw.start(
    { servers: [server.address] },
    { nodeOptions: ['--require', preload] },
  );
  writeFileSync(held, '');
  const { pid } = openclaw.child;
  openclaw.child.kill('SIGUSR2');
  const children = `/proc/${pid}/task/${pid}/children`;
  const successor = await until('it is on its way', () =>
    Number(readFileSync(children, 'utf8').split(' ')[0]),
  );
  successors.add(successor);
  openclaw.child.kill('SIGTERM');
  await until('the first ends', () => openclaw.output.stdout.includes('again to stop at once'));
  rmSync(held);
  await until('the successor has ended', () => !existsSync(`/proc/${successor}`));
  successors.delete(successor);
  await until('the first has ended', () => openclaw.child.exitCode !== null);
  await openclaw.stop();
});
