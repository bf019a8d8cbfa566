/** rate_limiting and access_control, from outside. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { selfSigned } from './certificates.ts';
import {
  type Balancing,
  newFolder,
  Openclaw,
  Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
} from './harness.ts';

const GET = 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n';

const shared = new SharedOpenclaw();
after(() => shared.end());

/**
 * By a reload. Rates remember who asked: a test of them asks from addresses that no other one has,
 * and those with a limit over all clients, or several workers, have a start each.
 */
async function reload(context: TestContext, balancing: Balancing) {
  const server = await ScriptedServer.listen();
  const openclaw = await shared.take({ servers: [server.address], ...balancing });
  context.after(async () => {
    await openclaw.stop();
    await server.close();
  });
  return openclaw;
}

async function start(context: TestContext, balancing: Balancing, workers = 1) {
  const server = await ScriptedServer.listen();
  const openclaw = await Openclaw.start({ servers: [server.address], ...balancing }, { workers });
  context.after(async () => {
    await openclaw.stop();
    await server.close();
  });
  return openclaw;
}

/** A connection from an address of this machine's own network. */
function from(openclaw: Openclaw, localAddress: string): Promise<Peer> {
  return Peer.connect({ host: '127.0.0.1', port: openclaw.port, localAddress });
}

async function statuses(peer: Peer, times: number, request = GET): Promise<number[]> {
  const all: number[] = [];
  for (let time = 0; time < times; time++) all.push((await peer.send(request).response()).status);
  return all;
}

const limiting = (limits: object) => ({ performance: { rate_limiting: limits } });

test('an address that asks more often than it may gets 429, and others do not notice', async (context) => {
  const openclaw = await start(
    context,
    limiting({ max_requests_per_second_per_ip: 1, burst: 3 }),
    2,
  );
  const greedy = await from(openclaw, '127.0.0.2');
  assert.deepEqual(await statuses(greedy, 3), [200, 200, 200]);
  const refused = await greedy.send(GET).response();
  assert.equal(refused.status, 429);
  assert.deepEqual(refused.headers['retry-after'], ['1']);
  assert.deepEqual(refused.headers.ratelimit, ['"address";r=0;t=1']);
  assert.deepEqual(refused.headers['ratelimit-policy'], ['"address";q=3;w=3']);
  assert.match(refused.text, /\(address_rate_limited\)/);
  // Over other connections, and so other workers, it is the same client.
  const others = await Promise.all(Array.from({ length: 8 }, () => from(openclaw, '127.0.0.2')));
  const again = await Promise.all(others.map(async (peer) => (await statuses(peer, 1))[0]));
  assert.ok(again.filter((status) => status === 200).length <= 1, String(again));
  const honest = await from(openclaw, '127.0.0.3');
  assert.deepEqual(await statuses(honest, 3), [200, 200, 200]);
  assert.ok((await openclaw.metric('openclaw_failures_total{code="address_rate_limited"}')) >= 8);
});

test('a refused request with a body is read to its end, and the connection goes on', async (context) => {
  const openclaw = await reload(context, limiting({ max_requests_per_second_per_ip: 1, burst: 1 }));
  const peer = await from(openclaw, '127.0.0.11');
  assert.deepEqual(await statuses(peer, 1), [200]);
  const post = 'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';
  const refused = await peer.send(post).response();
  assert.equal(refused.status, 429);
  peer.send('hello');
  assert.deepEqual(await statuses(peer, 1), [429]);
});

test('the limit over all clients is one, whoever asks', async (context) => {
  const openclaw = await start(context, limiting({ max_requests_per_second: 1, burst: 4 }), 2);
  const all: number[] = [];
  for (let last = 2; last < 8; last++) {
    all.push(...(await statuses(await from(openclaw, `127.0.0.${last}`), 1)));
  }
  assert.deepEqual(all.slice(0, 4), [200, 200, 200, 200]);
  assert.ok(all.slice(4).includes(429), String(all));
});

