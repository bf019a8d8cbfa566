/** What the data threads do their I/O by: chosen, told, and put in order when one dies. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IO_KINDS, ioText } from '../../src/base/io-kind.ts';
import { whyTooOld } from '../../src/base/node-version.ts';
import { chooseIo } from '../../src/io/choice.ts';
import { nodesOfPath } from '../nodes-of-path.ts';
import { dyingThread } from './dying-thread.ts';
import {
  answerOk,
  freePort,
  newFolder,
  Openclaw,
  runOpenclaw,
  ScriptedServer,
  until,
} from './harness.ts';
import { lacks } from './io-under-test.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

let server: ScriptedServer;

before(async () => {
  server = await ScriptedServer.listen();
  server.on('/', answerOk);
});

after(() => server.close());

/** The words behind a name at the beginning of a line. */
function told(output: string, name: string): string | undefined {
  return new RegExp(`^ *${name} +(.*)$`, 'm').exec(output)?.[1];
}

async function getOne(claw: Openclaw): Promise<void> {
  const client = await claw.send(REQUEST);
  assert.equal((await client.response()).status, 200);
  client.close();
}

test('by itself it takes the best there is; the start, the status and the log say which', async () => {
  const choice = chooseIo('auto');
  // The harness sees that nothing, a warning of Node's included, was written to standard error.
  const claw = await Openclaw.start({ servers: [server.address], io: 'auto' }, { workers: 2 });
  await getOne(claw);
  assert.deepEqual((await claw.status()).io, choice);
  assert.equal(told(claw.output.stdout, 'io'), ioText(choice));
  const started = claw.log().find(({ event }) => event === 'started');
  assert.equal(started?.io, ioText(choice));
  const config = join(claw.folder, 'openclaw.yml');
  const status = await runOpenclaw(['lb', 'status', '--config', config]);
  assert.deepEqual([status.code, status.stderr], [0, '']);
  assert.equal(told(status.stdout, 'io'), ioText(choice));
  await claw.stop();
});

for (const io of IO_KINDS) {
  test(`${io} serves where it is asked for, and another takes a restart`, {
    skip: lacks(io),
  }, async () => {
    const claw = await Openclaw.start({ servers: [server.address], io });
    await getOne(claw);
    assert.deepEqual((await claw.status()).io, { kind: io, reason: '' });
    await claw.reload((settings) => {
      settings.load_balancing.io = io === 'node' ? 'auto' : 'node';
    });
    assert.deepEqual((await claw.status()).io, { kind: io, reason: '' });
    await getOne(claw);
    await claw.stop();
  });
}

/** Nodes that have no `node:ffi`, by what they are called in the test's name. */
const WITHOUT_FFI: Record<string, { node: string; env: Record<string, string> }> = {
  'a Node that may not use node:ffi': {
    node: process.execPath,
    env: { NODE_OPTIONS: '--no-experimental-ffi' },
  },
};
for (const node of nodesOfPath()) {
  const print = '[process.version, process.getBuiltinModule?.("node:ffi") === undefined]';
  const { stdout } = spawnSync(node, ['-p', `JSON.stringify(${print})`], { encoding: 'utf8' });
  const [version, isWithout] = JSON.parse(stdout) as [string, boolean];
  if (isWithout && whyTooOld(version) === '') WITHOUT_FFI[`Node ${version}`] = { node, env: {} };
}

for (const [name, { node, env }] of Object.entries(WITHOUT_FFI)) {
  test(`${name} starts with its own sockets, and says why`, async () => {
    const settings = { servers: [server.address], io: 'auto' };
    const claw = await Openclaw.start(settings, { node, env });
    await getOne(claw);
    const { io } = await claw.status();
    assert.equal(io.kind, 'node');
    assert.match(told(claw.output.stdout, 'io')!, /^node \(not io_uring: .*node:ffi/);
    await claw.stop();
  });

  test(`${name} refuses a kind that cannot be had, with the way out`, async () => {
    const file = join(newFolder(), 'openclaw.yml');
    const listen = `127.0.0.1:${await freePort()}`;
    for (const io of ['epoll', 'io_uring']) {
      const load_balancing = { listen, servers: [server.address], io };
      writeFileSync(file, JSON.stringify({ load_balancing }));
      const { code, stdout, stderr } = await runOpenclaw(['start', '--config', file], env, node);
      assert.deepEqual([code, stdout], [1, '']);
      const [error, help] = stderr.split('\n  help: ');
      assert.match(error!, new RegExp(`^error: io: ${io} cannot be used here: .*node:ffi`));
      assert.match(help!, /^set load_balancing\.io to auto.*\n$/);
    }
  });
}

for (const io of IO_KINDS) {
  test(`${io}: what a dead thread had open is closed, on both sides`, {
    skip: lacks(io),
  }, async () => {
    const folder = newFolder();
    const [file, preload] = [join(folder, 'die'), join(folder, 'dying.cjs')];
    writeFileSync(preload, dyingThread(file));
    let closedAtServer = 0;
    server.on('/held', async (peer) => {
      await peer.gone();
      closedAtServer += 1;
      peer.close();
    });
    const claw = await Openclaw.start(
      { servers: [server.address], io },
      { workers: 1, nodeOptions: ['--require', preload] },
    );
    await getOne(claw);
    // From the second death on, what is open is what the first left behind and no more.
    const afterDeaths: number[] = [];
    for (const deaths of [1, 2, 3]) {
      const HELD = 20;
      const before = server.requestsFor('/held');
      const clients = await Promise.all(
        Array.from({ length: HELD }, () => claw.send(REQUEST.replace('/', '/held'))),
      );
      await until('all are at the server', () => server.requestsFor('/held') === before + HELD);
      const idle = await claw.connect();
      writeFileSync(file, '');
      await Promise.all([...clients, idle].map((client) => client.gone()));
      await until('the server heard of it', () => closedAtServer === HELD * deaths);
      for (const client of clients) client.close();
      idle.close();
      await until('it is told', async () => (await claw.status()).workerDeaths === deaths);
      await getOne(claw);
      await claw.untilIdle();
      afterDeaths.push(claw.descriptors());
    }
    const [first, , last] = afterDeaths;
    assert.ok(last! <= first! + 2, `descriptors after each death: ${afterDeaths}`);
    await claw.stop();
  });
}
