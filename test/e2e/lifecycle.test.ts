/** How openclaw starts, refuses to start, and ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { selfSigned } from './certificates.ts';
import {
  freePort,
  MAIN,
  newFolder,
  Openclaw,
  okWith,
  Peer,
  runOpenclaw,
  ScriptedServer,
  until,
} from './harness.ts';
import { IO_UNDER_TEST } from './io-under-test.ts';

let server: ScriptedServer;
/** Has a port that is taken. */
let other: ScriptedServer;

before(async () => {
  server = await ScriptedServer.listen();
  other = await ScriptedServer.listen();
});

after(async () => {
  await server.close();
  await other.close();
});

const HOST = 'Host: a.example\r\n';
const WAITING = 30;
const files = selfSigned(newFolder(), 'localhost', ['DNS:localhost']);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} finishes what is in flight, closes what is idle, and exits with 0`, async () => {
    const gate = Promise.withResolvers<void>();
    const path = `/in-flight-${signal}`;
    server.on(path, async (peer) => {
      await gate.promise;
      peer.send(okWith('finished'));
    });
    const openclaw = await Openclaw.start({ servers: [server.address] }, { workers: 2 });
    const idle = await openclaw.send(`GET /idle HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await idle.response()).text, '/idle');
    const fresh = await openclaw.connect();
    const busy = await openclaw.send(
      `GET ${path} HTTP/1.1\r\n${HOST}\r\nGET /pipelined HTTP/1.1\r\n${HOST}\r\n`,
    );
    await until('it is at the server', () => server.requestsFor(path) === 1);

    const stopped = openclaw.stop(signal);
    await Promise.all([idle.ended(), fresh.ended()]);
    await assert.rejects(Peer.connect({ host: '127.0.0.1', port: openclaw.port }), {
      code: 'ECONNREFUSED',
    });
    gate.resolve();
    const response = await busy.response();
    assert.equal(response.text, 'finished');
    assert.deepEqual(response.headers.connection, ['close']);
    await busy.ended();
    await stopped;
    assert.equal(openclaw.child.exitCode, 0);
  });
}

/** Holds the admin API back, which opens last, for as long as the file lies there. */
function holding(adminPort: number, file: string): string {
  return `
    const { isMainThread } = require('node:worker_threads');
    const { existsSync } = require('node:fs');
    const net = require('node:net');
    const listen = net.Server.prototype.listen;
    if (isMainThread) net.Server.prototype.listen = function (...args) {
      if (args[0]?.port !== ${adminPort}) return listen.apply(this, args);
      const timer = setInterval(() => {
        if (existsSync(${JSON.stringify(file)})) return;
        clearInterval(timer);
        listen.apply(this, args);
      }, 10);
      return this;
    };`;
}

