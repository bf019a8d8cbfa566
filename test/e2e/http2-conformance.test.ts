/**
 * What RFC 9113 calls an error is treated as one: the stream is reset or the connection closed, and
 * no server sees a request. The cases are those of the RFC's sections, sent frame by frame.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { selfSigned } from './certificates.ts';
import {
  answerOk,
  newFolder,
  Openclaw,
  okWith,
  type Peer,
  ScriptedServer,
  until,
} from './harness.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FramePeer,
  frame,
  headers,
  literals,
  REQUEST,
  TYPE,
  uint32,
} from './http2-frames.ts';

const OPEN = END_HEADERS;
const bytes = (length: number) => Buffer.alloc(length);
const post = (stream: number, ...more: string[]) =>
  headers(stream, [...REQUEST.with(1, 'POST'), ...more], OPEN);
const withField = (name: string, value: string) => headers(1, [...REQUEST, name, value]);
const replaced = (name: string, value: string) =>
  headers(1, REQUEST.with(REQUEST.indexOf(name) + 1, value));

/** HEADERS with this and nothing else for its block. */
const block = (...octets: number[]) =>
  frame(TYPE.headers, END_STREAM | END_HEADERS, 1, Buffer.from(octets));

/** Errors of one stream, or of the connection: either may be answered (§5.4.2). */
const STREAM_ERRORS: Record<string, Buffer[]> = {
  '5.1: HEADERS on a stream that the client has ended': [
    post(1),
    frame(TYPE.data, END_STREAM, 1),
    headers(1),
  ],
  '5.1: DATA on a stream that the client has ended': [
    post(1),
    frame(TYPE.data, END_STREAM, 1),
    frame(TYPE.data, 0, 1, bytes(1)),
  ],
  '5.1.2: more streams than are allowed': Array.from({ length: 200 }, (_, at) => post(2 * at + 1)),
  '5.3.1: a stream that depends on itself': [
    frame(
      TYPE.headers,
      END_STREAM | END_HEADERS | 0x20,
      1,
      Buffer.concat([uint32(1), Buffer.from([16]), literals(REQUEST)]),
    ),
    // The scheme is gone from RFC 9113; the request after it is answered or refused, never lost.
    frame(TYPE.reset, 0, 1, uint32(8)),
    frame(TYPE.data, 0, 1),
  ],
  '6.9: WINDOW_UPDATE by 0 on a stream': [post(1), frame(TYPE.window, 0, 1, uint32(0))],
  '6.9.1: a window beyond 2^31-1 on a stream': [
    post(1),
    frame(TYPE.window, 0, 1, uint32(0x7fffffff)),
    frame(TYPE.window, 0, 1, uint32(0x7fffffff)),
  ],
  '6.3: PRIORITY of the wrong size': [post(1), frame(TYPE.priority, 0, 1, bytes(4))],
  '8.1: trailers that do not end the stream': [post(1), headers(1, ['x', 'y'], OPEN)],
  '8.1: trailers with a pseudo-header field': [
    post(1),
    headers(1, [':path', '/'], END_STREAM | END_HEADERS),
  ],
  '8.1.1: less DATA than content-length says': [
    post(1, 'content-length', '5'),
    frame(TYPE.data, END_STREAM, 1, bytes(4)),
  ],
  '8.1.1: more DATA than content-length says': [
    post(1, 'content-length', '5'),
    frame(TYPE.data, END_STREAM, 1, bytes(6)),
  ],
  '8.1.1: content-length and no DATA': [withField('content-length', '5')],
  '8.1.1: content-length that is no number': [withField('content-length', '+5')],
  '8.2.1: a name in upper case': [withField('X-Test', 'a')],
  '8.1: an upper case letter in a trailer': [post(1), headers(1, ['X-T', 'y'])],
  '8.2.2: connection': [withField('connection', 'keep-alive')],
  '8.2.2: transfer-encoding': [withField('transfer-encoding', 'chunked')],
  '8.2.2: keep-alive': [withField('keep-alive', 'timeout=5')],
  '8.2.2: proxy-connection': [withField('proxy-connection', 'keep-alive')],
  '8.2.2: upgrade': [withField('upgrade', 'websocket')],
  '8.2.2: te with something else than trailers': [withField('te', 'gzip')],
  '8.3: an unknown pseudo-header field': [headers(1, [':test', 'a', ...REQUEST])],
  "8.3: a response's pseudo-header field": [headers(1, [':status', '200', ...REQUEST])],
  '8.3: a pseudo-header field after others': [withField(':path', '/')],
  '8.3.1: an empty :path': [replaced(':path', '')],
  '8.3.1: a :path that begins with no slash': [replaced(':path', 'never')],
  '8.3.1: no :method': [headers(1, REQUEST.slice(2))],
  '8.3.1: no :scheme': [headers(1, [...REQUEST.slice(0, 2), ...REQUEST.slice(4)])],
  '8.3.1: no :path': [headers(1, REQUEST.slice(0, 6))],
  '8.3.1: :method twice': [headers(1, [':method', 'GET', ...REQUEST])],
  '8.3.1: :scheme twice': [headers(1, [':scheme', 'https', ...REQUEST])],
  '8.3.1: :authority twice': [headers(1, [':authority', 'a', ...REQUEST])],
  '8.3.1: :path twice': [headers(1, [':path', '/', ...REQUEST])],
  '8.3.1: a Host that is not the :authority': [withField('host', 'b')],
  '8.5: CONNECT with :path': [replaced(':method', 'CONNECT')],
};