test('a client behind a trusted proxy is limited by its own address', async (context) => {
  const openclaw = await reload(context, {
    trusted_proxies: ['127.0.0.0/8'],
    ...limiting({ max_requests_per_second_per_ip: 1, burst: 1, exempt: ['198.51.100.0/24'] }),
  });
  const proxy = await openclaw.connect();
  const ask = (client: string) =>
    statuses(proxy, 2, `GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${client}\r\n\r\n`);
  assert.deepEqual(await ask('192.0.2.1'), [200, 429]);
  assert.deepEqual(await ask('192.0.2.2'), [200, 429]);
  assert.deepEqual(await ask('2001:db8::1'), [200, 429]);
  assert.deepEqual(await ask('2001:db8::2'), [429, 429], 'the same /64');
  assert.deepEqual(await ask('198.51.100.7'), [200, 200], 'exempt');
});

test('what a client writes behind a trusted proxy never opens an access list', async (context) => {
  const openclaw = await reload(context, {
    trusted_proxies: ['127.0.0.0/8'],
    security: { access_control: { denylist: ['203.0.113.66'] } },
  });
  const requests: [lines: string, status: number][] = [
    ['Forwarded: proto=http;host="a;for=192.0.2.7";for=203.0.113.66', 403],
    ['Forwarded: for=203.0.113.66;host="a,b"', 403],
    ['Forwarded: for=192.0.2.7;x=", for=203.0.113.66', 400],
    ['X-Forwarded-For: 203.0.113.66,', 403],
    ['X-Forwarded-For:\r\nForwarded: for=203.0.113.66', 403],
    ['X-Forwarded-For: 203.0.113.66, x', 400],
    ['X-Forwarded-For: 192.0.2.7\r\nForwarded: for=203.0.113.66', 403],
    ['X-Forwarded-For: 203.0.113.66\r\nForwarded: for=192.0.2.7', 403],
    ['X-Forwarded-For: 203.0.113.66, 192.0.2.7\r\nForwarded: for=192.0.2.7;host="a,b"', 200],
  ];
  for (const [lines, status] of requests) {
    const proxy = await openclaw.connect();
    assert.deepEqual(
      await statuses(proxy, 1, `GET / HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n`),
      [status],
      lines,
    );
    proxy.close();
  }
});

test('a proxy on a unix socket names its clients in the header that it writes', async (context) => {
  const path = join(newFolder(), 'web');
  await start(context, {
    listen: `unix:${path}`,
    trusted_proxies: ['unix:'],
    trusted_header: 'forwarded',
    security: { access_control: { denylist: ['203.0.113.66'] } },
  });
  const proxy = await Peer.connect({ path });
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n';
  const ask = (node: string) => statuses(proxy, 1, `${request}Forwarded: for=${node}\r\n\r\n`);
  assert.deepEqual(await ask('203.0.113.66'), [403]);
  assert.deepEqual(await ask('192.0.2.1'), [200]);
  proxy.close();
});

test('connections of one address are bounded over all workers', async (context) => {
  const openclaw = await start(context, limiting({ max_connections_per_ip: 3 }), 2);
  const peers = [];
  for (let count = 0; count < 3; count++) peers.push(await from(openclaw, '127.0.0.2'));
  for (const peer of peers) assert.deepEqual(await statuses(peer, 1), [200]);
  const fourth = await from(openclaw, '127.0.0.2');
  const refused = await fourth.send(GET).response();
  assert.equal(refused.status, 429);
  assert.match(refused.text, /\(too_many_connections\)/);
  await fourth.ended();
  assert.deepEqual(await statuses(await from(openclaw, '127.0.0.3'), 1), [200]);
  peers[0]!.close();
  await until('a place is free', async () => {
    const next = await from(openclaw, '127.0.0.2');
    const [status] = await statuses(next, 1);
    next.close();
    return status === 200;
  });
});

