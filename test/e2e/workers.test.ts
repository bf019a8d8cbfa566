/** Several data threads behind one port: what they must agree on, and what happens when one dies. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { canDuplicate } from '../../src/io/kernel/duplicate.ts';
import { dyingThread } from './dying-thread.ts';
import {
  answerOk,
  type Balancing,
  newFolder,
  Openclaw,
  okWith,
  type Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

const WORKERS = 3;
const BUSY_CLOSING = new URL('./busy-closing.ts', import.meta.url).href;
let servers: ScriptedServer[];
const shared = new SharedOpenclaw({ workers: WORKERS });

before(async () => {
  servers = await Promise.all([1, 2, 3].map(() => ScriptedServer.listen()));
});

after(async () => {
  await shared.end();
  await Promise.all(servers.map((server) => server.close()));
});

const HOST = 'Host: a.example\r\n';

async function withStrategy(
  balancing: Balancing,
  run: (claw: Openclaw) => Promise<void>,
): Promise<void> {
  for (const server of servers) {
    server.lines.length = 0;
    server.on('/', answerOk);
  }
  const addresses = servers.map((server) => server.address);
  const claw = await shared.take({ servers: addresses, ...balancing });
  await run(claw).finally(() => claw.stop());
}

/** Requests one after the other, each on a new connection, so that all workers get some. */
async function get(claw: Openclaw, count: number, lines = ''): Promise<void> {
  for (let nth = 0; nth < count; nth++) {
    const client = await claw.send(`GET / HTTP/1.1\r\n${HOST}${lines}Connection: close\r\n\r\n`);
    assert.equal((await client.response()).status, 200);
    client.close();
  }
}

function counts(): number[] {
  return servers.map((server) => server.lines.length);
}

/** Which server got the requests since the counts were taken. */
function takerSince(before: number[]): number {
  const takers = counts().flatMap((count, at) => (count > before[at]! ? [at] : []));
  assert.equal(takers.length, 1, 'more than one server got them');
  return takers[0]!;
}

test('round_robin gives each server its equal turns, plus or minus one for each worker', async () => {
  await withStrategy({ strategy: 'round_robin' }, async (claw) => {
    const requests = async () =>
      (await claw.status()).pools[0]!.servers.map((server) => server.requests);
    const before = await requests();
    await get(claw, 90);
    for (const count of counts()) assert.ok(Math.abs(count - 30) <= WORKERS, String(counts()));
    assert.deepEqual(
      (await requests()).map((count, at) => count - before[at]!),
      counts(),
    );
  });
});

test('weighted_round_robin gives 5, 3 and 2 of ten, plus or minus one for each worker', async () => {
  const weights = servers.map((server, at) => ({ server: server.address, weight: [5, 3, 2][at] }));
  await withStrategy({ strategy: 'weighted_round_robin', weights }, async (claw) => {
    await get(claw, 100);
    counts().forEach((count, at) => {
      assert.ok(Math.abs(count - [50, 30, 20][at]!) <= WORKERS, String(counts()));
    });
  });
});

test('least_connections leaves a slow server alone, whichever worker its request came to', async () => {
  await withStrategy({ strategy: 'least_connections' }, async (claw) => {
    const gate = Promise.withResolvers<void>();
    servers[0]!.on('/', async (peer) => {
      await gate.promise;
      peer.send(okWith('slow'));
    });
    const waiting: Peer[] = [];
    // One of the first three meets the slow server, for each of them has none in flight.
    while (servers[0]!.lines.length === 0) {
      const client = await claw.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
      waiting.push(client);
      await Promise.race([
        client.arrival(),
        until('it is slow', () => servers[0]!.lines.length > 0),
      ]);
    }
    await get(claw, 30);
    assert.equal(servers[0]!.lines.length, 1);
    assert.equal((await claw.status()).pools[0]!.servers[0]!.inFlight, 1);
    gate.resolve();
    await Promise.all(waiting.map((client) => client.response()));
    for (const client of waiting) client.close();
    await claw.untilIdle();
  });
});

test('ip_hash gives an address the same server in every worker, and other addresses others', async () => {
  const trusted_proxies = ['127.0.0.1/32'];
  await withStrategy({ strategy: 'ip_hash', trusted_proxies }, async (claw) => {
    const takers = new Set<number>();
    for (let client = 0; client < 12; client++) {
      const before = counts();
      await get(claw, 6, `X-Forwarded-For: 203.0.113.${client * 7}\r\n`);
      takers.add(takerSince(before));
    }
    assert.ok(takers.size > 1);
    const before = counts();
    await get(claw, 6);
    takerSince(before);
  });
});