/** Errors after which nothing on the connection can be trusted (§5.4.1). */
const CONNECTION_ERRORS: Record<string, Buffer[]> = {
  '4.1: a frame on a stream with a DATA that exceeds the frame size': [
    post(1),
    frame(TYPE.data, 0, 1, bytes(16_385)),
  ],
  '4.2: SETTINGS that exceeds the frame size': [frame(TYPE.settings, 0, 0, bytes(16_386))],
  '4.3: a header block that is no HPACK': [
    frame(TYPE.headers, END_STREAM | END_HEADERS, 1, Buffer.from([0x80])),
  ],
  '4.3: another frame amid a header block': [
    headers(1, REQUEST, END_STREAM),
    frame(TYPE.ping, 0, 0, bytes(8)),
  ],
  '4.3: a field of no table (RFC 7541 §2.3.3)': [block(0xff, 0x80, 0x7f)],
  '4.3: a name of no table (RFC 7541 §2.3.3)': [block(0x7f, 0x80, 0x7f, 0x01, 0x61)],
  '4.3: a table larger than was allowed (RFC 7541 §6.3)': [block(0x3f, 0xe1, 0xff, 0x7f)],
  '4.3: a table changed amid its fields (RFC 7541 §4.2)': [
    frame(
      TYPE.headers,
      END_STREAM | END_HEADERS,
      1,
      Buffer.concat([literals(REQUEST), Buffer.from([0x20])]),
    ),
  ],
  '4.3: Huffman padding of a byte (RFC 7541 §5.2)': [block(0, 1, 0x61, 0x82, 0x1f, 0xff)],
  '4.3: Huffman padding of zeros (RFC 7541 §5.2)': [block(0, 1, 0x61, 0x81, 0x18)],
  '4.3: the end of a Huffman string within it (RFC 7541 §5.2)': [
    block(0, 1, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff),
  ],
  '4.3: a string longer than its block (RFC 7541 §5.2)': [block(0, 1, 0x61, 9, 0x61)],
  '4.2: HEADERS that exceeds the frame size': [
    frame(TYPE.headers, END_STREAM | END_HEADERS, 1, bytes(16_385)),
  ],
  '5.1: DATA on an idle stream': [frame(TYPE.data, 0, 1, bytes(1))],
  '5.1: RST_STREAM on an idle stream': [frame(TYPE.reset, 0, 1, uint32(8))],
  '5.1: WINDOW_UPDATE on an idle stream': [frame(TYPE.window, 0, 1, uint32(1))],
  '5.1: CONTINUATION on an idle stream': [frame(TYPE.continuation, END_HEADERS, 1)],
  '5.1.1: an even stream': [headers(2)],
  '6.1: DATA on stream 0': [frame(TYPE.data, 0, 0, bytes(1))],
  '6.1: more padding than frame': [post(1), frame(TYPE.data, 8, 1, Buffer.from([9, 0]))],
  '6.2: HEADERS on stream 0': [headers(0)],
  '6.2: more padding than header block': [
    frame(TYPE.headers, END_STREAM | END_HEADERS | 8, 1, Buffer.from([255, 0])),
  ],
  '6.4: RST_STREAM on stream 0': [frame(TYPE.reset, 0, 0, uint32(8))],
  '6.4: RST_STREAM of the wrong size': [post(1), frame(TYPE.reset, 0, 1, bytes(3))],
  '6.5: SETTINGS on a stream': [frame(TYPE.settings, 0, 1)],
  '6.5: SETTINGS of the wrong size': [frame(TYPE.settings, 0, 0, bytes(5))],
  '6.5: an acknowledgement with settings': [frame(TYPE.settings, ACK, 0, bytes(6))],
  '6.5.2: ENABLE_PUSH that is neither 0 nor 1': [
    frame(TYPE.settings, 0, 0, Buffer.from([0, 2, 0, 0, 0, 2])),
  ],
  '6.5.2: a window beyond 2^31-1': [frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0x80, 0, 0, 0]))],
  '6.5.2: a frame size below 2^14': [
    frame(TYPE.settings, 0, 0, Buffer.from([0, 5, 0, 0, 0x3f, 0xff])),
  ],
  '6.6: PUSH_PROMISE from a client': [post(1), frame(TYPE.push, END_HEADERS, 1, uint32(2))],
  '6.7: PING on a stream': [frame(TYPE.ping, 0, 1, bytes(8))],
  '6.7: PING of the wrong size': [frame(TYPE.ping, 0, 0, bytes(6))],
  '6.8: GOAWAY of the wrong size': [frame(TYPE.goaway, 0, 0, bytes(7))],
  '6.8: GOAWAY on a stream': [frame(TYPE.goaway, 0, 1, bytes(8))],
  '6.9: WINDOW_UPDATE by 0 on the connection': [frame(TYPE.window, 0, 0, uint32(0))],
  '6.9: WINDOW_UPDATE of the wrong size': [frame(TYPE.window, 0, 0, bytes(3))],
  '6.9.1: a window beyond 2^31-1 on the connection': [frame(TYPE.window, 0, 0, uint32(0x7fffffff))],
  '6.10: CONTINUATION after the header block': [post(1), frame(TYPE.continuation, END_HEADERS, 1)],
  '6.10: CONTINUATION on another stream': [
    headers(1, REQUEST, END_STREAM),
    frame(TYPE.continuation, END_HEADERS, 3),
  ],
};