test('mode observe counts and logs, and refuses nobody', async (context) => {
  const openclaw = await reload(
    context,
    limiting({ mode: 'observe', max_requests_per_second_per_ip: 1, burst: 1 }),
  );
  const peer = await from(openclaw, '127.0.0.12');
  assert.deepEqual(await statuses(peer, 3), [200, 200, 200]);
  const observed = 'openclaw_limits_observed_total{code="address_rate_limited"}';
  assert.equal(await openclaw.metric(observed), 2);
  assert.equal(await openclaw.metric('openclaw_failures_total{code="address_rate_limited"}'), 0);
  await until('it is logged', () =>
    openclaw.log().some((line) => String(line.verdicts) === 'observed: address_rate_limited'),
  );
});

test('a flood of refusals is two lines a second in the log, with their number', async (context) => {
  const openclaw = await reload(context, limiting({ max_requests_per_second_per_ip: 1, burst: 1 }));
  await openclaw.reload((settings) => {
    settings.log.access = 'errors';
  });
  const peers = await Promise.all(Array.from({ length: 50 }, () => from(openclaw, '127.0.0.13')));
  await Promise.all(peers.map((peer) => statuses(peer, 3)));
  const lines = () => openclaw.log().filter((line) => line.failure === 'address_rate_limited');
  const last = await until('the number is logged', () =>
    lines().find((line) => line.repeats !== undefined),
  );
  assert.ok(lines().length <= 8, `${lines().length} lines`);
  assert.ok(Number(last.repeats) > 1);
  assert.equal(last.request, 'GET /');
});

test('a connection that asks too early again and again is not read for a while', async (context) => {
  const openclaw = await reload(context, limiting({ max_requests_per_second_per_ip: 2, burst: 1 }));
  const peer = (await from(openclaw, '127.0.0.14')).send(GET.repeat(6));
  const all: number[] = [];
  for (let count = 0; count < 6; count++) all.push((await peer.response()).status);
  // The last one waited until it was no more too early.
  assert.deepEqual(all, [200, 429, 429, 429, 429, 200]);
});

test('a reload changes limits for the next request, on connections that stay open', async (context) => {
  const openclaw = await reload(context, limiting({ max_requests_per_second_per_ip: 1, burst: 1 }));
  const peer = await from(openclaw, '127.0.0.15');
  assert.deepEqual(await statuses(peer, 2), [200, 429]);
  await openclaw.reload((settings) => {
    settings.load_balancing.performance = {};
  });
  assert.deepEqual(await statuses(peer, 5), [200, 200, 200, 200, 200]);
  await openclaw.reload((settings) => {
    Object.assign(settings.load_balancing, limiting({ max_connections_per_ip: 1 }));
  });
  assert.deepEqual(await statuses(peer, 1), [200], 'who is in stays in');
  assert.deepEqual(await statuses(await from(openclaw, '127.0.0.15'), 1), [429]);
});

test('an address on the denylist gets 403 and its connection is closed', async (context) => {
  const openclaw = await reload(context, {
    security: { access_control: { denylist: ['127.0.0.2', '192.0.2.0/24'] } },
  });
  const denied = await from(openclaw, '127.0.0.2');
  const refused = await denied.send('no HTTP at all\n').response();
  assert.equal(refused.status, 403);
  assert.match(refused.text, /\(address_denied\)/);
  await denied.ended();
  assert.deepEqual(await statuses(await from(openclaw, '127.0.0.3'), 1), [200]);
  assert.equal(await openclaw.metric('openclaw_failures_total{code="address_denied"}'), 1);
});

test('an allowlist lets only its own in, and the denylist wins', async (context) => {
  const openclaw = await reload(context, {
    security: { access_control: { allowlist: ['127.0.0.0/29'], denylist: ['127.0.0.2'] } },
  });
  assert.deepEqual(await statuses(await from(openclaw, '127.0.0.1'), 1), [200]);
  assert.deepEqual(await statuses(await from(openclaw, '127.0.0.2'), 1), [403]);
  assert.deepEqual(await statuses(await from(openclaw, '127.0.0.9'), 1), [403]);
});

