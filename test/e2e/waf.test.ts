/** The firewall in the way of requests, from outside. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { after, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { selfSigned } from './certificates.ts';
import { newFolder, Openclaw, ScriptedServer, SharedOpenclaw, until } from './harness.ts';

const ATTACK = "/search?q=1'%20union%20select%20password%20from%20users--";
const ATTACK_BODY = JSON.stringify({ name: "x' union select password from users--" });

const shared = new SharedOpenclaw();
after(() => shared.end());

async function start(context: TestContext, waf: object) {
  const server = await ScriptedServer.listen();
  const openclaw = await shared.take({ servers: [server.address], security: { waf } });
  context.after(async () => {
    await openclaw.stop();
    await server.close();
  });
  return { openclaw, server };
}

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: example.org\r\n\r\n`;

function post(path: string, body: string, lines = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${lines}\r\n${body}`;
}

function chunked(path: string, ...chunks: string[]): string {
  const framed = chunks.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`).join('');
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${framed}0\r\n\r\n`;
}

test('an attack in the target gets 403 with its request id, and no server sees it', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block' });
  const peer = await openclaw.send(get(ATTACK));
  const refused = await peer.response();
  assert.equal(refused.status, 403);
  assert.match(refused.text, /\(waf_blocked\)/);
  const id = /request id: (\S+)/.exec(refused.text)![1];
  assert.equal(server.lines.length, 0);
  const line = await openclaw.logged('/search');
  assert.equal(line.requestId, id);
  assert.match(String(line.verdicts), /sql-union \(\+5, critical\).*in query "q"/);
  assert.match(String(line.verdicts), /score \d+ of 5: a hit/);
  assert.equal((await peer.send(get('/fine')).response()).status, 200, 'the connection goes on');
  assert.equal(await openclaw.metric('openclaw_waf_verdicts_total{verdict="blocked"}'), 1);
  assert.equal(await openclaw.metric('openclaw_waf_matches_total{class="sql"}'), 1);
});

test('an attack in a body gets 403, and no server sees any of it', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block' });
  assert.equal((await (await openclaw.send(post('/a', ATTACK_BODY))).response()).status, 403);
  const halves = [ATTACK_BODY.slice(0, 12), ATTACK_BODY.slice(12)];
  assert.equal((await (await openclaw.send(chunked('/b', ...halves))).response()).status, 403);
  const bytes = [...ATTACK_BODY];
  assert.equal((await (await openclaw.send(chunked('/c', ...bytes))).response()).status, 403);
  const zipped = gzipSync(ATTACK_BODY).toString('latin1');
  const gzip = post('/d', zipped, 'Content-Encoding: gzip\r\n');
  assert.equal((await (await openclaw.send(gzip)).response()).status, 403);
  assert.equal(server.accepted, 0);
});

test('an attack in a field behind a chunked body gets 403', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block' });
  server.on('/echo', async (peer, head) => {
    const { trailers } = await peer.withBody(head, false);
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${trailers.length}\r\n\r\n${trailers}`);
  });
  const withTrailer = (value: string): string =>
    `${chunked('/echo', 'plain words').slice(0, -2)}X-Note: ${value}\r\n\r\n`;
  const refused = await openclaw.send(withTrailer("x' UNION SELECT 1,password FROM users--"));
  assert.equal((await refused.response()).status, 403);
  assert.match(String((await openclaw.logged('/echo')).verdicts), /sql-union.*in header "x-note"/);
  assert.equal(server.requestsFor('/echo'), 0);
  const passed = await openclaw.send(withTrailer('fine'));
  assert.match((await passed.response()).text, /x-note: fine/i);
});

test('a harmless body reaches the server as it came, once it is whole', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block' });
  server.on('/echo', async (peer, head) => {
    const { text, trailers } = await peer.withBody(head, false);
    const said = `${head.headers['content-encoding'] ?? ''}${text}${trailers}`;
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
  });
  const body = JSON.stringify({ name: "O'Brien", text: 'select a good union of ideas' });
  const slow = await openclaw.connect();
  slow.send(post('/echo', body).slice(0, -10));
  assert.equal((await (await openclaw.send(get('/other'))).response()).status, 200);
  assert.equal(server.requestsFor('/echo'), 0, 'held until it is whole');
  slow.send(post('/echo', body).slice(-10));
  assert.equal((await slow.response()).text, body);
  const inChunks = await openclaw.send(chunked('/echo', body.slice(0, 5), body.slice(5)));
  assert.equal((await inChunks.response()).text, body);
  const zipped = gzipSync(body).toString('latin1');
  const gzip = await openclaw.send(post('/echo', zipped, 'Content-Encoding: gzip\r\n'));
  assert.equal((await gzip.response()).text, `gzip${zipped}`);
});

test('of a body beyond the limit the beginning is looked at, and all of it passes', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block', body_limit: '1k' });
  let received = 0;
  server.on('/upload', async (peer, head) => {
    received = (await peer.withBody(head, false)).body.length;
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const harmless = JSON.stringify({ text: 'x'.repeat(300_000) });
  assert.equal((await (await openclaw.send(post('/upload', harmless))).response()).status, 200);
  assert.equal(received, harmless.length);
  const hidden = JSON.stringify({ text: 'x'.repeat(2000), name: ATTACK_BODY });
  assert.equal((await (await openclaw.send(post('/upload', hidden))).response()).status, 200);
  const early = JSON.stringify({ name: JSON.parse(ATTACK_BODY).name, text: 'x'.repeat(300_000) });
  const blocked = await openclaw.send(post('/upload', early));
  assert.equal((await blocked.response()).status, 403);
  assert.equal(server.requestsFor('/upload'), 2);
});

test('with oversize: refuse a body beyond the limit gets 413, and no server sees any of it', async (context) => {
  const waf = { mode: 'block', body_limit: '1k', oversize: 'refuse' };
  const { openclaw, server } = await start(context, waf);
  server.on('/upload', async (peer, head) => {
    await peer.withBody(head, false);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const status = async (request: string) =>
    (await (await openclaw.send(request)).response()).status;
  const fitting = JSON.stringify({ text: 'x'.repeat(1024 - '{"text":""}'.length) });
  assert.equal(fitting.length, 1024);
  assert.equal(await status(post('/upload', fitting)), 200);
  assert.equal(await status(chunked('/upload', fitting)), 200);
  assert.equal(await status(chunked('/upload', ...fitting.match(/.{1,64}/g)!)), 200);
  const seen = server.requestsFor('/upload');
  const refused = await openclaw.send(post('/upload', `${fitting} `));
  const answer = await refused.response();
  assert.equal(answer.status, 413);
  assert.match(answer.text, /\(waf_body_too_large\)/);
  const waiting = post('/upload', '', 'Expect: 100-continue\r\n').replace('h: 0', 'h: 1025');
  assert.equal(await status(waiting), 413, 'the body is not asked for');
  assert.equal(await status(chunked('/upload', fitting, ' ')), 413);
  assert.equal(await status(chunked('/upload', 'x'.repeat(300_000))), 413);
  const zipped = gzipSync(`${fitting} `).toString('latin1');
  assert.equal(await status(post('/upload', zipped, 'Content-Encoding: gzip\r\n')), 413);
  const attack = JSON.stringify({ name: JSON.parse(ATTACK_BODY).name, text: 'x'.repeat(700) });
  assert.equal(await status(post('/upload', attack)), 403);
  assert.equal(server.requestsFor('/upload'), seen);
  const other = await openclaw.send(post('/upload', '{}'));
  assert.equal((await other.response()).status, 200);
  assert.equal(
    (await other.send(get('/next')).response()).status,
    200,
    'heads without a body pass',
  );
});

test('a client that waits for 100 Continue is asked for its body, and the server is not asked again', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block' });
  let expected: string[] | undefined = [];
  server.on('/wait', async (peer, head) => {
    expected = head.headers.expect;
    await peer.withBody(head, false);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const peer = await openclaw.send(
    post('/wait', '', 'Expect: 100-continue\r\n').replace('h: 0', 'h: 2'),
  );
  assert.equal((await peer.head()).status, 100);
  peer.send('{}');
  assert.equal((await peer.response()).status, 200);
  assert.equal(expected, undefined);
});

test('mode detect lets everything pass, and says what it would have blocked', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'detect' });
  assert.equal((await (await openclaw.send(get(ATTACK))).response()).status, 200);
  assert.equal((await (await openclaw.send(post('/body', ATTACK_BODY))).response()).status, 200);
  assert.equal(server.lines.length, 2);
  assert.match(String((await openclaw.logged('/body')).verdicts), /sql-union.*in json "name"/);
  assert.equal(await openclaw.metric('openclaw_waf_verdicts_total{verdict="detected"}'), 2);
});

test('an exclusion and a higher threshold let a request pass', async (context) => {
  const { openclaw } = await start(context, {
    mode: 'block',
    exclusions: [{ rule: 'sql', path: '/search', parameter: 'q' }],
  });
  assert.equal((await (await openclaw.send(get(ATTACK))).response()).status, 200);
  const elsewhere = get(ATTACK.replace('/search', '/find'));
  assert.equal((await (await openclaw.send(elsewhere)).response()).status, 403);
  await openclaw.reload((settings) => {
    settings.load_balancing.security = { waf: { mode: 'block', anomaly_threshold: 100 } };
  });
  assert.equal((await (await openclaw.send(elsewhere)).response()).status, 200);
});

test('a hit is logged even where requests are not', async (context) => {
  const { openclaw } = await start(context, { mode: 'block' });
  await openclaw.reload((settings) => {
    settings.log.access = 'off';
  });
  await (await openclaw.send(get('/quiet'))).response();
  await (await openclaw.send(get(ATTACK))).response();
  await openclaw.logged('/search');
  assert.equal(
    openclaw.log().some((line) => line.request === 'GET /quiet'),
    false,
  );
});

test('a client that leaves in the middle of a held body leaves nothing behind', async (context) => {
  const { openclaw, server } = await start(context, { mode: 'block' });
  for (let count = 0; count < 5; count++) {
    // Who is gone when it is accepted is not told of: this one was let in.
    const peer = await openclaw.send(post('/fine', '{}'));
    await peer.response();
    peer.send(post('/left', ATTACK_BODY).slice(0, -5));
    if (count % 2 === 0) peer.close();
    else peer.reset();
  }
  await until(
    'all are over',
    () => openclaw.log().filter(({ failure }) => failure === 'client_gone').length === 5,
  );
  assert.equal((await (await openclaw.send(post('/fine', '{}'))).response()).status, 200);
  assert.equal(server.requestsFor('/left'), 0);
});

test('a held request is sent once, to a server that lives, when the first refuses', async (context) => {
  const server = await ScriptedServer.listen();
  const openclaw = await Openclaw.start({
    servers: ['127.0.0.1:9', server.address],
    security: { waf: { mode: 'block' } },
  });
  context.after(async () => {
    await openclaw.stop();
    await server.close();
  });
  for (let count = 1; count <= 6; count++) {
    assert.equal((await (await openclaw.send(post('/order', '{"n":1}'))).response()).status, 200);
    assert.equal(server.requestsFor('/order'), count);
  }
});

test('over HTTP/2 streams are judged one by one: heads, bodies with and without a length, limits', async (context) => {
  const server = await ScriptedServer.listen();
  const tls = selfSigned(newFolder(), 'localhost', ['DNS:localhost']);
  const openclaw = await Openclaw.start({
    servers: [server.address],
    security: { tls, waf: { mode: 'block', body_limit: '1k', oversize: 'refuse' } },
    performance: { rate_limiting: { max_requests_per_second_per_ip: 1, burst: 8 } },
  });
  const session = http2.connect(`https://127.0.0.1:${openclaw.port}`, {
    rejectUnauthorized: false,
  });
  context.after(async () => {
    session.close();
    await openclaw.stop();
    await server.close();
  });
  const ask = async (path: string, body?: string, headers = {}) => {
    const method = body === undefined ? 'GET' : 'POST';
    const type = { 'content-type': 'application/json' };
    const stream = session.request({ ':path': path, ':method': method, ...type, ...headers });
    for (const half of body === undefined ? [] : [body.slice(0, 9), body.slice(9)]) {
      stream.write(half);
    }
    stream.end();
    const [head] = await once(stream, 'response');
    stream.resume();
    return Number(head[':status']);
  };
  assert.equal(await ask(ATTACK), 403);
  assert.equal(await ask('/a', ATTACK_BODY), 403);
  assert.equal(await ask('/b', ATTACK_BODY, { 'content-length': `${ATTACK_BODY.length}` }), 403);
  const large = `{"text":"${'x'.repeat(2000)}"}`;
  assert.equal(await ask('/large', large), 413);
  assert.equal(await ask('/large', large, { 'content-length': `${large.length}` }), 413);
  assert.equal(await ask('/c', '{"name":"Mary"}', { expect: '100-continue' }), 200);
  assert.equal(await ask('/d', '{"name":"Mary"}'), 200);
  assert.deepEqual(
    server.lines.map((line) => line.split(' ')[1]),
    ['/c', '/d'],
  );
  const rest = [await ask('/e'), await ask('/f'), await ask('/g'), await ask('/h')];
  assert.ok(rest.includes(429), String(rest));
});
