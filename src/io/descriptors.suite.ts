/** Descriptors: their numbers are used again at once, none is left open, and there may be none. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';
import {
  Ear,
  LOOPBACK,
  type Surroundings,
  silentAddress,
  type TestWith,
  turns,
} from './backend.fixture.ts';

/** What becomes of clients for which there is no descriptor: kept in the kernel, or closed. */
export type InShortage = 'wait' | 'are closed';

/** Linux lists the descriptors of a process. */
const isCountable = fs.existsSync('/proc/self/fd');

export function descriptors(test: TestWith, inShortage: InShortage): void {
  test('tell a new connection nothing of the one that had its number', async (around) => {
    const server = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.once('data', () => socket.write('new')),
    );
    const { port } = server.address() as net.AddressInfo;
    await silentAddress(around, '127.0.0.3', port);
    for (let round = 0; round < 20; round++) {
      const old = await acceptedTogether(around, 12);
      const fresh: Ear[] = [];
      // On their way for long: that the old one could be written to says nothing of them.
      const waiting: Ear[] = [];
      const replace = () => {
        for (const { ear } of old) {
          ear.onText = () => {};
          ear.stream.destroy();
        }
        for (const at of old.keys()) {
          if (at % 2 === 0) fresh.push(around.connect({ host: '127.0.0.1', port }, 'ask'));
          else waiting.push(around.connect({ host: '127.0.0.3', port }));
        }
      };
      for (const [at, { ear, peer }] of old.entries()) {
        ear.onText = replace;
        peer.write('old');
        if (at % 3 === 1) peer.end();
        if (at % 3 === 2) peer.resetAndDestroy();
      }
      await old[0]!.ear.until(() => fresh.length > 0);
      for (const ear of fresh) await ear.until(() => ear.text === 'new');
      await turns(5);
      for (const ear of fresh) {
        assert.deepEqual([ear.opens, ear.text, ear.ends, ear.causes], [1, 'new', 0, []]);
        ear.stream.destroy();
      }
      for (const ear of waiting) {
        assert.deepEqual([ear.opens, ear.ends, ear.causes], [0, 0, []]);
        ear.stream.destroy();
      }
      assert.equal(old.map(({ ear }) => ear.text).join(''), 'old', 'one of them heard something');
    }
  });

  test('go on to what is accepted and opened within a call', async (around) => {
    const echo = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.pipe(socket),
    );
    const { port } = echo.address() as net.AddressInfo;
    // A listener that is closed while clients wait in it, whose number a connection gets.
    const CLIENTS = 10;
    let accepted = 0;
    let opened: Ear | null = null;
    const listener = await around.listen((one) => {
      accepted += 1;
      one.close();
      listener.close();
      opened ??= around.connect({ host: '127.0.0.1', port }, 'hello');
    });
    // Those who are not accepted are reset, perhaps before they know that they are connected.
    for (let at = 0; at < CLIENTS; at++) {
      const client = net.connect(listener.port, LOOPBACK.host).on('error', () => {});
      around.atEnd(() => client.destroy());
    }
    const told = around.connect({ host: '127.0.0.1', port }, 'beside');
    await told.until(() => opened !== null);
    const ear = opened as unknown as Ear;
    await ear.until(() => ear.text === 'hello');
    await told.until(() => told.text === 'beside');
    await turns();
    assert.deepEqual([ear.opens, ear.ends, ear.causes], [1, 0, []]);
    assert.ok(accepted >= 1 && accepted <= CLIENTS);
  });

  if (!isCountable) return;

  test('are all free after a thousand connections, however they end', async (around) => {
    const servers: Ear[] = [];
    const listener = await around.listen((accepted) => {
      const ear = new Ear();
      servers.push(ear);
      accepted.toStream(ear.own);
    });
    const endings: ((client: Ear, server: Ear) => void)[] = [
      (client) => client.stream.destroy(),
      (client) => client.stream.reset(),
      (_, server) => server.stream.destroy(),
      (_, server) => server.stream.reset(),
      (client, server) => [client, server].map(({ stream }) => stream.end()),
      (client, server) => {
        client.stream.writeText('bye');
        client.stream.end();
        server.stream.destroy();
      },
    ];
    await turns();
    const before = openDescriptors();
    for (let round = 0; round < 20; round++) {
      servers.length = 0;
      const clients = Array.from({ length: 50 }, () =>
        around.connect({ host: LOOPBACK.host, port: listener.port }),
      );
      for (const client of clients) await client.until(() => client.opens === 1);
      while (servers.length < clients.length) await turns(1);
      for (const [at, client] of clients.entries()) {
        endings[at % endings.length]!(client, servers[at]!);
      }
      await turns(2);
      for (const ear of [...clients, ...servers]) ear.stream.destroy();
    }
    while (openDescriptors() > before || around.door.taken > 0) await turns(1);
    assert.equal(around.door.taken, 0);
  });

  if (!canBeLimited()) return;

  test('may be missing for a connection to a server, which says so', async (around) => {
    limit(around);
    const server = await around.server({ host: '127.0.0.1', port: 0 }, (socket) =>
      socket.end('here'),
    );
    const address = { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port };
    around.names.set('a.example', ['127.0.0.1', '127.0.0.2']);
    const free = useUp(around);
    for (const one of [address, { ...address, host: 'a.example' }, { path: '/none.sock' }]) {
      const ear = around.connect(one);
      assert.deepEqual(ear.causes, []);
      await ear.until(() => ear.causes.length > 0);
      assert.deepEqual([ear.opens, ear.causes], [0, ['shortage']]);
    }
    free();
    const ear = around.connect(address);
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'here');
  });

  test(`may be missing for clients, who ${inShortage}`, async (around) => {
    limit(around);
    const ears: Ear[] = [];
    const listener = await around.listen((accepted) => {
      const ear = new Ear();
      ears.push(ear);
      accepted.toStream(ear.own);
      around.atEnd(() => ear.stream.destroy());
      ear.stream.writeText('welcome');
    });
    const clients = await elsewhere(around, listener.port, 5);
    const free = useUp(around);
    await clients.connect();
    await clients.until(() => clients.count('connected') === 5);
    await turns(50);
    assert.deepEqual([ears.length, clients.count('welcome')], [0, 0]);
    if (inShortage === 'wait') assert.equal(clients.count('closed'), 0);
    free();
    await clients.until(() => clients.count('welcome') + clients.count('closed') === 5);
    if (inShortage === 'wait') assert.equal(clients.count('welcome'), 5);
    const next = await around.client({ host: LOOPBACK.host, port: listener.port });
    assert.equal(String((await once(next, 'data'))[0]), 'welcome');
  });
}