test('behind a trusted proxy the forwarded address decides, and an untrusted one is not asked', async (context) => {
  const openclaw = await reload(context, {
    trusted_proxies: ['127.0.0.1'],
    security: { access_control: { denylist: ['192.0.2.0/24', '127.0.0.1'] } },
  });
  const request = (client: string) =>
    `GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${client}\r\n\r\n`;
  const proxy = await openclaw.connect();
  assert.deepEqual(await statuses(proxy, 1, request('192.0.2.7')), [403]);
  assert.deepEqual(await statuses(proxy, 1, request('198.51.100.7')), [200]);
  assert.deepEqual(await statuses(proxy, 1, request('192.0.2.7')), [403]);
  const liar = await from(openclaw, '127.0.0.2');
  assert.deepEqual(await statuses(liar, 1, request('192.0.2.7')), [200]);
});

test('a reload denies the next request on a connection that is open', async (context) => {
  const openclaw = await reload(context, {});
  const peer = await from(openclaw, '127.0.0.2');
  assert.deepEqual(await statuses(peer, 1), [200]);
  await openclaw.reload((settings) => {
    settings.load_balancing.security = { access_control: { denylist: ['127.0.0.2'] } };
  });
  assert.deepEqual(await statuses(peer, 1), [403]);
  await peer.ended();
});

test('a list of networks in a file is read again at a reload, and a bad one changes nothing', async (context) => {
  const file = join(newFolder(), 'denied.txt');
  writeFileSync(file, '# nobody yet\n');
  const openclaw = await reload(context, { security: { access_control: { denylist_file: file } } });
  const peer = await from(openclaw, '127.0.0.2');
  assert.deepEqual(await statuses(peer, 1), [200]);
  writeFileSync(file, '127.0.0.2/33\n');
  await assert.rejects(
    openclaw.reload(() => {}),
    /line 1: .*from 0 to 32/,
  );
  assert.deepEqual(await statuses(peer, 1), [200]);
  writeFileSync(file, '127.0.0.2 # out\n');
  await openclaw.reload(() => {});
  assert.deepEqual(await statuses(peer, 1), [403]);
  assert.match(openclaw.output.stderr, /was not applied/);
  openclaw.output.stderr = '';
});

test('over TLS whoever is kept out gets no handshake, and a place is free again however it ended', async (context) => {
  const certificate = selfSigned(newFolder(), 'main', ['IP:127.0.0.1']);
  const openclaw = await start(context, {
    ...limiting({ max_connections_per_ip: 1 }),
    security: { tls: certificate, access_control: { denylist: ['127.0.0.9'] } },
  });
  const secureFrom = async (localAddress: string) => {
    const target = { host: '127.0.0.1', port: openclaw.port, rejectUnauthorized: false };
    const socket = tls.connect({ ...target, localAddress } as tls.ConnectionOptions);
    const peer = new Peer(socket);
    await once(socket, 'secureConnect').catch(() => {});
    return peer;
  };
  for (const how of ['destroy', 'end', 'handshake fails', 'destroy'] as const) {
    if (how === 'handshake fails') {
      const plain = await from(openclaw, '127.0.0.2');
      await plain.send(GET).gone();
      continue;
    }
    const first = await until('a place is free', async () => {
      const peer = await secureFrom('127.0.0.2');
      return peer.isClosed ? undefined : peer;
    });
    assert.deepEqual(await statuses(first, 1), [200]);
    const second = await secureFrom('127.0.0.2');
    await until('the second is kept out', () => second.isClosed);
    first.socket[how]();
  }
  const denied = await secureFrom('127.0.0.9');
  await until('the denied one is kept out', () => denied.isClosed);
});
