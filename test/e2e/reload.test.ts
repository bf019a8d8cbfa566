/** Reloads under load: nothing that is under way may notice. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Agent, fetch, setGlobalDispatcher } from 'undici';
import WebSocket, { WebSocketServer } from 'ws';
import { freePort, Openclaw, until } from './harness.ts';

const RELOADS = 30;
const servers: Server[] = [];
let openclaw: Openclaw;

/** Counts a body, echoes WebSockets. */
async function startServer(): Promise<string> {
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    request.on('end', () => response.end(String(bytes)));
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (data) => socket.send(data));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let addresses: string[];

before(async () => {
  setGlobalDispatcher(new Agent({ connections: 8 }));
  addresses = await Promise.all([startServer(), startServer(), startServer()]);
  openclaw = await Openclaw.start({ servers: addresses.slice(0, 2) }, { workers: 2 });
});

after(async () => {
  await openclaw.stop();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

/** Writes another configuration. */
function configure(change: (balancing: Record<string, unknown>) => void): void {
  const file = join(openclaw.folder, 'openclaw.yml');
  const settings = JSON.parse(readFileSync(file, 'utf8'));
  change(settings.load_balancing);
  writeFileSync(file, JSON.stringify(settings, null, 2));
}

async function admin(method: string, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${openclaw.adminPort}${path}`, { method });
  return { status: response.status, body: await response.json() };
}

test('reloads under load: no request fails, no WebSocket closes, no upload breaks', async () => {
  let isOver = false;
  let answers = 0;
  const client = async (headers: Record<string, string>) => {
    while (!isOver) {
      const response = await fetch(openclaw.url, { method: 'POST', body: 'hello', headers });
      assert.equal(await response.text(), '5');
      answers += 1;
    }
  };
  const upload = async function* () {
    while (!isOver) {
      yield Buffer.alloc(1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const uploaded = fetch(openclaw.url, { method: 'POST', body: upload(), duplex: 'half' });
  const socket = new WebSocket(openclaw.url.replace('http', 'ws'));
  const closes: number[] = [];
  socket.on('close', (code) => closes.push(code));
  await new Promise((resolve) => socket.once('open', resolve));
  const clients = [client({}), client({}), client({ connection: 'close' })];

  const strategies = ['round_robin', 'least_connections', 'random', 'ip_hash'];
  for (let round = 0; round < RELOADS; round++) {
    configure((balancing) => {
      balancing.servers = round % 2 === 0 ? addresses : addresses.slice(0, 2);
      balancing.strategy = strategies[round % strategies.length];
      balancing.workers = 2;
    });
    const { status, body } = await admin('POST', '/config/reload');
    assert.equal(status, 200, JSON.stringify(body));
    const echo = new Promise((resolve) => socket.once('message', resolve));
    socket.send(`round ${round}`);
    assert.equal(String(await echo), `round ${round}`);
  }
  isOver = true;
  await Promise.all(clients);
  const response = await uploaded;
  assert.equal(response.status, 200);
  assert.ok(Number(await response.text()) >= 1000);
  assert.ok(answers > 0);
  assert.deepEqual(closes, []);
  socket.close();
  await openclaw.untilIdle();
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
  assert.match((body as { help: string }).help, /another program listens there/);
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
  openclaw.output.stderr = '';
});