test('signals that come before it is up end nothing that was accepted, and are obeyed then', async (t) => {
  const folder = newFolder();
  const [port, adminPort] = [await freePort(), await freePort()];
  const [config, held, preload] = ['openclaw.yml', 'held', 'preload.cjs'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(held, '');
  writeFileSync(preload, holding(adminPort, held));
  const load_balancing = {
    listen: `127.0.0.1:${port}`,
    servers: [server.address],
    ...IO_UNDER_TEST,
  };
  const admin = { listen: `127.0.0.1:${adminPort}`, socket: join(folder, 'admin.sock') };
  writeFileSync(config, JSON.stringify({ load_balancing, admin }));
  const gate = Promise.withResolvers<void>();
  server.on('/early', async (peer) => {
    await gate.promise;
    peer.send(okWith('drained'));
  });
  const args = ['--require', preload, MAIN, 'start', '--config', config, '--workers', '1'];
  const env = { PATH: process.env.PATH, HOME: folder, OPENCLAW_STATE: folder };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const connected: Peer[] = [];
  const client = await until('it is at the server', async () => {
    // A client that comes while openclaw makes sure that nobody else has the port is reset.
    if (connected.at(-1)?.isClosed !== false) {
      const next = await Peer.connect({ host: '127.0.0.1', port }).catch(() => undefined);
      if (next !== undefined) connected.push(next.send(`GET /early HTTP/1.1\r\n${HOST}\r\n`));
    }
    return server.requestsFor('/early') === 1 && connected.at(-1);
  });
  assert.ok(connected.length <= 2, 'once is enough to make sure of a port');
  child.kill('SIGHUP');
  child.kill('SIGTERM');
  rmSync(held);
  await until('it drains', () => stdout.includes('again to stop at once'));
  gate.resolve();
  assert.equal((await client.response()).text, 'drained');
  client.close();
  await until('it has ended', () => child.exitCode !== null || child.signalCode !== null);
  assert.deepEqual([child.exitCode, child.signalCode], [0, null]);
});

for (const security of [{}, { tls: files }]) {
  const scheme = 'tls' in security ? 'https' : 'http';
  test(`who waits to be accepted when the end comes is served: ${scheme}`, async () => {
    const openclaw = await Openclaw.start({ servers: [server.address], security });
    openclaw.child.kill('SIGSTOP');
    // The kernel accepts in its place.
    const waiting = Array.from({ length: WAITING }, async () => {
      const peer = await openclaw.connect();
      if (scheme === 'http') return peer;
      const options = { socket: peer.socket, rejectUnauthorized: false };
      return new Peer(tls.connect(options));
    });
    const clients = await Promise.all(waiting);
    for (const client of clients) client.send(`GET /waiting HTTP/1.1\r\n${HOST}\r\n`);
    openclaw.child.kill('SIGTERM');
    openclaw.child.kill('SIGCONT');
    for (const client of clients) assert.equal((await client.response()).text, '/waiting');
    for (const client of clients) client.close();
    await until('it has ended', () => openclaw.child.exitCode !== null);
    await openclaw.stop();
  });
}

test('a second signal ends at once', async () => {
  server.on('/hanging', async (peer) => {
    await peer.gone();
  });
  const openclaw = await Openclaw.start({ servers: [server.address] });
  const client = await openclaw.send(`GET /hanging HTTP/1.1\r\n${HOST}\r\n`);
  await until('it is at the server', () => server.requestsFor('/hanging') === 1);
  openclaw.child.kill('SIGINT');
  await until('it is ending', () => openclaw.output.stdout.includes('again to stop at once'));
  openclaw.child.kill('SIGINT');
  await until('it has ended', () => openclaw.child.exitCode === 1);
  client.close();
  await assert.rejects(openclaw.stop());
});

/** Starts with a configuration that cannot work and gives the message. */
async function refusal(config: string | object, env: Record<string, string> = {}): Promise<string> {
  const file = join(newFolder(), 'openclaw.yml');
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return failing(['start', '--config', file, '--workers', '2'], env);
}

async function failing(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await runOpenclaw(args, env);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.doesNotMatch(stderr, /^\s+at .*:\d+/m, 'a stack is no message');
  return stderr;
}

test('a start that cannot be ends with 1 and one clear message', async (t) => {
  const port = await freePort();
  const adminPort = await freePort();
  const admin = { listen: `127.0.0.1:${adminPort}` };
  const listen = `127.0.0.1:${port}`;
  const servers = [server.address];

  await t.test('no such file', async () => {
    const message = await failing(['start', '--config', '/no/such/openclaw.yml']);
    assert.match(message, /\/no\/such\/openclaw\.yml/);
  });
  await t.test('no file anywhere', async () => {
    assert.match(await failing(['start']), /no configuration[\s\S]*--demo/);
  });
  await t.test('a folder for a file', async () => {
    const folder = newFolder();
    assert.match(await failing(['start', '--config', folder]), /directory|folder/);
  });
  await t.test('a file that may not be read', { skip: process.getuid?.() === 0 }, async () => {
    const file = join(newFolder(), 'openclaw.yml');
    writeFileSync(file, '');
    chmodSync(file, 0);
    assert.match(await failing(['start', '--config', file]), /may not/);
  });
  await t.test('no YAML', async () => {
    assert.match(await refusal('load_balancing: [}'), /openclaw\.yml:1:/);
  });
  await t.test('a misspelt setting', async () => {
    const message = await refusal('load_balancing:\n  listn: 127.0.0.1:1\n  servers: [a:1]\n');
    assert.match(message, /openclaw\.yml:2:3[\s\S]*listn[\s\S]*listen/);
  });
  await t.test('no servers', async () => {
    assert.match(await refusal({ load_balancing: { listen, servers: [] }, admin }), /server/);
  });
  await t.test('not enabled', async () => {
    const load_balancing = { enabled: false, listen, servers };
    assert.match(await refusal({ load_balancing, admin }), /enabled/);
  });
  await t.test('a port in use', async () => {
    const load_balancing = { listen: other.address, servers };
    const message = await refusal({ load_balancing, admin });
    assert.match(message, new RegExp(`${other.address}.*another program.*load_balancing.listen`));
  });
  await t.test('a second listener whose port is in use', async () => {
    const load_balancing = { listen: [listen, other.address], servers };
    assert.match(await refusal({ load_balancing, admin }), /another program/);
  });
  await t.test('an admin port in use', async () => {
    const load_balancing = { listen, servers };
    const message = await refusal({ load_balancing, admin: { listen: other.address } });
    assert.match(message, /another program.*admin\.listen/);
  });
  await t.test('an address that this machine does not have', async () => {
    const load_balancing = { listen: `192.0.2.1:${port}`, servers };
    assert.match(await refusal({ load_balancing, admin }), /no such address/);
  });
  await t.test('a unix socket in a folder that does not exist', async () => {
    const load_balancing = { listen: 'unix:/no/such/folder/socket', servers };
    assert.match(await refusal({ load_balancing, admin }), /folder/);
  });
  await t.test('a unix socket where a file lies', async () => {
    const file = join(newFolder(), 'precious');
    writeFileSync(file, 'keep me');
    const load_balancing = { listen: `unix:${file}`, servers };
    assert.match(await refusal({ load_balancing, admin }), /precious.*not a socket/);
    assert.equal(readFileSync(file, 'utf8'), 'keep me');
  });
  await t.test('a log that cannot be written', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'log'));
    const log = { file: join(folder, 'log') };
    assert.match(await refusal({ load_balancing: { listen, servers }, admin, log }), /log/);
  });
});

test('two instances do not share a port by accident', async () => {
  const openclaw = await Openclaw.start({ servers: [server.address] }, { workers: 2 });
  const listen = `127.0.0.1:${openclaw.port}`;
  const message = await refusal({
    load_balancing: { listen, servers: [server.address] },
    admin: { listen: `127.0.0.1:${await freePort()}` },
  });
  assert.match(message, /another program is already listening/);
  await openclaw.stop();
});

test('a stale unix socket is taken over, one that is listened on is not', async () => {
  const path = join(newFolder(), 'socket');
  const servers = [server.address];
  const first = await Openclaw.start({ servers, listen: `unix:${path}` });
  const message = await refusal({
    load_balancing: { listen: `unix:${path}`, servers },
    admin: { listen: `127.0.0.1:${await freePort()}` },
  });
  assert.match(message, /another program is already listening/);
  first.child.kill('SIGKILL');
  await until('it is dead', () => first.child.signalCode === 'SIGKILL');
  const second = await Openclaw.start({ servers, listen: `unix:${path}` });
  const client = await Peer.connect({ path });
  const response = await client.send(`GET /again HTTP/1.1\r\n${HOST}\r\n`).response();
  assert.equal(response.text, '/again');
  client.close();
  await second.stop();
});
