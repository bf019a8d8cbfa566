/** What is tried again, where, and what never is; and when nothing is tried at all. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, test } from 'node:test';
import { type Balancing, freePort, type Openclaw, SharedOpenclaw, until } from './harness.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server whose answer can be changed, and which remembers what it was asked. */
class Backend {
  answer: Answer = (_request, response) => response.end('fine');
  /** `METHOD path body` of each request but probes. */
  readonly asked: string[] = [];
  accepted = 0;
  probeStatus = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', () => {
      this.accepted += 1;
    });
  }

  static async listen(answer?: Answer): Promise<Backend> {
    const backend = new Backend();
    if (answer !== undefined) backend.answer = answer;
    backend.#server.listen(0, '127.0.0.1');
    await once(backend.#server, 'listening');
    backends.push(backend);
    return backend;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    try {
      for await (const piece of request) body += piece;
    } catch {
      return;
    }
    if (request.url === '/health') {
      response.writeHead(this.probeStatus).end();
      return;
    }
    this.asked.push(`${request.method} ${request.url} ${body}`.trim());
    this.answer(request, response, body);
  }
}

const backends: Backend[] = [];
let openclaw: Openclaw | null = null;
const shared = new SharedOpenclaw();
after(() => shared.end());

afterEach(async () => {
  const running = openclaw;
  openclaw = null;
  for (const backend of backends.splice(0)) backend.close();
  await running?.stop();
});

async function start(servers: (Backend | string)[], balancing: Balancing = {}): Promise<Openclaw> {
  const addresses = servers.map((one) => (typeof one === 'string' ? one : one.address));
  openclaw = await shared.take({ servers: addresses, ...balancing });
  return openclaw;
}

const status = (code: number): Answer => {
  return (_request, response) => response.writeHead(code).end(`said ${code}`);
};
const reset: Answer = (request) => request.socket.resetAndDestroy();

