/** Requests and responses of every shape, as they reach the other side. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { answerOk, Openclaw, okWith, ScriptedServer, until } from './harness.ts';

let server: ScriptedServer;
let openclaw: Openclaw;

before(async () => {
  server = await ScriptedServer.listen();
  openclaw = await Openclaw.start({ servers: [server.address] });
});

after(async () => {
  await openclaw.stop();
  await server.close();
});

const HOST = 'Host: a.example\r\n';

test('an HTTP/1.1 connection is kept for the next request, and no Connection line says so', async () => {
  const client = await openclaw.connect();
  for (const path of ['/one', '/two', '/three']) {
    const response = await client.send(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`).response();
    assert.equal(response.text, path);
    assert.equal(response.headers.connection, undefined);
  }
  client.close();
});

test('an HTTP/1.0 connection is closed after the response', async () => {
  const client = await openclaw.send('GET /ten HTTP/1.0\r\n\r\n');
  const response = await client.response();
  assert.equal(response.text, '/ten');
  assert.deepEqual(response.headers.connection, ['close']);
  await client.ended();
});

test('an HTTP/1.0 client that asks for it keeps its connection', async () => {
  const client = await openclaw.connect();
  for (const path of ['/one', '/two']) {
    const response = await client
      .send(`GET ${path} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n`)
      .response();
    assert.equal(response.text, path);
    assert.deepEqual(response.headers.connection, ['keep-alive']);
  }
  client.close();
});

test('Connection: close of a client is answered and done, and the server connection stays', async () => {
  const client = await openclaw.send(`GET /one HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  const response = await client.response();
  assert.deepEqual(response.headers.connection, ['close']);
  await client.ended();
  const accepted = server.accepted;
  const next = await openclaw.send(`GET /two HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await next.response()).text, '/two');
  assert.equal(server.accepted, accepted);
  next.close();
});

test('Connection: close of a server does not close the client connection', async () => {
  server.on('/closing', (peer) => {
    peer.send(okWith('bye', 'Connection: close\r\n')).end();
  });
  const client = await openclaw.connect();
  for (let time = 0; time < 3; time++) {
    const response = await client.send(`GET /closing HTTP/1.1\r\n${HOST}\r\n`).response();
    assert.equal(response.text, 'bye');
    assert.equal(response.headers.connection, undefined);
  }
  client.close();
});

test('pipelined requests are answered in order, slow servers and own answers among them', async () => {
  const gate = Promise.withResolvers<void>();
  server.on('/slow', async (peer) => {
    await gate.promise;
    peer.send(okWith('slow'));
  });
  const request = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
  const client = await openclaw.send(
    request('/slow') +
      `OPTIONS * HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\n\r\n` +
      request('/a') +
      `POST /b HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello` +
      `HEAD /c HTTP/1.1\r\n${HOST}\r\n` +
      request('/d'),
  );
  await until('the first request is at the server', () => server.requestsFor('/slow') === 1);
  assert.equal(client.unread, '');
  gate.resolve();
  assert.equal((await client.response()).text, 'slow');
  assert.equal((await client.response()).status, 200);
  assert.equal((await client.response()).text, '/a');
  assert.equal((await client.response()).text, '/b');
  assert.deepEqual((await client.response(true)).headers['content-length'], ['2']);
  assert.equal((await client.response()).text, '/d');
  client.close();
});

test('a hundred pipelined requests, sent byte by byte or at once, get a hundred answers in order', async () => {
  const all = Array.from({ length: 100 }, (_, nth) => `GET /p${nth} HTTP/1.1\r\n${HOST}\r\n`);
  const atOnce = await openclaw.send(all.join(''));
  for (let nth = 0; nth < 100; nth++) assert.equal((await atOnce.response()).text, `/p${nth}`);
  atOnce.close();
  const slowly = await openclaw.connect();
  for (const byte of all.slice(0, 3).join('')) {
    slowly.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let nth = 0; nth < 3; nth++) assert.equal((await slowly.response()).text, `/p${nth}`);
  slowly.close();
});

test('a response that comes byte by byte arrives whole', async () => {
  server.on('/bytewise', async (peer) => {
    const text =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n';
    for (const byte of text) {
      peer.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const client = await openclaw.send(`GET /bytewise HTTP/1.1\r\n${HOST}\r\n`);
  const response = await client.response();
  assert.equal(response.text, 'hello');
  assert.equal(response.trailers, 'X-Sum: 1\r\n');
  client.close();
});

test('HEAD gets the header lines of a body that does not come, whatever frames it', async () => {
  const heads: Record<string, string> = {
    '/length': 'Content-Length: 1234\r\n',
    '/chunked': 'Transfer-Encoding: chunked\r\n',
    '/neither': '',
  };
  for (const [path, lines] of Object.entries(heads)) {
    server.on(path, (peer) => {
      peer.send(`HTTP/1.1 200 OK\r\n${lines}\r\n`);
    });
  }
  const client = await openclaw.connect();
  for (const path of Object.keys(heads)) {
    const response = await client.send(`HEAD ${path} HTTP/1.1\r\n${HOST}\r\n`).response(true);
    assert.equal(response.status, 200);
    assert.deepEqual(
      response.headers['content-length'],
      path === '/length' ? ['1234'] : undefined,
      path,
    );
  }
  const response = await client.send(`GET /after HTTP/1.1\r\n${HOST}\r\n`).response();
  assert.equal(response.text, '/after');
  client.close();
});

test('HTTP/1.0 clients see no Transfer-Encoding, not even on HEAD', async () => {
  server.on('/head-chunked', (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const client = await openclaw.send('HEAD /head-chunked HTTP/1.0\r\n\r\n');
  const response = await client.response(true);
  assert.equal(response.headers['transfer-encoding'], undefined);
  await client.ended();
});

test('204 and 304 have no body and keep the connection', async () => {
  server.on('/204', (peer) => {
    peer.send('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Kept: yes\r\n\r\n');
  });
  server.on('/304', (peer) => {
    peer.send('HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: "a"\r\n\r\n');
  });
  const client = await openclaw.connect();
  const noContent = await client.send(`GET /204 HTTP/1.1\r\n${HOST}\r\n`).response();
  // RFC 9110 §8.6: a 204 has no Content-Length.
  assert.equal(noContent.headers['content-length'], undefined);
  assert.deepEqual(noContent.headers['x-kept'], ['yes']);
  const notModified = await client.send(`GET /304 HTTP/1.1\r\n${HOST}\r\n`).response();
  assert.deepEqual(notModified.headers['content-length'], ['500']);
  assert.deepEqual(notModified.headers.etag, ['"a"']);
  const next = await client.send(`GET /after HTTP/1.1\r\n${HOST}\r\n`).response();
  assert.equal(next.text, '/after');
  client.close();
});

test('chunked bodies go both ways with their trailers, without the forbidden ones', async () => {
  let received = '';
  server.on('/trailers', async (peer, head) => {
    assert.deepEqual(head.headers['transfer-encoding'], ['chunked']);
    const { text, trailers } = await peer.withBody(head, false);
    received = `${text}|${trailers}`;
    peer.send(
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n',
    );
  });
  const client = await openclaw.send(
    `POST /trailers HTTP/1.1\r\n${HOST}Trailer: X-Check\r\nTransfer-Encoding: chunked\r\n\r\n` +
      '5\r\nhello\r\n6\r\n world\r\n0\r\nX-Check: 11\r\nHost: evil\r\nAuthorization: x\r\n\r\n',
  );
  const response = await client.response();
  assert.equal(response.text, 'abcde');
  assert.equal(response.trailers, 'X-Sum: 5\r\n');
  assert.equal(received, 'hello world|X-Check: 11\r\n');
  client.close();
});

test('a body that the close of its server delimits is chunked for HTTP/1.1', async () => {
  server.on('/until-close', (peer) => {
    peer.send('HTTP/1.1 200 OK\r\n\r\nuntil the ').send('close').end();
  });
  const client = await openclaw.connect();
  for (let time = 0; time < 2; time++) {
    const response = await client.send(`GET /until-close HTTP/1.1\r\n${HOST}\r\n`).response();
    assert.deepEqual(response.headers['transfer-encoding'], ['chunked']);
    assert.equal(response.text, 'until the close');
  }
  client.close();
});

test('a body that the close of its server delimits ends with the connection for HTTP/1.0', async () => {
  server.on('/until-close', (peer) => {
    peer.send('HTTP/1.0 200 OK\r\n\r\nuntil the close').end();
  });
  const client = await openclaw.send('GET /until-close HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const response = await client.response();
  assert.equal(response.headers['transfer-encoding'], undefined);
  assert.deepEqual(response.headers.connection, ['close']);
  assert.equal(response.text, 'until the close');
});

test('an HTTP/1.0 client gets a chunked body without its chunks', async () => {
  server.on('/dechunk', async (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    peer.send('2;x\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n');
  });
  const client = await openclaw.send('GET /dechunk HTTP/1.0\r\n\r\n');
  const response = await client.response();
  assert.equal(response.headers['transfer-encoding'], undefined);
  assert.equal(response.text, 'abcde');
});

for (const [name, start] of [
  ['close-delimited', '\r\nhalf'],
  ['chunked', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ['Content-Length', 'Content-Length: 100\r\n\r\nhalf'],
] as const) {
  for (const version of ['1.0', '1.1']) {
    test(`a ${name} response that breaks off is seen to be broken by an HTTP/${version} client`, async () => {
      server.on('/broken', async (peer) => {
        peer.send(`HTTP/1.1 200 OK\r\n${start}`);
        await until('the first half is through', () => /half(\r\n)?$/.test(client.unread));
        peer.reset();
      });
      const client = await openclaw.send(`GET /broken HTTP/${version}\r\n${HOST}\r\n`);
      const head = await client.head();
      assert.equal(head.status, 200);
      await client.gone();
      const isWhole =
        version === '1.0'
          ? client.error === undefined && name !== 'Content-Length'
          : client.unread.includes('0\r\n\r\n');
      assert.equal(isWhole, false, JSON.stringify([client.unread, client.error?.code]));
    });
  }
}

test('Expect: 100-continue gets the 100 of the server, then the answer', async () => {
  server.on('/expect', async (peer, head) => {
    assert.deepEqual(head.headers.expect, ['100-continue']);
    assert.equal(peer.unread, '');
    peer.send('HTTP/1.1 100 Continue\r\n\r\n');
    await answerOk(peer, head);
  });
  const client = await openclaw.connect();
  for (let time = 0; time < 2; time++) {
    client.send(
      `POST /expect HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
    );
    assert.equal((await client.response()).status, 100);
    assert.equal((await client.send('body').response()).text, '/expect');
  }
  client.close();
});

for (const status of [413, 417]) {
  test(`Expect: 100-continue that the server refuses with ${status} ends the connection`, async () => {
    server.on('/refuse', (peer) => {
      peer.send(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`);
    });
    const client = await openclaw.send(
      `POST /refuse HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
    );
    const response = await client.response();
    assert.equal(response.status, status);
    // Whether the body still comes nobody knows: what follows could not be told from it.
    assert.deepEqual(response.headers.connection, ['close']);
    await client.ended();
  });
}

test('Expect: 100-continue of a client that sends its body unasked is answered', async () => {
  server.on('/silent-100', answerOk);
  const client = await openclaw.send(
    `POST /silent-100 HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
  );
  await until('the head is at the server', () => server.requestsFor('/silent-100') === 1);
  assert.equal((await client.send('body').response()).text, '/silent-100');
  client.close();
});

test('an expectation of an HTTP/1.0 client is not passed on', async () => {
  let expect: string[] | undefined;
  server.on('/expect-10', async (peer, head) => {
    expect = head.headers.expect;
    await answerOk(peer, head);
  });
  const client = await openclaw.send(
    'POST /expect-10 HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody',
  );
  assert.equal((await client.response()).text, '/expect-10');
  assert.equal(expect, undefined);
});

test('103 Early Hints go on at once, before the server knows its answer', async () => {
  const gate = Promise.withResolvers<void>();
  server.on('/hints', async (peer) => {
    peer.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\n\r\n');
    peer.send('HTTP/1.1 102 Processing\r\n\r\n');
    await gate.promise;
    peer.send(okWith('done'));
  });
  const client = await openclaw.send(`GET /hints HTTP/1.1\r\n${HOST}\r\n`);
  const hints = await client.response();
  assert.equal(hints.status, 103);
  assert.deepEqual(hints.headers.link, ['</a.css>; rel=preload']);
  assert.equal(hints.headers.connection, undefined);
  assert.equal((await client.response()).status, 102);
  gate.resolve();
  assert.equal((await client.response()).text, 'done');
  client.close();
});

test('an HTTP/1.0 client gets no interim response', async () => {
  server.on('/hints-10', (peer) => {
    peer.send(`HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${okWith('done')}`);
  });
  const client = await openclaw.send('GET /hints-10 HTTP/1.0\r\n\r\n');
  assert.equal((await client.response()).text, 'done');
});

test('an HTTP/1.0 server is spoken to and its answer passed on as HTTP/1.1', async () => {
  server.on('/ten', (peer) => {
    peer.send('HTTP/1.0 200 Fine\r\nContent-Length: 3\r\n\r\nold').end();
  });
  const client = await openclaw.send(`GET /ten HTTP/1.1\r\n${HOST}\r\n`);
  const response = await client.response();
  assert.equal(response.line, 'HTTP/1.1 200 Fine');
  assert.equal(response.text, 'old');
  client.close();
});

test('status line, header order, spelling and 8-bit values go through unchanged', async () => {
  server.on('/verbatim', (peer) => {
    peer.send(
      'HTTP/1.1 299 Wh\u00e4t?\r\ncontent-LENGTH: 0\r\nX-B: 2\r\nX-A:1\r\nX-B:  two \r\nX-Empty:\r\nX-8: \u00fc\u00ff\r\nDate: x\r\n\r\n',
    );
  });
  const client = await openclaw.send(`GET /verbatim HTTP/1.1\r\n${HOST}\r\n`);
  const { head } = await client.head();
  assert.equal(
    head,
    'HTTP/1.1 299 Wh\u00e4t?\r\ncontent-LENGTH: 0\r\nX-B: 2\r\nX-A:1\r\nX-B:  two \r\nX-Empty:\r\nX-8: \u00fc\u00ff\r\nDate: x\r\n\r\n',
  );
  client.close();
});

test('a response without Date gets one', async () => {
  const client = await openclaw.send(`GET /dated HTTP/1.1\r\n${HOST}\r\n`);
  const date = (await client.response()).headers.date![0]!;
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000, date);
  client.close();
});

test('CONNECT is refused with 405, and what follows it is not taken for a request', async () => {
  const client = await openclaw.send(
    `CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nGET /tunnelled HTTP/1.1\r\n${HOST}\r\n`,
  );
  const response = await client.response();
  assert.equal(response.status, 405);
  assert.notEqual(response.headers.allow, undefined);
  await client.ended();
  assert.equal(server.requestsFor('/tunnelled'), 0);
});

test('OPTIONS * and unknown methods go through', async () => {
  const client = await openclaw.connect();
  assert.equal((await client.send(`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`).response()).text, '*');
  const response = await client.send(`M-SEARCH /x HTTP/1.1\r\n${HOST}\r\n`).response();
  assert.equal(response.text, '/x');
  assert.ok(server.lines.includes('M-SEARCH /x HTTP/1.1'));
  client.close();
});

test("Node's own client gets its answers through kept-alive connections", async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const one = (nth: number) =>
    new Promise<string>((resolve, reject) => {
      const options = { port: openclaw.port, path: `/n${nth}`, method: 'POST', agent };
      const request = http.request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve(text));
      });
      request.on('error', reject).end('x'.repeat(nth * 100));
    });
  const texts = await Promise.all(Array.from({ length: 40 }, (_, nth) => one(nth)));
  assert.deepEqual(
    texts,
    Array.from({ length: 40 }, (_, nth) => `/n${nth}`),
  );
  agent.destroy();
});