async function acceptedTogether(around: Surroundings, count: number) {
  const ears = new Map<number, Ear>();
  const waiting = new Ear();
  const listener = await around.listen((accepted) => {
    const ear = new Ear();
    ears.set(accepted.peer.port, ear);
    accepted.toStream(ear.own);
    waiting.onDrain();
  });
  const to = { host: LOOPBACK.host, port: listener.port };
  const peers = await Promise.all(Array.from({ length: count }, () => around.client(to)));
  await waiting.until(() => ears.size === count);
  return peers.map((peer) => ({ peer, ear: ears.get(peer.localPort!)! }));
}

function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length;
}

function limitDescriptors(soft: string): void {
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${soft}:`]);
}

function canBeLimited(): boolean {
  try {
    limitDescriptors(softLimit());
    return true;
  } catch {
    return false;
  }
}

function softLimit(): string {
  return /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'))![1]!;
}

/**
 * Leaves the process few descriptors until the test ends. To be called before it listens: io_uring
 * has the limit from where it began to accept.
 */
function limit(around: Surroundings): void {
  const before = softLimit();
  limitDescriptors(`${openDescriptors() + 100}`);
  around.atEnd(() => limitDescriptors(before));
}

/** Leaves the process no descriptor. @returns ends that */
function useUp(around: Surroundings): () => void {
  const held: number[] = [];
  const free = () => {
    for (const fd of held.splice(0)) fs.closeSync(fd);
  };
  around.atEnd(free);
  for (;;) {
    try {
      held.push(fs.openSync('/dev/null', 'r'));
    } catch {
      return free;
    }
  }
}

/** Clients of another process, which has descriptors of its own, and what becomes of them. */
async function elsewhere(around: Surroundings, port: number, count: number) {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const net = require('node:net');
       console.log('ready');
       process.stdin.once('data', () => {
         for (let at = 0; at < ${count}; at++) {
           net.connect(${port}, '127.0.0.1')
             .on('connect', () => console.log('connected'))
             .on('data', (data) => console.log(String(data)))
             .on('error', () => {})
             .on('close', () => console.log('closed'));
         }
       });`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  around.atEnd(() => child.kill());
  const lines: string[] = [];
  const ear = new Ear();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    ear.onDrain();
  });
  await ear.until(() => lines.includes('ready'));
  return {
    connect: () => new Promise((resolve) => child.stdin.write('go\n', resolve)),
    count: (what: string) => lines.filter((line) => line === what).length,
    until: (isSo: () => boolean) => ear.until(isSo),
  };
}
