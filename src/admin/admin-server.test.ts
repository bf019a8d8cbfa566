import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseConfig } from '../config/load.ts';
import { impactOf } from '../control/operate/impact.ts';
import { Instance } from '../control/operate/instance.ts';
import { NO_LOG } from '../control/operate/no-log.fixture.ts';
import { AdminServer } from './admin-server.ts';

const TOKEN = 'a-token-of-some-length';
const CONFIG = `
load_balancing:
  servers:
    - {address: "127.0.0.1:1", name: red}
    - "127.0.0.1:2"
  monitoring:
    alerts:
      channels:
        - {type: webhook, url: "http://127.0.0.1:9/hidden", headers: {x-key: hidden}}
admin:
  token: ${TOKEN}-hidden
`;

/** An instance without traffic, and its admin API on a free port. */
async function open(context: TestContext, token = '') {
  const { settings, problems } = parseConfig(CONFIG, { file: 'test', env: {} });
  assert.ok(settings !== undefined, JSON.stringify(problems));
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  const instance = new Instance(settings, NO_LOG, folder);
  context.after(() => rmSync(folder, { recursive: true }));
  const admin = new AdminServer({ instance, token });
  const port = await admin.listen({ host: '127.0.0.1', port: 0 });
  context.after(() => {
    admin.close();
    instance.observer.stop();
  });
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    askAt({ host: '127.0.0.1', port }, method, path, headers);
  return { instance, admin, port, ask };
}

function askAt(
  where: { host: string; port: number } | { socketPath: string },
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; json: () => Record<string, never> }> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode!, text, json: () => JSON.parse(text) });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

const adminOf = (text: string, name: string) =>
  JSON.parse(text).pools[0].servers.find((one: { name: string }) => one.name === name).admin;

test('servers are drained, disabled and enabled by POST, and by nothing else', async (context) => {
  const { ask } = await open(context);
  assert.equal((await ask('GET', '/servers/red/drain')).status, 405);
  assert.equal(adminOf((await ask('GET', '/status')).text, 'red'), 'active');
  assert.equal((await ask('POST', '/servers/red/drain')).status, 200);
  assert.equal(adminOf((await ask('GET', '/status')).text, 'red'), 'draining');
  assert.equal((await ask('POST', '/servers/127.0.0.1%3A2/disable?force=true')).status, 200);
  assert.equal(adminOf((await ask('GET', '/status')).text, '127.0.0.1:2'), 'maintenance');
  assert.equal((await ask('POST', '/servers/red/enable')).status, 200);
  assert.equal(adminOf((await ask('GET', '/status')).text, 'red'), 'active');
});

test('the last server that works is taken out only by force', async (context) => {
  const { ask } = await open(context);
  assert.equal((await ask('POST', '/servers/red/disable')).status, 200);
  for (const action of ['disable', 'drain', 'drain?timeout=5m', 'weight?to=0']) {
    const { status, text } = await ask('POST', `/servers/127.0.0.1:2/${action}`);
    assert.deepEqual([status, JSON.parse(text).error], [409, 'last_server'], action);
    assert.match(text, /127\.0\.0\.1:2 is the last server that works.*503.*--force/);
  }
  assert.equal(adminOf((await ask('GET', '/status')).text, '127.0.0.1:2'), 'active');
  assert.equal((await ask('POST', '/servers/127.0.0.1:2/weight?to=4')).status, 200);
  assert.equal((await ask('POST', '/servers/127.0.0.1:2/disable?force=true')).status, 200);
  assert.equal(adminOf((await ask('GET', '/status')).text, '127.0.0.1:2'), 'maintenance');
});

test('a reload that leaves no server that works says so beforehand', async (context) => {
  const { instance, ask } = await open(context);
  await ask('POST', '/servers/red/disable');
  const leavesNoServer = (addresses: string[]) => {
    const text = CONFIG.replace(/servers:(\n {4}- .*)+/, `servers: ${JSON.stringify(addresses)}`);
    const next = parseConfig(text, { file: 'test', env: {} }).settings!;
    return impactOf(instance, next, []).leavesNoServer;
  };
  assert.equal(leavesNoServer(['127.0.0.1:1', '127.0.0.1:2']), false);
  assert.equal(leavesNoServer(['127.0.0.1:1', '127.0.0.1:3']), false, 'a new one is trusted');
  assert.equal(leavesNoServer(['127.0.0.1:1']), true);
});

test("a weight is set, shown as the operator's, and taken back", async (context) => {
  const { ask } = await open(context);
  const weightOf = async () => {
    const { pools } = JSON.parse((await ask('GET', '/status')).text);
    const { weight, weightIsOperators } = pools[0].servers[0];
    return [weight, weightIsOperators];
  };
  const { text } = await ask('POST', '/servers/red/weight?to=7');
  assert.match(text, /round_robin ignores all weights except 0/);
  assert.deepEqual(await weightOf(), [7, true]);
  assert.equal((await ask('POST', '/servers/red/weight?to=default')).status, 200);
  assert.deepEqual(await weightOf(), [1, false]);
  for (const to of ['', '-1', '257', '1.5', 'heavy']) {
    assert.equal((await ask('POST', `/servers/red/weight?to=${to}`)).status, 400, to);
  }
  assert.equal((await ask('POST', '/servers/red/drain?timeout=5')).status, 400);
  assert.equal((await ask('POST', '/servers/red/drain?timeout=8d')).status, 400);
});