test('consistent_hash by a header gives a value the same server in every worker', async () => {
  const balancing = { strategy: 'consistent_hash', strategy_key: { header: 'X-Tenant' } };
  await withStrategy(balancing, async (claw) => {
    const takers = new Set<number>();
    for (let tenant = 0; tenant < 12; tenant++) {
      const before = counts();
      for (let nth = 0; nth < 6; nth++) {
        await get(claw, 1, `x-tenant: tenant-${tenant}\r\n`);
        // While one worker still counts it, another would find the bound of the load reached.
        await claw.untilIdle();
      }
      takers.add(takerSince(before));
    }
    assert.ok(takers.size > 1);
  });
});

test('least_latency gives a server that is slow to answer the fewest requests', async () => {
  await withStrategy({ strategy: 'least_latency' }, async (claw) => {
    servers[0]!.on('/', async (peer, head) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await answerOk(peer, head);
    });
    await get(claw, 40);
    const [slow, ...others] = counts() as [number, number, number];
    assert.ok(slow < Math.max(...others), String(counts()));
  });
});

/** Without it a socket dies with its thread. */
const NEEDS_KEPT_SOCKETS = { skip: !canDuplicate };

/** What came of the connections that were opened one after the other while `isWanted`. */
async function connectWhile(
  claw: Openclaw,
  isWanted: () => Promise<boolean>,
): Promise<{ refused: number; answers: (number | 'cut')[] }> {
  let refused = 0;
  const answers: Promise<number | 'cut'>[] = [];
  while (await isWanted()) {
    const client = await claw.connect().catch(() => null);
    if (client === null) refused += 1;
    else {
      client.send(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      const answer = client.response().then(
        ({ status }) => status,
        () => 'cut' as const,
      );
      answers.push(answer.finally(() => client.close()));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { refused, answers: await Promise.all(answers) };
}

/** Starts with data threads in which a script runs first, which is given the path of a file. */
async function startWith(
  script: (file: string) => string,
  workers: number,
): Promise<{ claw: Openclaw; file: string }> {
  const folder = newFolder();
  const file = join(folder, 'die');
  const preload = join(folder, 'killer.cjs');
  writeFileSync(preload, script(file));
  servers[0]!.on('/', answerOk);
  const balancing = { servers: [servers[0]!.address] };
  return {
    claw: await Openclaw.start(balancing, { workers, nodeOptions: ['--require', preload] }),
    file,
  };
}

test(
  'however fast all workers die, no connection is refused and none is left waiting',
  NEEDS_KEPT_SOCKETS,
  async (t) => {
    // As with a request that is the end of whoever reads it: at each turn of the loop, a thread dies.
    const { claw, file } = await startWith(
      (path) => `
      const { isMainThread } = require('node:worker_threads');
      if (!isMainThread) {
        const { existsSync } = require('node:fs');
        setInterval(() => {
          if (existsSync(${JSON.stringify(path)})) throw new Error('ended by a test');
        }, 20).unref();
      }`,
      2,
    );
    t.after(() => claw.stop());
    writeFileSync(file, '');
    const deaths = async () => (await claw.status()).workerDeaths;
    const during = await connectWhile(claw, async () => {
      if ((await deaths()) < 6) return true;
      rmSync(file, { force: true });
      return false;
    });
    assert.equal(during.refused, 0);
    assert.ok(during.answers.every((one) => one === 200 || one === 'cut'));
    await get(claw, 10);
  },
);

test('while a worker cannot be replaced, the others accept what comes to its socket', async (t) => {
  const { claw, file } = await startWith(
    (path) => `
      const { isMainThread, workerData } = require('node:worker_threads');
      if (!isMainThread && workerData?.lane === 1) {
        const { existsSync } = require('node:fs');
        const die = () => {
          if (existsSync(${JSON.stringify(path)})) throw new Error('ended by a test');
        };
        die();
        setInterval(die, 20).unref();
      }`,
    2,
  );
  t.after(() => claw.stop());
  writeFileSync(file, '');
  const deaths = async () => (await claw.status()).workerDeaths;
  // The first may take down what it was about to read.
  await until('it died and could not be replaced', async () => (await deaths()) >= 2);
  let looks = 0;
  const during = await connectWhile(claw, async () => ++looks <= 30 || (await deaths()) < 5);
  assert.equal(during.refused, 0);
  assert.deepEqual(new Set(during.answers), new Set([200]));
});

test('a worker for which the system has no thread left is started later', async (t) => {
  const { claw, file } = await startWith(
    (path) => `
      const threads = require('node:worker_threads');
      const { existsSync, unlinkSync } = require('node:fs');
      if (threads.isMainThread) {
        let started = 0;
        threads.Worker = class extends threads.Worker {
          constructor(...given) {
            started += 1;
            if (started === 2 || started === 3) throw new Error('no thread for a test');
            super(...given);
          }
        };
        require('node:module').syncBuiltinESMExports();
      } else {
        setInterval(() => {
          if (!existsSync(${JSON.stringify(path)})) return;
          unlinkSync(${JSON.stringify(path)});
          throw new Error('ended by a test');
        }, 20).unref();
      }`,
    1,
  );
  t.after(() => claw.stop());
  writeFileSync(file, '');
  await until('all deaths are told', async () => (await claw.status()).workerDeaths === 3);
  await get(claw, 1);
  const deaths = () => claw.log().filter(({ event }) => event === 'worker_died');
  await until('the log tells them too', () => deaths().length >= 3);
  assert.deepEqual(
    deaths().map(({ cause }) => /^Error: (.*)/.exec(String(cause))?.[1]),
    ['ended by a test', 'no thread for a test', 'no thread for a test'],
  );
});

test(
  'a reload with fewer workers resets nobody who waits to be accepted',
  NEEDS_KEPT_SOCKETS,
  async (t) => {
    servers[0]!.on('/', answerOk);
    const claw = await Openclaw.start(
      { servers: [servers[0]!.address], workers: 3 },
      { nodeOptions: ['--import', BUSY_CLOSING] },
    );
    t.after(() => claw.stop());
    let isOver = false;
    const reloads = async () => {
      for (const workers of [1, 3, 1]) {
        await claw.reload((settings) => {
          settings.load_balancing.workers = workers;
        });
      }
      isOver = true;
    };
    let more = 50;
    const [during] = await Promise.all([
      connectWhile(claw, async () => !isOver || more-- > 0),
      reloads(),
    ]);
    assert.equal(during.refused, 0);
    assert.deepEqual(new Set(during.answers), new Set([200]));
  },
);

test('workers share the port, and one that dies is replaced and off the counts', async () => {
  const folder = newFolder();
  const file = join(folder, 'die');
  const preload = join(folder, 'killer.cjs');
  writeFileSync(preload, dyingThread(file));
  const [server] = servers as [ScriptedServer];
  const gate = Promise.withResolvers<void>();
  let ids = new Set<string>();
  server.on('/held', async (peer) => {
    await gate.promise;
    peer.send(okWith('held'));
  });
  server.on('/id', async (peer, head) => {
    // The first part of a made id tells the worker that made it.
    ids.add(head.headers['x-request-id']![0]!.split('-')[0]!);
    await answerOk(peer, head);
  });
  const claw = await Openclaw.start(
    { servers: [server.address] },
    { workers: 2, nodeOptions: ['--require', preload] },
  );
  const workersSeen = async (count: number) => {
    ids = new Set();
    await until(`${count} workers answer`, async () => {
      const client = await claw.connect();
      client.send(`GET /id HTTP/1.1\r\n${HOST}\r\n`);
      await client.response().catch(() => {});
      client.close();
      return ids.size === count;
    });
    return ids;
  };
  const before = await workersSeen(2);

  const held = await Promise.all(
    Array.from({ length: 12 }, () => claw.send(`GET /held HTTP/1.1\r\n${HOST}\r\n`)),
  );
  await until('all are at the server', () => server.requestsFor('/held') === 12);
  const inFlight = async () => (await claw.status()).pools[0]!.servers[0]!.inFlight;
  assert.equal(await inFlight(), 12);

  writeFileSync(file, '');
  await until('a worker died', () => held.some((client) => client.isClosed || client.hasEnded));
  const left = () => held.filter((client) => !client.isClosed && !client.hasEnded);
  await until('its requests are off the counts', async () => (await inFlight()) === left().length);
  assert.ok(left().length > 0, 'the other worker goes on');
  const after = await workersSeen(2);
  assert.equal([...after].filter((id) => before.has(id)).length, 1);

  gate.resolve();
  for (const client of left()) assert.equal((await client.response()).text, 'held');
  await claw.untilIdle();
  assert.equal((await claw.status()).workerDeaths, 1);
  const death = await until('the log tells it too', () =>
    claw.log().find((line) => line.event === 'worker_died'),
  );
  assert.match(String(death.cause), /ended by a test/);
  for (const client of held) client.close();
  await claw.stop();
});