const files = selfSigned(newFolder(), 'localhost', ['DNS:localhost']);
let server: ScriptedServer;
let openclaw: Openclaw;
before(async () => {
  server = await ScriptedServer.listen();
  // A request whose body never comes would else wait for the server.
  for (const path of ['/never', '/too-much']) server.on(path, () => {});
  openclaw = await Openclaw.start({ servers: [server.address], security: { tls: files } });
});
after(async () => {
  await openclaw.stop();
  await server.close();
});

/** Those for which the library ends the connection, as §5.4.1 allows. */
const ENDING = new Set(['5.1', '5.3.1', '6.9', '6.9.1', '6.3']);

for (const [what, frames] of Object.entries(STREAM_ERRORS)) {
  test(`stream error, ${what}`, async () => {
    const peer = await FramePeer.connect(openclaw.port);
    peer.send(...frames);
    const answer = await peer.next(
      ({ type, stream }) => (type === TYPE.reset && stream > 0) || type === TYPE.goaway,
    );
    if (!ENDING.has(what.split(':')[0]!)) {
      assert.equal(answer?.type, TYPE.reset);
      assert.ok(await peer.isAlive(), 'the connection ended');
    }
    peer.close();
    assert.ok(answer !== undefined || peer.isOver);
    assert.ok(!peer.frames.some(({ type }) => type === TYPE.headers), 'it was answered');
  });
}