test('what is not known is refused with what is', async (context) => {
  const { ask } = await open(context);
  const server = await ask('POST', '/servers/pink/drain');
  assert.equal(server.status, 404);
  assert.match(server.text, /there is no server \\"pink\\"; there are red, 127\.0\.0\.1:2/);
  const action = await ask('POST', '/servers/red/toString');
  assert.equal(action.status, 404);
  assert.match(action.text, /one of drain, disable, enable, weight/);
  assert.match((await ask('GET', '/nothing')).text, /GET \/status/);
});

test('a page of another site changes nothing', async (context) => {
  const { ask, port } = await open(context);
  const foreign = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
  ];
  for (const headers of foreign) {
    const { status, json } = await ask('POST', '/servers/red/drain', headers as never);
    assert.deepEqual([status, json().error], [403, 'cross_site'], JSON.stringify(headers));
  }
  assert.equal(adminOf((await ask('GET', '/status')).text, 'red'), 'active');
  const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' };
  assert.equal((await ask('POST', '/servers/red/drain', own)).status, 200);
});

test('dns-rebinding: without a token only names of this machine are answered', async (context) => {
  const { ask, port } = await open(context);
  for (const host of [`evil.example:${port}`, '127.evil.example', 'localhost.evil.example']) {
    const { status, json } = await ask('GET', '/status', { host });
    assert.deepEqual([status, json().error], [403, 'host_not_loopback'], host);
  }
  for (const host of [`localhost:${port}`, '127.0.0.1', `[::1]:${port}`]) {
    assert.equal((await ask('GET', '/status', { host })).status, 200, host);
  }
});

test('with a token nothing is told without it', async (context) => {
  const { ask } = await open(context, TOKEN);
  for (const path of [
    '/status',
    '/metrics',
    '/config',
    '/errors',
    '/history',
    '/stats',
    '/alerts',
  ]) {
    assert.equal((await ask('GET', path)).status, 401, path);
    assert.equal((await ask('GET', path, { authorization: 'Bearer wrong' })).status, 401, path);
    const right = await ask('GET', path, { authorization: `Bearer ${TOKEN}`, host: 'lb.example' });
    assert.equal(right.status, 200, path);
  }
  assert.equal((await ask('POST', '/servers/red/drain')).status, 401);
  assert.equal((await ask('GET', '/livez')).status, 200);
});

test('the effective configuration shows no secret', async (context) => {
  const { ask } = await open(context);
  const { text, json } = await ask('GET', '/config');
  assert.doesNotMatch(text, /hidden/);
  const config = json() as never as { load_balancing: { timeout: { connect: string } } };
  assert.equal(config.load_balancing.timeout.connect, '5s', 'durations are spelt as in the file');
});

test('metrics, history and stats answer', async (context) => {
  const { ask, instance } = await open(context);
  instance.observer.tick(Date.now() + 1000);
  assert.match((await ask('GET', '/metrics')).text, /^openclaw_server_up\{.*server="red"\} 1$/m);
  const { samples } = (await ask('GET', '/history')).json() as never as { samples: number[][] };
  assert.equal(samples[0]!.length, 1);
  assert.match((await ask('GET', '/stats')).text, /"connections"/);
});

test('alerts are silenced for a time and tested on each channel', async (context) => {
  const { ask, instance } = await open(context);
  assert.equal((await ask('POST', '/alerts/silence?for=soon')).status, 400);
  assert.equal((await ask('POST', '/alerts/silence?for=1h')).status, 200);
  assert.ok(instance.observer.alerts().silentUntilMs > Date.now());
  const { channels } = (await ask('POST', '/alerts/test')).json() as never as {
    channels: { channel: string; error: string }[];
  };
  assert.equal(channels[0]!.channel, 'webhook');
  assert.notEqual(channels[0]!.error, '');
});

test('the unix socket is for its owner alone, needs no token, and goes with the server', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const { admin } = await open(context, TOKEN);
  const socketPath = join(folder, 'run', 'openclaw.sock');
  await admin.listenUnix(socketPath);
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  assert.equal((await askAt({ socketPath }, 'GET', '/status')).status, 200);
  admin.close();
  assert.equal(statSync(socketPath, { throwIfNoEntry: false }), undefined);
});

test('a target that is no path is answered 400 after the guard, and leaves no line', async (context) => {
  const guarded = await open(context, TOKEN);
  const lines = context.mock.method(guarded.instance.log, 'error', () => {}).mock;
  const targets = ['//[', '/%zz', '/servers/%ff/drain', '/\\', '*', 'http://[/x'];
  for (const target of targets) {
    assert.equal(await statusOf(guarded.port, target), 401, target);
    const status = await statusOf(guarded.port, target, `authorization: Bearer ${TOKEN}\r\n`);
    assert.equal(status, 400, target);
  }
  for (const target of ['/status', 'http://127.0.0.1/status', '/status?since=%zz', '/%73tatus']) {
    const status = await statusOf(guarded.port, target, `authorization: Bearer ${TOKEN}\r\n`);
    assert.equal(status, 200, target);
  }
  assert.equal(lines.callCount(), 0);
});

/** As it stands, which no client library sends. */
async function statusOf(port: number, target: string, headers = ''): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`GET ${target} HTTP/1.1\r\nhost: localhost\r\n${headers}connection: close\r\n\r\n`);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await text(socket))?.[1]);
}

test('a route that fails again and again does not fill the log', async (context) => {
  const { ask, instance } = await open(context);
  context.mock.method(instance, 'status', () => {
    throw new Error('a fault of ours');
  });
  const lines = context.mock.method(instance.log, 'error', () => {}).mock;
  for (let nth = 0; nth < 5; nth++) assert.equal((await ask('GET', '/status')).status, 500);
  assert.equal(lines.callCount(), 1);
});
