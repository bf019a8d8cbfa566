import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fstatSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ear, HAS_IPV6, LOOPBACK, readAll, type TestWith, turns } from './backend.fixture.ts';
import type { Accepted, ListeningSockets } from './backend.ts';

export function listeners(test: TestWith, sockets: ListeningSockets): void {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-backend-'));
  const places: [string, Partial<typeof LOOPBACK>, address: string][] = [
    ['IPv4', {}, '127.0.0.1'],
    ['a unix socket', { host: '', path: join(folder, 'one.sock') }, 'unix'],
  ];
  if (HAS_IPV6) {
    places.push(['IPv6', { host: '::1' }, '::1']);
    places.push(['IPv4 on an IPv6 socket', { host: '::' }, '127.0.0.1']);
  }
  for (const [what, place, address] of places) {
    test(`accept on ${what}, and know who comes`, async (around) => {
      const where = { ...LOOPBACK, ...place };
      const arrivals: Accepted[] = [];
      const ear = new Ear();
      const listener = await around.listen((accepted) => {
        arrivals.push(accepted);
        accepted.toStream(ear.own);
      }, where);
      const { port } = listener;
      const to = where.path === '' ? { host: address, port } : { path: where.path };
      const peer = await around.client(to);
      peer.end('hello');
      await ear.until(() => ear.ends === 1);
      ear.stream.destroy();
      const [arrival] = arrivals;
      assert.equal(ear.text, 'hello');
      assert.equal(arrival!.isSecure, false);
      assert.equal(arrival!.peer.address, address);
      assert.equal(arrival!.peer.port, address === 'unix' ? 0 : peer.localPort);
    });
  }

  test('say what is in the way of listening', async (around) => {
    const taken = await around.server({ port: 0, host: '127.0.0.1' }, () => {});
    const { port } = taken.address() as net.AddressInfo;
    await assert.rejects(
      around.listen(() => {}, { ...LOOPBACK, port }),
      { code: 'EADDRINUSE' },
    );
    await assert.rejects(sockets.claim({ ...LOOPBACK, port }), { code: 'EADDRINUSE' });
  });

  test('close a connection that nobody takes', async (around) => {
    const listener = await around.listen((accepted) => accepted.close());
    const peer = await around.client({ host: LOOPBACK.host, port: listener.port });
    await once(peer.resume(), 'end');
    assert.equal(around.door.taken, 0);
  });

  test('contain what is thrown by who is called', async (around) => {
    const listener = await around.listen(() => {
      throw new Error('a mistake');
    });
    const peer = await around.client({ host: LOOPBACK.host, port: listener.port });
    await once(peer.resume(), 'end');
    assert.deepEqual(around.errors.map(String), ['Error: a mistake']);
  });

  test('accept on a socket that is given, and leave it to the next one', async (around) => {
    if (!sockets.areKept) return;
    const fd = await sockets.open(LOOPBACK);
    around.atEnd(() => sockets.close(fd, LOOPBACK, false));
    const first = await around.backend.listen(LOOPBACK, fd, (accepted) => accepted.close());
    const { port } = first;
    assert.equal(first.given, fd);
    first.close();
    const waits = await around.client({ host: LOOPBACK.host, port });
    const ear = new Ear();
    await around.listen((accepted) => accepted.toStream(ear.own), LOOPBACK, fd);
    waits.end('waited');
    await ear.until(() => ear.ends === 1);
    ear.stream.destroy();
    assert.equal(ear.text, 'waited');
  });

  test('accept on a socket whose giver has closed its descriptor', async (around) => {
    if (!sockets.areKept) return;
    const fd = await sockets.open(LOOPBACK);
    const ears: Ear[] = [];
    const listener = await around.backend.listen(LOOPBACK, fd, (accepted) => {
      const ear = new Ear();
      ears.push(ear);
      accepted.toStream(ear.own);
    });
    around.atEnd(() => listener.close());
    sockets.close(fd, LOOPBACK, false);
    const to = { host: LOOPBACK.host, port: listener.port };
    // Theirs are numbers that were free, that of the closed one among them.
    for (const client of await Promise.all([1, 2, 3].map(() => around.client(to)))) {
      client.end('hello');
    }
    await around.backend.acceptWaiting(5_000);
    assert.equal(ears.length, 3);
    for (const ear of ears) await ear.until(() => ear.ends === 1);
    assert.deepEqual(
      ears.map(({ text }) => text),
      ['hello', 'hello', 'hello'],
    );
    for (const ear of ears) ear.stream.destroy();
  });

  test('tell nobody of a client that was gone before it was accepted', async (around) => {
    if (!sockets.areKept) return;
    const fd = await sockets.open(LOOPBACK);
    around.atEnd(() => sockets.close(fd, LOOPBACK, false));
    const probe = await around.backend.listen(LOOPBACK, fd, (accepted) => accepted.close());
    const { port } = probe;
    probe.close();
    // Its address cannot be asked any more: it would pass for a client on a unix socket.
    const gone = await around.client({ host: LOOPBACK.host, port });
    gone.write('POST / HTTP/1.1');
    await turns(2);
    gone.resetAndDestroy();
    const stays = await around.client({ host: LOOPBACK.host, port });
    const peers: string[] = [];
    const ear = new Ear();
    await around.listen(
      (accepted) => {
        peers.push(accepted.peer.address);
        accepted.toStream(ear.own);
      },
      LOOPBACK,
      fd,
    );
    stays.end('here');
    await ear.until(() => ear.text === 'here');
    ear.stream.destroy();
    assert.deepEqual(peers, ['127.0.0.1']);
  });

  test('accept all who wait before they are closed', async (around) => {
    let accepted = 0;
    const listener = await around.listen((one) => {
      accepted += 1;
      one.close();
    });
    const to = { host: LOOPBACK.host, port: listener.port };
    await Promise.all(Array.from({ length: 30 }, () => around.client(to)));
    await around.backend.acceptWaiting(5_000);
    assert.equal(accepted, 30);
  });

  test('let in as many as may be, then who waits, and turn others away', async (around) => {
    around.door.places = 1;
    around.backend.waitingMax = 1;
    const ears: Ear[] = [];
    const listener = await around.listen((accepted) => {
      const ear = new Ear();
      ears.push(ear);
      accepted.toStream(ear.own);
    });
    const to = { host: LOOPBACK.host, port: listener.port };
    const first = await around.client(to);
    first.write('first');
    const second = await around.client(to);
    second.write('second');
    await around.backend.acceptWaiting(5_000);
    const third = await around.client(to);
    await once(third.resume(), 'end');
    assert.deepEqual([ears.length, around.door.waits, around.door.away], [1, 1, 1]);
    ears[0]!.stream.destroy();
    await turns();
    around.backend.letIn();
    assert.equal(ears.length, 2);
    await ears[1]!.until(() => ears[1]!.text === 'second');
    ears[1]!.stream.destroy();
    await turns();
    assert.deepEqual([around.door.taken, around.door.waits], [0, 0]);
  });

  test('call what is late after what came in time', async (around) => {
    const { ear, peer } = await around.accepted();
    const heard = new Promise<string>((resolve) => {
      around.backend.after(20, () => resolve(ear.text));
    });
    peer.write('in time');
    const untilMs = performance.now() + 60;
    while (performance.now() < untilMs);
    assert.equal(await heard, 'in time');
    const stop = around.backend.every(1, () => ear.onDrain());
    await ear.until(() => ear.drains >= 3);
    stop();
    const { drains } = ear;
    await turns();
    assert.equal(ear.drains, drains);
  });

  test('give each place back once, however a connection ends', async (around) => {
    const { door } = around;
    const endings: ((ear: Ear, peer: net.Socket) => void)[] = [
      (ear) => ear.stream.destroy(),
      (ear) => ear.stream.reset(),
      (_, peer) => peer.resetAndDestroy(),
      (ear, peer) => {
        ear.stream.end();
        peer.end();
      },
      (ear, peer) => {
        ear.onText = () => {
          throw new Error('a mistake');
        };
        peer.write('go');
      },
    ];
    for (const end of endings) {
      const { ear, peer } = await around.accepted();
      assert.equal(door.taken, 1);
      end(ear, peer);
      peer.resume();
      while (door.taken > 0) await turns(1);
      ear.stream.destroy();
      ear.stream.reset();
      await turns();
      assert.equal(door.taken, 0);
    }
  });

  test('let in who comes where one that rests makes room', async (around) => {
    const ears: Ear[] = [];
    around.door.places = 1;
    around.door.makeRoom = () => {
      const resting = ears.shift();
      resting?.stream.destroy();
      return resting !== undefined;
    };
    const listener = await around.listen((accepted) => {
      const ear = new Ear();
      ears.push(ear);
      accepted.toStream(ear.own);
      ear.stream.writeText('welcome');
    });
    const to = { host: LOOPBACK.host, port: listener.port };
    for (let at = 0; at < 3; at++) {
      const peer = await around.client(to);
      assert.equal(await readAll(peer, 7), 'welcome');
    }
    assert.deepEqual([around.door.waits, around.door.away, around.door.taken], [0, 0, 1]);
    ears[0]!.stream.destroy();
  });

  test('let in who has said all and left while it waited', async (around) => {
    around.door.places = 0;
    const ear = new Ear();
    const listener = await around.listen((accepted) => accepted.toStream(ear.own));
    const peer = await around.client({ host: LOOPBACK.host, port: listener.port });
    peer.end('all');
    await around.backend.acceptWaiting(5_000);
    assert.equal(around.door.waits, 1);
    assert.equal(ear.text, '');
    around.door.places = 1;
    around.backend.letIn();
    await ear.until(() => ear.ends === 1);
    assert.deepEqual([ear.text, around.door.waits], ['all', 0]);
    ear.stream.destroy();
  });

  test('close who waits to be let in when the backend is closed', async (around) => {
    const other = around.another();
    other.door.places = 0;
    const listener = await other.listen(() => assert.fail('there is no place'));
    const peer = await around.client({ host: LOOPBACK.host, port: listener.port });
    await other.backend.acceptWaiting(5_000);
    assert.equal(other.door.waits, 1);
    other.backend.close();
    await once(peer.resume(), 'end');
    assert.deepEqual([other.door.waits, other.door.taken], [0, 0]);
  });

  test('wait for nobody where no time is given', async (around) => {
    await around.listen((accepted) => accepted.close());
    await around.backend.acceptWaiting(0);
  });

  test('accept no more when closed; what is open goes on', async (around) => {
    const ear = new Ear();
    const listener = await around.listen((accepted) => accepted.toStream(ear.own));
    const { port } = listener;
    assert.ok(fstatSync(listener.fd).isSocket());
    const peer = await around.client({ host: LOOPBACK.host, port });
    await ear.until(() => ear.stream !== undefined);
    listener.close();
    listener.close();
    const refused = around.connect({ host: LOOPBACK.host, port });
    await refused.until(() => refused.causes.length > 0);
    assert.deepEqual(refused.causes, ['refused']);
    peer.end('still here');
    await ear.until(() => ear.ends === 1);
    assert.equal(ear.text, 'still here');
    ear.stream.destroy();
  });

  test('take the place of a unix socket away, unless others accept there', async (around) => {
    const path = join(folder, 'place.sock');
    const place = { ...LOOPBACK, host: '', path };
    const left = await around.listen(() => {}, place);
    assert.ok(statSync(path).isSocket());
    left.leave();
    assert.ok(statSync(path).isSocket());
    rmSync(path);
    const closed = await around.listen(() => {}, place);
    closed.close();
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
  });
}
