/** Traces, the access log, and metrics that are switched while it runs. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Message, Openclaw, okWith, Peer, ScriptedServer, until } from './harness.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const NEW_PARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/;

let server: ScriptedServer;
let openclaw: Openclaw;
const heads: Message[] = [];

before(async () => {
  server = await ScriptedServer.listen();
  server.on('/', (peer, head) => {
    heads.push(head);
    peer.send(okWith('fine'));
  });
  openclaw = await Openclaw.start({ servers: [server.address], monitoring: { tracing: {} } });
});

after(async () => {
  try {
    await openclaw.stop();
  } finally {
    await server.close();
  }
});

/** What the server gets of a request with these header lines. */
async function seenByServer(lines: string, target = '/'): Promise<Message> {
  const peer = await openclaw.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  assert.equal((await peer.response()).status, 200);
  peer.close();
  return heads.at(-1)!;
}

function logLines(file: string): { event: string; level: string; request?: string }[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8').trim();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line));
}

/** Writes other settings into the file; nothing reads it yet. */
function configure(change: (settings: Record<string, Record<string, unknown>>) => void): void {
  const file = join(openclaw.folder, 'openclaw.yml');
  const settings = JSON.parse(readFileSync(file, 'utf8'));
  change(settings);
  writeFileSync(file, JSON.stringify(settings, null, 2));
}

