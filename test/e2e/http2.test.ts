/** HTTP/2 to clients, with Node's library and raw frames on the other end. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { selfSigned } from './certificates.ts';
import {
  type Balancing,
  type Message,
  newFolder,
  Openclaw,
  okWith,
  type Peer,
  ScriptedServer,
  SharedOpenclaw,
  until,
  untilSettled,
} from './harness.ts';
import {
  END_HEADERS,
  END_STREAM,
  FramePeer,
  frame,
  headers,
  REQUEST,
  TYPE,
  uint32,
} from './http2-frames.ts';

/** What a test reads of a body at a time, so that its wait is for the next piece, not for all. */
const PIECE_BYTES = 64 * 1024;
/** Twice so many are more than may come too early in a row, once so many are not. */
const HALF_TOO_OFTEN = 60;
const files = selfSigned(newFolder(), 'localhost', ['DNS:localhost']);
let server: ScriptedServer;
before(async () => {
  server = await ScriptedServer.listen();
});
const settings = (balancing: Balancing) => ({
  servers: [server.address],
  security: { tls: files },
  ...balancing,
});
const startOwn = () => Openclaw.start(settings({}));
const shared = new SharedOpenclaw();
after(async () => {
  await shared.end();
  await server.close();
});

const start = (balancing: Balancing = {}) => shared.take(settings(balancing));

async function connect(
  openclaw: Openclaw,
  options: http2.SecureClientSessionOptions & { localAddress?: string } = {},
): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`https://127.0.0.1:${openclaw.port}`, {
    rejectUnauthorized: false,
    ...options,
  });
  session.on('error', () => {});
  await once(session, 'connect');
  return session;
}

interface Response {
  status: number;
  headers: http2.IncomingHttpHeaders;
  trailers: http2.IncomingHttpHeaders;
  body: Buffer;
}

async function response(stream: http2.ClientHttp2Stream): Promise<Response> {
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  return { status: Number(fields[':status']), headers: fields, trailers, body };
}

const ask = (session: http2.ClientHttp2Session, fields: http2.OutgoingHttpHeaders) =>
  response(session.request(fields));

