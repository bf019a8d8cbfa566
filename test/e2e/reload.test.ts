/** Reloads under load: nothing that is under way may notice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fetch } from 'undici';
import { parse, stringify } from 'yaml';
import { freePort, type Openclaw, until } from './harness.ts';
import { Load } from './reload/load.ts';
import { ReloadRun } from './reload/run.ts';

const RELOADS = 30;
let run: ReloadRun;
let openclaw: Openclaw;
let addresses: readonly string[];

before(async () => {
  run = await ReloadRun.start(5);
  ({ openclaw, addresses } = run);
});

after(() => run.stop());

/** Writes another configuration. */
function configure(change: (balancing: Record<string, unknown>) => void): void {
  const file = join(openclaw.folder, 'openclaw.yml');
  const settings = parse(readFileSync(file, 'utf8'));
  change(settings.load_balancing);
  writeFileSync(file, stringify(settings));
}

async function admin(method: string, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${openclaw.adminPort}${path}`, { method });
  return { status: response.status, body: await response.json() };
}

test('reloads under load: no request fails, no WebSocket closes, no upload breaks', async () => {
  const load = new Load(openclaw.url, {
    keptAliveClients: 3,
    newConnectionClients: 1,
    uploads: 1,
    webSockets: 4,
  });
  await load.begun();
  for (let round = 0; round < RELOADS; round++) {
    await run.reload();
    await load.echo(`round ${round}`);
  }
  const { failures, uploads } = await load.stop();
  assert.deepEqual(failures, {});
  assert.ok(uploads > 0);
  await openclaw.untilIdle();
});

test('a changed weight keeps the connections to its server', async (context) => {
  const opened = new Set<Socket>();
  const server = createServer((_, response) => response.end('5'));
  server.on('connection', (socket) => opened.add(socket)).listen(0, '127.0.0.1');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const weight of [1, 2, 3]) {
    configure((balancing) => {
      balancing.listen = `127.0.0.1:${openclaw.port}`;
      balancing.strategy = 'weighted_round_robin';
      balancing.servers = [{ address, weight }];
      balancing.performance = {};
      balancing.health_check = { enabled: false };
    });
    assert.equal((await admin('POST', '/config/reload')).status, 200);
    for (let count = 0; count < 20; count++) {
      assert.equal(await (await fetch(openclaw.url)).text(), '5');
    }
  }
  // One for each worker at most, however the clients' connections fell.
  assert.ok(opened.size <= 2, `${opened.size} connections`);
  configure((balancing) => {
    balancing.strategy = 'round_robin';
    balancing.servers = addresses.slice(0, 3);
  });
  assert.equal((await admin('POST', '/config/reload')).status, 200);
});

test('an invalid file changes nothing and says why', async () => {
  configure((balancing) => {
    balancing.strategy = 'least_conections';
  });
  const { status, body } = await admin('POST', '/config/reload');
  assert.equal(status, 422);
  assert.match((body as { help: string }).help, /did you mean "least_connections"/);
  assert.equal(await (await fetch(openclaw.url, { method: 'POST', body: 'hello' })).text(), '5');
  // Said on standard error as well, where whoever sent a SIGHUP looks.
  await until('the reason on standard error', () =>
    openclaw.output.stderr.includes('did you mean'),
  );
  openclaw.output.stderr = '';
  configure((balancing) => {
    balancing.strategy = 'round_robin';
  });
});

test('a listener that cannot be opened changes nothing', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = (other.address() as AddressInfo).port;
  const mine = `127.0.0.1:${openclaw.port}`;
  configure((balancing) => {
    balancing.listen = [mine, `127.0.0.1:${taken}`];
  });
  const { status, body } = await admin('POST', '/config/reload');
  assert.equal(status, 422);
  assert.match((body as { help: string }).help, /another program is already listening there/);
  assert.deepEqual((await openclaw.status()).listeners, [openclaw.url]);
  openclaw.output.stderr = '';
  other.close();
});

test('a listener joins and leaves without touching the other', async () => {
  const mine = `127.0.0.1:${openclaw.port}`;
  const port = await freePort();
  configure((balancing) => {
    balancing.listen = [mine, `127.0.0.1:${port}`];
  });
  assert.equal((await admin('POST', '/config/reload')).status, 200);
  const other = `http://127.0.0.1:${port}`;
  assert.equal(await (await fetch(other, { method: 'POST', body: 'hello' })).text(), '5');
  configure((balancing) => {
    balancing.listen = mine;
  });
  assert.equal((await admin('POST', '/config/reload')).status, 200);
  // The kept-alive connection to it may serve once more, but says that it closes.
  await until('the listener is gone', () =>
    fetch(other)
      .then((response) => response.text())
      .then(
        () => false,
        () => true,
      ),
  );
  assert.equal(await (await fetch(openclaw.url, { method: 'POST', body: 'hello' })).text(), '5');
});

test('a plan says what a reload would do and does nothing', async () => {
  configure((balancing) => {
    balancing.servers = [addresses[0], addresses[2]];
  });
  const { body } = await admin('GET', '/config/plan');
  const { impact } = body as { impact: { joining: string[]; leaving: string[] } };
  const running = (await openclaw.status()).pools[0]!.servers.map((server) => server.name);
  assert.deepEqual(
    impact.leaving,
    running.filter((name) => name === addresses[1]),
  );
  assert.deepEqual(impact.joining, running.includes(addresses[2]!) ? [] : [addresses[2]]);
});

test('a reload that nobody confirms is taken back', async () => {
  const before = (await openclaw.status()).pools[0]!.strategy;
  configure((balancing) => {
    balancing.strategy = before === 'random' ? 'round_robin' : 'random';
  });
  assert.equal((await admin('POST', '/config/reload?confirm=100ms')).status, 200);
  await until('the strategy is back', async () => {
    return (await openclaw.status()).pools[0]!.strategy === before;
  });
  // It is said after it was done.
  await until('it is told', () =>
    openclaw.output.stderr.includes('the previous configuration is back'),
  );
  openclaw.output.stderr = '';
});