async function admin(method: string, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${openclaw.adminPort}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

test('a trace goes on to the server as it came, its state with it, and stands in the log', async () => {
  const { headers } = await seenByServer(`traceparent: ${PARENT}\r\ntracestate: a=1\r\n`);
  assert.deepEqual(headers.traceparent, [PARENT]);
  assert.deepEqual(headers.tracestate, ['a=1']);
  await until('its line', () => openclaw.log().find((line) => line.trace_id === TRACE));
});

test('where there is no trace one begins, and the log says which', async () => {
  const { headers } = await seenByServer('');
  assert.equal(headers.traceparent!.length, 1);
  const id = NEW_PARENT.exec(headers.traceparent![0]!)![1];
  await until('its line', () => openclaw.log().find((line) => line.trace_id === id));
});

test('a trace that is not valid is replaced, and its state goes no further', async () => {
  const bad = PARENT.replace('-01', '-1');
  const { headers } = await seenByServer(`traceparent: ${bad}\r\ntracestate: a=1\r\n`);
  assert.match(headers.traceparent!.join(), NEW_PARENT);
  assert.notEqual(NEW_PARENT.exec(headers.traceparent![0]!)![1], TRACE);
  assert.equal(headers.tracestate, undefined);
});

test('the log says what a refused request asked for, not what the one before it did', async () => {
  const peer = await openclaw.send('GET /?first HTTP/1.1\r\nHost: a\r\n\r\n');
  await peer.response();
  peer.send('CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n');
  assert.equal((await peer.response()).status, 405);
  peer.close();
  const isRefusal = ({ status }: { status: number }) => status === 405;
  const line = await until('the refusal', () => openclaw.log().find(isRefusal));
  assert.equal(line.request, 'CONNECT b:1');
});

test('the busiest clients are known by their address', async () => {
  const from = async (localAddress: string, times: number) => {
    for (let time = 0; time < times; time++) {
      const peer = await Peer.connect({ host: '127.0.0.1', port: openclaw.port, localAddress });
      await peer.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').response();
      peer.close();
    }
  };
  await from('127.0.0.9', 30);
  await from('127.0.0.8', 20);
  const stats = await until('both of them', async () => {
    const { clients } = JSON.parse((await admin('GET', '/stats')).text);
    return clients[1]?.requests === 20 ? clients : undefined;
  });
  assert.deepEqual(
    stats.slice(0, 2).map(({ address, requests, errors }: never) => [address, requests, errors]),
    [
      ['127.0.0.9', 30, 0],
      ['127.0.0.8', 20, 0],
    ],
  );
  assert.equal(stats[0].bytes, 30 * 'fine'.length);
});

test('access, level and file of the log follow a reload, and the plan says so', async () => {
  const [first, second] = ['openclaw.log', 'other/second.log'].map((name) =>
    join(openclaw.folder, name),
  );
  configure(({ log }) => Object.assign(log!, { file: second, level: 'info', access: 'errors' }));
  const plan = JSON.parse((await admin('GET', '/config/plan')).text);
  assert.deepEqual(plan.impact.needRestart, []);
  assert.equal(plan.changes.length, 3);
  await seenByServer('', '/?before');
  assert.equal((await admin('POST', '/config/reload')).status, 200);
  const requests = () => logLines(second!).filter(({ event }) => event === 'request');
  await until('the reload in the new file', () =>
    logLines(second!).find(({ event }) => event === 'reloaded'),
  );
  const before = logLines(first!);
  assert.ok(before.some(({ request }) => request === 'GET /?before'));
  await seenByServer('');
  const peer = await openclaw.send('CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n');
  await peer.response();
  peer.close();
  // Lines come in order: had the good request been written it would stand before.
  await until('the one that was refused', () => requests().length === 1);
  assert.equal(logLines(first!).length, before.length, 'nothing more goes into the first');

  configure(({ log }) => Object.assign(log!, { level: 'warn', access: 'all' }));
  await admin('POST', '/config/reload');
  const count = logLines(second!).length;
  await seenByServer('');
  configure(({ log }) => Object.assign(log!, { level: 'debug' }));
  await admin('POST', '/config/reload');
  await seenByServer('');
  await until('the last request', () => requests().length === 2);
  const events = logLines(second!)
    .slice(count)
    .map(({ event }) => event)
    // Of a machine whose limit of descriptors is low.
    .filter((event) => event !== 'connections_bounded');
  assert.deepEqual(events, ['reloaded', 'request'], 'at level warn no line of a good request');
});

test('a log that cannot be opened refuses the reload and changes nothing', async () => {
  const blocked = join(openclaw.folder, 'openclaw.yml', 'no-folder.log');
  configure(({ log }) => Object.assign(log!, { file: blocked }));
  const { status, text } = await admin('POST', '/config/reload');
  assert.equal(status, 422);
  assert.match(text, /cannot write the log .*no-folder\.log: .*Set another file in log\.file/);
  configure(({ log }) => Object.assign(log!, { file: join(openclaw.folder, 'openclaw.log') }));
  assert.equal((await admin('POST', '/config/reload')).status, 200);
  assert.match(openclaw.output.stderr, /no-folder\.log/);
  openclaw.output.stderr = '';
});

test('a log that was moved away is begun anew at SIGHUP, though the file has errors', async () => {
  const log = join(openclaw.folder, 'openclaw.log');
  configure((settings) => Object.assign(settings, { no_such_setting: {} }));
  try {
    renameSync(log, `${log}.aside`);
    openclaw.child.kill('SIGHUP');
    await until('the refusal in the new log', () =>
      logLines(log).find(({ event }) => event === 'reload_failed'),
    );
    // Until then lines may still have gone to the old one.
    const aside = readFileSync(`${log}.aside`, 'utf8');
    await seenByServer('', '/?anew');
    await until('a request in the new log', () =>
      logLines(log).find(({ request }) => request === 'GET /?anew'),
    );
    assert.equal(readFileSync(`${log}.aside`, 'utf8'), aside);
  } finally {
    configure((settings) => void delete settings.no_such_setting);
    openclaw.output.stderr = '';
  }
});

test('metrics that are off are not offered, and monitoring that is off counts nothing', async () => {
  assert.equal((await admin('GET', '/metrics')).status, 200);
  configure(({ load_balancing }) => {
    load_balancing!.monitoring = { metrics: { enabled: false } };
  });
  await admin('POST', '/config/reload');
  const { status, text } = await admin('GET', '/metrics');
  assert.equal(status, 404);
  assert.match(text, /load_balancing\.monitoring\.metrics/);

  configure(({ load_balancing }) => {
    load_balancing!.monitoring = { enabled: false };
  });
  await admin('POST', '/config/reload');
  const { requests } = await openclaw.status();
  const { headers } = await seenByServer('');
  assert.equal(headers.traceparent, undefined, 'no trace begins');
  const after = await openclaw.status();
  assert.equal(after.requests, requests);
  assert.equal(after.isMonitored, false);
});
