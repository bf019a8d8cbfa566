/** Default settings, three servers, one of which turns slow under steady load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Openclaw, until } from './harness.ts';
import { FaultyServer } from './kill-matrix/faulty-server.ts';
import { SteadyLoad } from './kill-matrix/steady-load.ts';

const CLIENTS = 8;

test('a server that turns slow has each client wait for it once, and is left out', async () => {
  const servers = await Promise.all([1, 2, 3].map(() => FaultyServer.start()));
  const [first] = servers;
  const openclaw = await Openclaw.start(
    { servers: servers.map(({ address }) => address) },
    { workers: 2 },
  );
  const load = new SteadyLoad(`${openclaw.url}/work`, CLIENTS);
  const statusOf = async (address: string) => {
    const { pools } = await openclaw.status();
    return pools[0]!.servers.find((one) => one.address === address)!;
  };
  const ejections = () => {
    return openclaw
      .log()
      .filter(({ event, to }) => event === 'ejection_changed' && to === 'ejected');
  };
  try {
    await until('all servers have answered', async () => {
      const attempts = await Promise.all(servers.map(({ address }) => statusOf(address)));
      return attempts.every((one) => one.attempts > 100);
    });
    await first!.fail('slow');
    const before = (await statusOf(first!.address)).attempts;
    load.take();
    await until('the ejection', () => ejections().length > 0);
    await until(
      'the last slow answer',
      async () => (await statusOf(first!.address)).inFlight === 0,
    );
    const slow = (await statusOf(first!.address)).attempts - before;
    assert.equal(load.take().failed, 0);
    assert.ok(slow <= CLIENTS, `${slow} requests met the slow server`);
    assert.deepEqual(
      ejections().map(({ subject }) => subject),
      [first!.address],
    );
    assert.match(
      String(ejections()[0]!.cause),
      /had no answer within \d+ ms, the others answer in/,
    );
  } finally {
    await load.stop();
    await openclaw.stop();
    for (const server of servers) await server.stop();
  }
});