const tooMuch = (stream: number) => [
  headers(stream, [...REQUEST.with(1, 'POST').with(7, '/too-much'), 'content-length', '5'], OPEN),
  frame(TYPE.data, stream % 4 === 1 ? 0 : END_STREAM, stream, bytes(stream + 5)),
];

test('streams beside one with an error get their answers, also where there are many of them', async () => {
  const asked = Promise.withResolvers<Peer>();
  server.on('/beside', (peer) => asked.resolve(peer));
  const peer = await FramePeer.connect(openclaw.port);
  peer.send(headers(1, REQUEST.with(7, '/beside')));
  const held = await asked.promise;
  peer.send(...[3, 5, 7, 9].flatMap(tooMuch));
  for (const stream of [3, 5, 7, 9]) {
    const reset = await peer.next((one) => one.type === TYPE.reset && one.stream === stream);
    assert.equal(reset?.payload.readUInt32BE(), 1);
  }
  assert.ok(await peer.isAlive());
  held.send(okWith('at last'));
  const data = await peer.next(({ type, stream }) => stream === 1 && type === TYPE.data);
  assert.equal(data?.payload.toString(), 'at last');
  peer.close();
  const ofThem = () => openclaw.log().filter(({ request }) => request?.includes('/too-much'));
  await until('all are in the log', () => ofThem().length === 4);
  assert.ok(ofThem().every(({ failure }) => failure === 'malformed_http2'));
});

test('an error of the connection ends it, also after one of a stream', async () => {
  for (const fatal of [frame(TYPE.ping, 0, 1, bytes(8)), frame(TYPE.ping, 0, 0, bytes(6))]) {
    const peer = await FramePeer.connect(openclaw.port);
    peer.send(...tooMuch(1), ...tooMuch(3), fatal);
    await peer.next(() => false);
    assert.ok(peer.frames.some(({ type }) => type === TYPE.goaway));
  }
});

test('a client that goes on making errors of streams loses its connection', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  for (let stream = 1; stream < 400 && !peer.isOver; stream += 2) {
    peer.send(...tooMuch(stream));
    await peer.next((one) => one.type === TYPE.reset && one.stream === stream);
  }
  await peer.next(() => false);
  assert.ok(peer.frames.some(({ type, stream }) => type === TYPE.reset && stream > 100));
});

for (const [what, frames] of Object.entries(CONNECTION_ERRORS)) {
  test(`connection error, ${what}`, async () => {
    const peer = await FramePeer.connect(openclaw.port);
    peer.send(...frames);
    await peer.next(() => false);
    const goaway = peer.frames.find(({ type }) => type === TYPE.goaway);
    if (goaway !== undefined) assert.notEqual(goaway.payload.readUInt32BE(4), 0);
  });
}

/**
 * §8.2.1 calls these malformed. The library takes the field away instead, before anybody sees it:
 * what reaches a server is a request without it.
 */
const DROPPED: Record<string, [name: string, value: string]> = {
  'an empty name': ['', 'smuggled'],
  'a space in a name': ['x y', 'smuggled'],
  'a colon in a name': ['x:y', 'smuggled'],
  'a line break in a value': ['x', 'a\r\nsmuggled: c'],
  'a NUL in a value': ['x', 'smuggled\0'],
};

for (const [what, [name, value]] of Object.entries(DROPPED)) {
  test(`8.2.1: ${what} never reaches a server`, async () => {
    let seen = '';
    server.on('/dropped', (peer, head) => {
      seen = head.head;
      return answerOk(peer, head);
    });
    const peer = await FramePeer.connect(openclaw.port);
    peer.send(headers(1, [...REQUEST.with(7, '/dropped'), name, value]));
    await peer.next(({ type, stream }) => stream === 1 && type !== TYPE.window);
    assert.doesNotMatch(seen, /smuggled/);
    peer.close();
  });
}