async function get(path = '/', init: RequestInit = {}) {
  const response = await fetch(`${openclaw!.url}${path}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test('a GET whose answer says that the server failed is tried on the other server', async () => {
  const [bad, good] = [await Backend.listen(), await Backend.listen()];
  await start([bad, good]);
  for (const code of [500, 502, 503, 504]) {
    bad.answer = status(code);
    bad.asked.length = 0;
    for (let i = 0; i < 4; i++) assert.equal((await get()).text, 'fine');
    assert.ok(bad.asked.length > 0, `${code}`);
  }
});

test('statuses that say nothing of the server are passed on', async () => {
  const servers = [await Backend.listen(), await Backend.listen()];
  await start(servers);
  for (const code of [404, 429, 501, 505]) {
    for (const server of servers) server.answer = status(code);
    assert.equal((await get()).status, code);
  }
  assert.equal(servers[0]!.asked.length + servers[1]!.asked.length, 4);
});

test('a POST that reached a server is never repeated, whatever came of it', async () => {
  const servers = [await Backend.listen(), await Backend.listen()];
  await start(servers);
  for (const answer of [status(503), reset]) {
    for (const body of ['once', '']) {
      for (const server of servers) {
        server.answer = answer;
        server.asked.length = 0;
      }
      const { status: code } = await get('/', { method: 'POST', body });
      assert.equal(code, answer === reset ? 502 : 503);
      assert.deepEqual(
        servers.flatMap(({ asked }) => asked),
        [`POST / ${body}`.trim()],
      );
    }
  }
});

test('a POST that no server has seen yet is tried on the next', async () => {
  const good = await Backend.listen();
  await start([`127.0.0.1:${await freePort()}`, good]);
  for (let i = 0; i < 4; i++) {
    assert.equal((await get('/', { method: 'POST', body: `${i}` })).text, 'fine');
  }
  assert.deepEqual(good.asked, ['POST / 0', 'POST / 1', 'POST / 2', 'POST / 3']);
});

test('a PUT is sent again whole, its body with it', async () => {
  const [bad, good] = [await Backend.listen(reset), await Backend.listen()];
  await start([bad, good]);
  const body = 'x'.repeat(10_000);
  for (let i = 0; i < 4; i++) await get('/put', { method: 'PUT', body });
  assert.ok(bad.asked.length > 0);
  for (const line of good.asked) assert.equal(line, `PUT /put ${body}`);
  assert.equal(good.asked.length, 4);
});

test('where every server answers that it failed, the client sees such an answer', async () => {
  await start([await Backend.listen(status(503)), await Backend.listen(status(503))]);
  const response = await get();
  assert.deepEqual([response.status, response.text], [503, 'said 503']);
});

test('each attempt goes to another server, and no more of them than the retries allow', async () => {
  const servers = await Promise.all([1, 2, 3, 4, 5].map(() => Backend.listen(status(503))));
  await start(servers);
  await get();
  assert.deepEqual(servers.map(({ asked }) => asked.length).sort(), [0, 0, 1, 1, 1]);
});

test('what a server had in flight when it died is tried again a few at a time, and all of it', async () => {
  const HELD = 40;
  const [dying, other] = [await Backend.listen(), await Backend.listen()];
  await start([dying, other]);
  const held: IncomingMessage[] = [];
  dying.answer = (request) => held.push(request);
  const gets = Array.from({ length: 2 * HELD }, () => get());
  await until('half of the requests are held', () => held.length === HELD);
  await until('the others are answered', () => other.asked.length === HELD);
  await until('nothing else is in flight', async () => {
    const { pools } = await openclaw!.status();
    return pools[0]!.servers.find((one) => one.address === other.address)!.inFlight === 0;
  });
  let underWay = 0;
  let most = 0;
  other.answer = (_request, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    setTimeout(() => {
      underWay -= 1;
      response.end('fine');
    }, 20);
  };
  for (const request of held) request.socket.resetAndDestroy();
  for (const response of await Promise.all(gets)) assert.equal(response.text, 'fine');
  assert.equal(other.asked.length, 2 * HELD);
  // A fifth of what is live when the first of them fails; later there is less.
  assert.ok(most <= HELD / 5, `${most} retries at a time`);
});

test('a retry budget of 0 allows no retry, and nobody waits for one', async () => {
  const servers = [await Backend.listen(reset), await Backend.listen(reset)];
  await start(servers, { failover: { retry_budget: 0 } });
  assert.equal((await get()).status, 502);
  assert.equal(servers.flatMap(({ asked }) => asked).length, 1);
});

test('with failover off there is one attempt', async () => {
  const servers = [await Backend.listen(status(503)), await Backend.listen(status(503))];
  await start(servers, { failover: { enabled: false } });
  assert.equal((await get()).status, 503);
  assert.equal(servers[0]!.asked.length + servers[1]!.asked.length, 1);
});

test('no further attempt begins once failover.timeout is over', async () => {
  const servers = [await Backend.listen(() => {}), await Backend.listen(() => {})];
  await start(servers, { timeout: { read: '200ms' }, failover: { timeout: '100ms' } });
  assert.equal((await get()).status, 504);
  assert.equal(servers[0]!.asked.length + servers[1]!.asked.length, 1);
});

test('the only server is asked again after a while, as often as the retries allow', async () => {
  let asked = 0;
  const backend = await Backend.listen((request, response) => {
    asked += 1;
    if (asked < 3) request.socket.resetAndDestroy();
    else response.end('at last');
  });
  await start([backend]);
  assert.equal((await get()).text, 'at last');
});

test('with all servers down the answer is 503 with Retry-After, and no server is connected to', async () => {
  const servers = [await Backend.listen(), await Backend.listen()];
  for (const server of servers) server.probeStatus = 500;
  const check = { interval: '1h', timeout: '5s', endpoint: '/health' };
  await start(servers, { health_check: check });
  await until('both are down', async () => {
    const { pools } = await openclaw!.status();
    return pools[0]!.servers.every((server) => server.standing === 'down');
  });
  const accepted = servers.map((server) => server.accepted);
  for (let i = 0; i < 10; i++) {
    const response = await get();
    assert.equal(response.status, 503);
    assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
    assert.match(response.text, /no_server/);
  }
  assert.deepEqual(
    servers.map((server) => server.accepted),
    accepted,
  );
  assert.deepEqual(
    servers.flatMap(({ asked }) => asked),
    [],
  );
  const changes = () => openclaw!.log().filter((line) => line.event === 'health_changed');
  await until('the log says so', () => changes().length >= 2);
  assert.deepEqual(
    changes().map(({ from, to, cause }) => ({ from, to, cause })),
    [1, 2].map(() => ({ from: 'unknown', to: 'down', cause: 'status 500, expected 200' })),
  );
});

test('without health checks every server is probed by TCP, with or without traffic', async () => {
  const port = await freePort();
  await start([`127.0.0.1:${port}`, await Backend.listen()], {
    health_check: { enabled: false },
    failover: { detection: { enabled: true, interval: '100ms', timeout: '90ms' } },
  });
  const standing = async () => (await openclaw!.status()).pools[0]!.servers[0]!.standing;
  await until('it is down', async () => (await standing()) === 'down');
  const server = createServer().listen(port, '127.0.0.1');
  await until('it is up', async () => (await standing()) === 'usable');
  server.close();
  await until('it is down again', async () => (await standing()) === 'down');
  const lines = () => openclaw!.log().filter((line) => line.subject === `127.0.0.1:${port}`);
  // The status may overtake the line, which comes by another pipe.
  await until('the log says so', () => lines().length >= 3);
  assert.deepEqual(
    lines().map(({ from, to, cause }) => `${from} ${to}: ${cause}`),
    [
      'unknown down: connect refused',
      'down up: 2 consecutive probes succeeded',
      'up down: connect refused',
    ],
  );
});

test('a breaker lets exactly its threshold of failures through, then nothing, then one trial', async () => {
  const RECOVERY_MS = 2000;
  const backend = await Backend.listen(status(502));
  await start([backend], {
    failover: {
      detection: { enabled: false },
      circuit_breaker: {
        failure_threshold: 5,
        recovery_timeout: `${RECOVERY_MS}ms`,
        half_open_timeout: '10s',
      },
    },
  });
  const codes = [];
  for (let i = 0; i < 8; i++) codes.push((await get()).status);
  assert.deepEqual(codes, [502, 502, 502, 502, 502, 503, 503, 503]);
  assert.equal(backend.asked.length, 5);

  const standing = async () => (await openclaw!.status()).pools[0]!.servers[0]!.standing;
  await until('the breaker is half-open', async () => (await standing()) === 'halfOpen');
  // The trial waits for its answer while others come: they are told at once that there is none.
  let finishTrial = () => {};
  backend.answer = (_request, response) => {
    finishTrial = () => response.end('well again');
  };
  const trial = get('/trial');
  await until('the trial is at the server', () => backend.asked.length === 6);
  for (let i = 0; i < 3; i++) assert.equal((await get('/other')).status, 503);
  assert.equal(backend.asked.length, 6);
  finishTrial();
  assert.equal((await trial).text, 'well again');
  await until('the breaker is closed', async () => (await standing()) === 'usable');
});

test('a trial whose client leaves makes room for the next trial', async () => {
  const backend = await Backend.listen(status(502));
  await start([backend], {
    failover: { circuit_breaker: { failure_threshold: 1, recovery_timeout: '100ms' } },
  });
  await get();
  const standing = async () => (await openclaw!.status()).pools[0]!.servers[0]!.standing;
  await until('the breaker is half-open', async () => (await standing()) === 'halfOpen');
  backend.answer = () => {};
  const leaving = await openclaw!.send('GET /left HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('the trial is at the server', () => backend.asked.at(-1) === 'GET /left');
  leaving.reset();
  backend.answer = (_request, response) => response.end('fine');
  await openclaw!.untilIdle();
  assert.equal((await get('/next')).text, 'fine');
  await until('the breaker is closed', async () => (await standing()) === 'usable');
});

test('backups serve when no primary is left, and go on until an operator or the delay says so', async () => {
  const [primary, backup] = [await Backend.listen(), await Backend.listen()];
  backup.answer = (_request, response) => response.end('backup');
  await start([], {
    servers: [primary.address, { address: backup.address, backup: true }],
    health_check: { interval: '100ms', timeout: '90ms', endpoint: '/health' },
    failover: { failback: { enabled: true, delay: '2s' } },
  });
  assert.equal((await get()).text, 'fine');
  primary.probeStatus = 500;
  await until('the backup serves', async () => (await get()).text === 'backup');
  const failedOver = () => openclaw!.log().some((line) => line.event === 'failover_changed');
  await until('the failover is told of', failedOver);
  primary.probeStatus = 200;
  await until('the primary is up', async () => {
    return (await openclaw!.status()).pools[0]!.servers[0]!.standing === 'usable';
  });
  assert.equal((await get()).text, 'backup');
  await until('the primary serves again', async () => (await get()).text === 'fine');
});