test('a request goes on as it was asked, and its answer comes back as it was given', async () => {
  let seen: Message | undefined;
  server.on('/x', (peer, head) => {
    seen = head;
    peer.send(
      okWith(
        'hello',
        'X-Twice: 1\r\nX-Twice: 2\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n',
      ),
    );
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const stream = session.request({
      ':path': '/x?y=1',
      ':authority': 'shop.example:8443',
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
    });
    const { status, headers: got, body } = await response(stream);
    assert.equal(status, 200);
    assert.equal(body.toString(), 'hello');
    assert.equal(got['x-twice'], '1, 2');
    for (const name of ['connection', 'keep-alive', 'x-hop']) assert.equal(got[name], undefined);
    assert.ok(got.date);
    assert.equal(seen!.line, 'GET /x?y=1 HTTP/1.1');
    assert.deepEqual(seen!.headers.host, ['shop.example:8443']);
    assert.deepEqual(seen!.headers.cookie, ['a=1; b=2']);
    assert.deepEqual(seen!.headers.te, ['trailers']);
    assert.deepEqual(seen!.headers.via, ['2.0 openclaw']);
    assert.deepEqual(seen!.headers['x-forwarded-proto'], ['https']);
    assert.equal((await openclaw.logged('/x')).protocol, 'HTTP/2');
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('requests on one connection do not wait for each other', async () => {
  let waiting: Peer | undefined;
  server.on('/slow', (peer) => {
    waiting = peer;
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const slow = ask(session, { ':path': '/slow' });
    await until('the slow request', () => waiting);
    const paths = Array.from({ length: 100 }, (_, at) => `/quick/${at}`);
    const answers = await Promise.all(paths.map((path) => ask(session, { ':path': path })));
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      paths,
    );
    waiting!.send(okWith('at last'));
    assert.equal((await slow).body.toString(), 'at last');
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('bodies and trailers pass in both directions', async () => {
  let received: Message | undefined;
  server.on('/echo', async (peer, head) => {
    received = await peer.withBody(head, false);
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    peer.send(`${received.body.length.toString(16)}\r\n`).send(received.body);
    peer.send('\r\n0\r\nX-Sum: 42\r\n\r\n');
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  const sent = randomBytes(3 * 1024 * 1024);
  try {
    const stream = session.request(
      { ':method': 'POST', ':path': '/echo' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-check': 'abc' }));
    stream.end(sent);
    const { body, trailers } = await response(stream);
    assert.ok(body.equals(sent));
    assert.equal(trailers['x-sum'], '42');
    assert.match(received!.trailers, /x-check: abc/i);
    const withLength = session.request({
      ':method': 'PUT',
      ':path': '/echo',
      'content-length': 5,
    });
    withLength.end('hello');
    assert.equal((await response(withLength)).body.toString(), 'hello');
    assert.deepEqual(received!.headers['content-length'], ['5']);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a reader that takes nothing stops its server, and nobody beside it', async () => {
  const size = 32 * 1024 * 1024;
  let sending: Peer | undefined;
  server.on('/large', (peer) => {
    sending = peer;
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`).send(Buffer.alloc(size, 'x'));
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const stream = session.request({ ':path': '/large' });
    await once(stream, 'response');
    const sent = () => sending!.socket.bytesWritten - sending!.socket.writableLength;
    await until('the first bytes', () => sent() > 0);
    await untilSettled('what a paused stream lets through', sent);
    assert.equal((await ask(session, { ':path': '/beside' })).body.toString(), '/beside');
    let bytes = 0;
    for await (const piece of stream) bytes += (piece as Buffer).length;
    assert.equal(bytes, size);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a server that takes nothing stops its client', async () => {
  let held: Peer | undefined;
  server.on('/upload', (peer) => {
    held = peer;
    peer.socket.pause();
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  const size = 16 * 1024 * 1024;
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/upload',
      'content-length': size,
    });
    stream.end(Buffer.alloc(size));
    await until('the request', () => held);
    // What is sent and not taken lies in sockets and windows: far less than all.
    const bytes = await untilSettled('what goes out', () => session.socket.bytesWritten);
    assert.ok(bytes < size / 2, `${bytes} bytes went out`);
    held!.socket.resume();
    for (let at = 0; at < size; at += PIECE_BYTES) await held!.bytes(PIECE_BYTES);
    held!.send(okWith('got it'));
    assert.equal((await response(stream)).body.toString(), 'got it');
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a client that cancels lets its server go; a server that breaks off resets the stream', async () => {
  let waiting: Peer | undefined;
  server.on('/wait', (peer) => {
    waiting = peer;
  });
  server.on('/break', (peer, head) => {
    const length = head.line.includes('?') ? 'Content-Length: 100' : 'Transfer-Encoding: chunked';
    peer.send(`HTTP/1.1 200 OK\r\n${length}\r\n\r\n4\r\nhalf\r\n`);
    peer.close();
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const stream = session.request({ ':path': '/wait' });
    stream.on('error', () => {});
    const peer = await until('the request', () => waiting);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await until('the end of the connection to the server', () => peer.hasEnded || peer.isClosed);
    assert.equal((await openclaw.logged('/wait')).failure, 'client_gone');
    for (const path of ['/break', '/break?length']) {
      const broken = session.request({ ':path': path });
      await assert.rejects(response(broken));
      assert.equal(broken.rstCode, http2.constants.NGHTTP2_INTERNAL_ERROR);
    }
    assert.equal((await ask(session, { ':path': '/beside' })).status, 200);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('an answer before the end of the request is whole, and the rest is not wanted', async () => {
  server.on('/early', (peer) => {
    peer.send(
      'HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!',
    );
    peer.end();
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const stream = session.request({ ':method': 'POST', ':path': '/early' });
    stream.write('begin');
    const { status, body } = await response(stream);
    assert.equal(status, 413);
    assert.equal(body.toString(), 'no!');
    await until('the reset', () => stream.closed);
    assert.equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('interim responses, HEAD and answers without a body', async () => {
  server.on('/hints', (peer) => {
    peer.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n').send(okWith('hello'));
  });
  server.on('/none', (peer) => {
    peer.send('HTTP/1.1 204 No Content\r\n\r\n');
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const stream = session.request({ ':path': '/hints' });
    const interim: http2.IncomingHttpHeaders[] = [];
    stream.on('headers', (fields) => interim.push(fields));
    assert.equal((await response(stream)).body.toString(), 'hello');
    assert.equal(interim[0]?.[':status'], 103);
    assert.equal(interim[0]?.link, '</a.css>');
    const head = await ask(session, { ':method': 'HEAD', ':path': '/head' });
    assert.equal(head.headers['content-length'], '5');
    assert.equal(head.body.length, 0);
    assert.equal((await ask(session, { ':path': '/none' })).status, 204);
    const refused = await ask(session, { ':path': '/x', ':authority': 'a:b' });
    assert.equal(refused.status, 400);
    assert.match(refused.body.toString(), /bad_host/);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('fields named like what every object has are passed on as any other', async () => {
  const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'];
  const lines = names.map((name) => `${name}: a\r\n${name}: b\r\n`).join('');
  server.on('/inherited', async (peer, head) => {
    await peer.withBody(head, false);
    peer.send(`HTTP/1.1 103 Early Hints\r\n${lines}\r\n`);
    peer.send(`HTTP/1.1 200 OK\r\n${lines}Transfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n`);
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    const stream = session.request(
      { ':path': '/inherited', ':method': 'POST' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ constructor: 'c', valueof: 'v' }));
    let hints: http2.IncomingHttpHeaders = {};
    stream.on('headers', (fields) => {
      hints = fields;
    });
    stream.end('x');
    const { headers: got, trailers } = await response(stream);
    for (const fields of [hints, got, trailers]) {
      for (const name of names) assert.equal(fields[name.toLowerCase()], 'a, b', name);
    }
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('statuses that HTTP/2 cannot carry, and a 205 with a body', async () => {
  server.on('/status', (peer, head) => {
    const status = head.line.split(/[? ]/)[2];
    peer.send(`HTTP/1.1 ${status} Odd\r\nContent-Length: 5\r\n\r\nhello`);
  });
  server.on('/reset-content', (peer) => {
    const chunks = '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n';
    peer.send(`HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  try {
    for (const status of [600, 700, 999]) {
      const { status: got, body } = await ask(session, { ':path': `/status?${status}` });
      assert.equal(got, 502);
      assert.match(body.toString(), /bad_response/);
    }
    const line = await openclaw.logged('/status');
    assert.deepEqual([line.status, line.failure], [502, 'bad_response']);
    for (const path of ['/status?205', '/reset-content']) {
      const { status, body, headers: got } = await ask(session, { ':path': path });
      assert.deepEqual([status, body.length, got['content-length']], [205, 0, undefined]);
    }
    assert.equal((await openclaw.logged('/reset-content')).status, 205);
    assert.equal((await ask(session, { ':path': '/status?599' })).body.toString(), 'hello');
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a WebSocket runs over a stream (RFC 8441)', async () => {
  let asked: Message | undefined;
  server.on('/chat', async (peer, head) => {
    asked = head;
    peer.send(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: p\r\n\r\n',
    );
    peer.send(await peer.bytes(6));
    peer.end();
  });
  let waiting: Peer | undefined;
  server.on('/left', (peer) => {
    waiting = peer;
  });
  server.on('/no-chat', (peer) => {
    peer.send(okWith('a page'));
  });
  const openclaw = await start();
  const session = await connect(openclaw);
  const open = (path: string) =>
    session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':authority': 'a',
        ':path': path,
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'p',
      },
      { endStream: false },
    );
  try {
    await until('its settings', () => session.remoteSettings.enableConnectProtocol);
    const stream = open('/chat');
    const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    assert.equal(fields[':status'], 200);
    assert.equal(fields['sec-websocket-protocol'], 'p');
    assert.equal(fields['sec-websocket-accept'], undefined);
    assert.match(asked!.headers['sec-websocket-key']![0]!, /^[\w+/]{22}==$/);
    // A masked, empty close frame.
    const close = Buffer.from([0x88, 0x80, 1, 2, 3, 4]);
    stream.write(close);
    const [echoed] = (await once(stream, 'data')) as [Buffer];
    assert.deepEqual(echoed, close);
    stream.destroy();
    const left = open('/left');
    left.on('error', () => {});
    const peer = await until('the handshake', () => waiting);
    left.end();
    await until('the end of the connection to the server', () => peer.hasEnded || peer.isClosed);
    const refused = open('/no-chat');
    const [answer] = (await once(refused, 'response')) as [http2.IncomingHttpHeaders];
    assert.equal(answer[':status'], 502);
    refused.destroy();
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('at the end of openclaw what is under way is finished, and the client is told to go', async () => {
  let waiting: Peer | undefined;
  server.on('/last', (peer) => {
    waiting = peer;
  });
  const openclaw = await startOwn();
  const session = await connect(openclaw);
  try {
    const goaways: number[] = [];
    session.on('goaway', (code) => goaways.push(code));
    const last = ask(session, { ':path': '/last' });
    await until('the request', () => waiting);
    const stopped = openclaw.stop();
    await until('the word to go', () => goaways.length > 0);
    waiting!.send(okWith('done'));
    assert.equal((await last).body.toString(), 'done');
    assert.deepEqual(new Set(goaways), new Set([0]));
    await stopped;
    assert.equal(session.closed, true);
  } finally {
    session.destroy();
  }
});

test('an idle connection is closed in good order', async () => {
  const openclaw = await start({ timeout: { idle: '300ms' } });
  const session = await connect(openclaw);
  try {
    const codes: number[] = [];
    session.on('goaway', (code) => codes.push(code));
    await ask(session, { ':path': '/' });
    await once(session, 'close');
    assert.deepEqual(new Set(codes), new Set([0]));
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a client that stops sending its body, or taking its answer, is given up', async () => {
  const size = 8 * 1024 * 1024;
  server.on('/endless', (peer) => {
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`).send(Buffer.alloc(size));
  });
  server.on('/silent', () => {});
  const openclaw = await start({ timeout: { read: '1s', write: '300ms' } });
  const session = await connect(openclaw);
  try {
    const silent = session.request({ ':method': 'POST', ':path': '/silent' });
    assert.equal((await response(silent)).status, 408);
    const deaf = session.request({ ':path': '/endless' });
    deaf.on('error', () => {});
    await once(deaf, 'response');
    assert.equal((await openclaw.logged('/endless')).failure, 'client_write_timeout');
    assert.equal((await ask(session, { ':path': '/beside' })).status, 200);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a head beyond the limits is refused, and the connection goes on', async () => {
  const openclaw = await start();
  const session = await connect(openclaw, { maxSendHeaderBlockLength: 1024 * 1024 });
  try {
    const long = await ask(session, { ':path': `/${'a'.repeat(20_000)}` });
    assert.equal(long.status, 414);
    const many = Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'y']);
    for (const [path, fields, code] of [
      ['/many', Object.fromEntries(many), 'too_many_fields'],
      ['/large', { 'x-large': 'y'.repeat(70_000) }, 'head_too_large'],
    ] as const) {
      const { status, body } = await ask(session, { ':path': path, ...fields });
      assert.equal(status, 431, path);
      assert.ok(body.toString().includes(code), body.toString());
      await until('its line', () => openclaw.log().find(({ failure }) => failure === code));
      assert.equal(await openclaw.metric(`openclaw_failures_total{code="${code}"}`), 1);
    }
    const cookie = Array.from({ length: 130 }, (_, at) => `c${at}=1`);
    assert.equal((await ask(session, { ':path': '/crumbs', cookie })).status, 200);
    assert.equal((await ask(session, { ':path': '/beside' })).status, 200);
  } finally {
    session.destroy();
    await openclaw.stop();
  }
});

test('a client that asks again and again above its rate is told to go', async () => {
  let answer = (): void => {};
  server.on('/let-in', async (peer) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    peer.send(okWith('at last'));
  });
  const openclaw = await start({
    performance: { rate_limiting: { enabled: true, max_requests_per_second_per_ip: 1 } },
  });
  let clients = 0;
  const isTold = async () => {
    // Another client each time, for if a second passes meanwhile one more is let in.
    clients += 1;
    const localAddress = `127.1.${clients >> 8}.${clients & 255}`;
    const session = await connect(openclaw, { localAddress });
    let hasGoaway = false;
    session.on('goaway', () => {
      hasGoaway = true;
    });
    try {
      const letIn = ask(session, { ':path': '/let-in' });
      await until('it is at the server', () => server.requestsFor('/let-in') === clients);
      await askTogether(session, HALF_TOO_OFTEN);
      // It was asked before the others: that it ends between them makes them no less hasty.
      answer();
      assert.equal((await letIn).status, 200);
      await askTogether(session, HALF_TOO_OFTEN);
      // What answers the ping has said before whether it is to go.
      if (!hasGoaway) await new Promise((resolve) => session.ping(resolve));
      return hasGoaway;
    } finally {
      session.destroy();
    }
  };
  try {
    await until('the word to go', isTold);
  } finally {
    await openclaw.stop();
  }
});

async function askTogether(session: http2.ClientHttp2Session, count: number): Promise<void> {
  const streams = Array.from({ length: count }, () => session.request({ ':path': '/' }));
  const ends = streams.map((stream) => {
    // Those that come when it has long been told to go are refused.
    stream.on('error', () => {}).resume();
    return new Promise((resolve) => stream.once('close', resolve));
  });
  await Promise.all(ends);
}

/** Each costs the attacker little; beyond a bound the connection is closed. */
const ATTACKS: Record<string, () => Buffer[]> = {
  'rapid reset (CVE-2023-44487)': () =>
    Array.from({ length: 2000 }, (_, at) => [
      headers(2 * at + 1),
      frame(TYPE.reset, 0, 2 * at + 1, uint32(8)),
    ]).flat(),
  'resets that it makes us send (CVE-2025-8671)': () =>
    Array.from({ length: 2000 }, (_, at) => [
      headers(2 * at + 1, REQUEST.with(1, 'POST'), END_HEADERS),
      frame(TYPE.window, 0, 2 * at + 1, uint32(0)),
    ]).flat(),
  'a flood of CONTINUATION (CVE-2024-27316)': () => [
    headers(1, REQUEST, END_STREAM),
    ...Array.from({ length: 2000 }, () => frame(TYPE.continuation, 0, 1, Buffer.alloc(1000))),
  ],
  'a flood of empty DATA (CVE-2019-9518)': () => [
    headers(1, REQUEST.with(1, 'POST'), END_HEADERS),
    ...Array.from({ length: 20_000 }, () => frame(TYPE.data, 0, 1)),
    frame(TYPE.data, 0, 3, Buffer.alloc(1)),
  ],
};

for (const [what, frames] of Object.entries(ATTACKS)) {
  test(`${what} ends the connection of the attacker, and nobody else's`, async () => {
    server.on('/never', () => {});
    const openclaw = await start();
    const session = await connect(openclaw);
    try {
      const attacker = await FramePeer.connect(openclaw.port);
      attacker.send(...frames());
      await attacker.next(() => false);
      assert.equal((await ask(session, { ':path': '/beside' })).status, 200);
      await openclaw.untilIdle();
    } finally {
      session.destroy();
      await openclaw.stop();
    }
  });
}

for (const [what, flood] of Object.entries({
  PING: () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
  SETTINGS: () => frame(TYPE.settings, 0, 0),
})) {
  test(`a flood of ${what} whose answers nobody reads ends the connection`, async () => {
    const openclaw = await start();
    try {
      const attacker = await FramePeer.connect(openclaw.port);
      attacker.socket.pause();
      const before = openclaw.residentBytes();
      const piece = Buffer.concat(Array.from({ length: 1000 }, flood));
      for (let rounds = 0; rounds < 1000 && !attacker.socket.destroyed; rounds++) {
        if (!attacker.socket.write(piece)) {
          await Promise.race([
            once(attacker.socket, 'drain'),
            once(attacker.socket, 'close'),
          ]).catch(() => {});
        }
      }
      attacker.socket.resume();
      await attacker.next(() => false);
      assert.ok(openclaw.residentBytes() - before < 64 * 1024 * 1024);
    } finally {
      await openclaw.stop();
    }
  });
}