test('5.1.1: a stream below one before is not answered', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  peer.send(post(5), headers(3));
  await peer.isAlive();
  assert.ok(!peer.frames.some(({ stream }) => stream === 3));
  peer.close();
});

test('6.9.2: a window that a setting changes holds for streams that are open', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  const window = (size: number) =>
    frame(TYPE.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(size)]));
  const dataOf = () => peer.frames.filter(({ type, stream }) => stream === 1 && type === TYPE.data);
  peer.send(window(0), headers(1, REQUEST.with(7, '/window')));
  await peer.next(({ type, stream }) => stream === 1 && type === TYPE.headers);
  await peer.isAlive();
  assert.equal(
    dataOf().reduce((sum, { payload }) => sum + payload.length, 0),
    0,
  );
  peer.send(window(1));
  const first = await peer.next(({ type, stream }) => stream === 1 && type === TYPE.data);
  assert.equal(first?.payload.toString(), '/');
  // Below zero: what is given next pays the debt first.
  peer.send(window(0), frame(TYPE.window, 0, 1, uint32(3)));
  await peer.next(({ type, payload }) => type === TYPE.data && payload.length === 2);
  peer.send(window(100));
  await peer.next(({ type, flags }) => type === TYPE.data && (flags & END_STREAM) !== 0);
  assert.equal(Buffer.concat(dataOf().map(({ payload }) => payload)).toString(), '/window');
  peer.close();
});

test('5.1: what comes on a stream that the client has reset is not answered', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  const late = [headers(1, REQUEST.with(7, '/late')), frame(TYPE.data, 0, 1, bytes(1))];
  peer.send(post(1), frame(TYPE.reset, 0, 1, uint32(8)), ...late);
  await peer.isAlive();
  assert.ok(!peer.frames.some(({ stream, type }) => stream === 1 && type === TYPE.headers));
  assert.equal(server.requestsFor('/late'), 0);
  peer.close();
});

/** RFC 9113 §6.3 would have the connection closed; the library knows no priorities any more. */
test('6.3: PRIORITY on stream 0 does nothing', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  peer.send(frame(TYPE.priority, 0, 0, bytes(5)));
  assert.equal(await peer.isAlive(), true);
  peer.close();
});

test('7: errors of unknown codes are ignored', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  peer.send(post(1), frame(TYPE.reset, 0, 1, uint32(0xff)));
  assert.equal(await peer.isAlive(), true);
  peer.send(frame(TYPE.goaway, 0, 0, Buffer.concat([uint32(0), uint32(0xff)])));
  await peer.next(() => false);
});

test('what is no preface ends the connection', async () => {
  const peer = await FramePeer.connect(openclaw.port, true);
  peer.send(Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'));
  await peer.next(() => false);
});

test('what RFC 9113 lets pass is let pass', async () => {
  const peer = await FramePeer.connect(openclaw.port);
  peer.send(
    // Unknown types, flags and settings are ignored (§4.1, §5.5, §6.5.2).
    frame(0x16, 0xff, 0, bytes(8)),
    frame(TYPE.settings, 0, 0, Buffer.from([0, 0xff, 0, 0, 0, 1])),
    frame(TYPE.ping, 0x16, 0, Buffer.from('unknown!')),
    frame(TYPE.priority, 0, 1, Buffer.concat([uint32(0), Buffer.from([255])])),
    headers(1, REQUEST.with(7, '/fine')),
    // A window may be given for a stream that has ended, and a stream that is over be reset.
    frame(TYPE.window, 0, 1, uint32(1)),
  );
  const isEnd = ({ type, flags, stream }: { type: number; flags: number; stream: number }) =>
    stream === 1 && type === TYPE.data && (flags & END_STREAM) !== 0;
  const end = await peer.next(isEnd);
  assert.equal(end?.payload.toString(), '/fine');
  peer.send(frame(TYPE.reset, 0, 1, uint32(8)));
  assert.equal(await peer.isAlive(), true);
  peer.close();
});
