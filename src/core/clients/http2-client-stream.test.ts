import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wire, type WireOptions } from '../../../test/http1/wire.ts';
import { NAME } from '../http1/names.ts';
import type { Fields } from '../http2/request.ts';
import { type Http2Port, RESET } from './http2-port.ts';

const REQUEST = [':scheme', 'https', ':authority', 'a.example', ':path', '/'];
const GET = [':method', 'GET', ...REQUEST];
const POST = [':method', 'POST', ...REQUEST];
const LARGE = 40_000;
const LARGE_ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${'b'.repeat(LARGE)}`;
const TIMEOUT_MS = 2_000;

/** A stream that remembers; its client takes what `take` says. */
class MemoryPort implements Http2Port {
  fields: Fields = [];
  text = '';
  resetCode = -1;
  pendingBytes = 0;

  get status(): string | undefined {
    return this.fields[1];
  }
  inform(): void {}
  respond(fields: Fields): void {
    this.fields = fields;
  }
  write(bytes: Buffer): void {
    this.text += bytes.toString('latin1');
    this.pendingBytes += bytes.length;
  }
  end(bytes: Buffer | null): void {
    if (bytes !== null) this.write(bytes);
  }
  reset(code: number): void {
    this.resetCode = code;
  }
  pause(): void {}
  resume(): void {}
}

function open(policy: WireOptions['policy'], options: WireOptions = {}) {
  const timeouts = { readMs: TIMEOUT_MS, writeMs: TIMEOUT_MS };
  const wire = new Wire({
    ...options,
    pool: { timeouts: { ...timeouts, connectMs: 1e6, streamMs: 1e6 } },
    policy: { ...timeouts, ...policy },
  });
  const port = new MemoryPort();
  return { wire, port, stream: wire.openStream(port) };
}

/** A client that takes, or sends, some bytes every half second. */
function every500ms(wire: Wire, times: number, act: () => void): void {
  for (let time = 0; time < times; time++) {
    wire.pass(500);
    act();
  }
  wire.pass(100);
}

for (const [bytes, status] of [
  [10, '408'],
  [100, undefined],
] as const) {
  test(`a body of ${bytes} bytes each half second, where 100 a second are the least`, () => {
    const { wire, port, stream } = open({ uploadBytesPerSecond: 100 });
    stream.begin(POST, false, wire.nowMs);
    every500ms(wire, 12, () => {
      if (port.status === undefined) stream.received(Buffer.alloc(bytes), wire.nowMs);
    });
    assert.equal(port.status, status);
    if (status !== undefined) assert.match(port.text, /body_too_slow/);
    assert.equal(wire.table.inFlight(0), status === undefined ? 1 : 0);
  });
}

test('trailers beyond their limit are answered with 431, under a code of their own', () => {
  const { wire, port, stream } = open({});
  stream.begin(POST, false, wire.nowMs);
  stream.receivedTrailers(
    Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'y'.repeat(100)]).flat(),
  );
  stream.ended(wire.nowMs);
  assert.equal(port.status, '431');
  assert.match(port.text, /trailer_too_large/);
  assert.equal(wire.table.inFlight(0), 0);
});

for (const [bytes, code] of [
  [100, RESET.cancel],
  [1_000, -1],
] as const) {
  test(`a response taken by ${bytes} bytes each half second, where 1000 a second are the least`, () => {
    const { wire, port, stream } = open({ downloadBytesPerSecond: 1_000 });
    stream.begin(GET, true, wire.nowMs);
    wire.pass(0);
    wire.serverSends(LARGE_ANSWER);
    assert.equal(port.text.length, LARGE);
    every500ms(wire, 30, () => {
      port.pendingBytes -= bytes;
    });
    assert.equal(port.resetCode, code);
    assert.equal(wire.table.inFlight(0), 0);
  });
}

test('a 205 goes out once its server has sent all, for it ends the stream', () => {
  const { wire, port, stream } = open({});
  stream.begin(GET, true, wire.nowMs);
  wire.pass(0);
  wire.serverSends('HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe');
  assert.equal(port.status, undefined);
  wire.serverSends('llo\r\n0\r\nX-Sum: 1\r\n\r\n');
  assert.deepEqual([port.status, port.text, port.resetCode], ['205', '', -1]);
});

test('a cookie of the server that would undo the session is left out', () => {
  const persistence: WireOptions['persistence'] = {
    find() {},
    bind() {},
    respond(head) {
      head.drop(head.find(NAME.setCookie));
      return 'Set-Cookie: lb=ours\r\n';
    },
  };
  const { wire, port, stream } = open({}, { persistence });
  stream.begin(GET, true, wire.nowMs);
  wire.pass(0);
  wire.serverSends('HTTP/1.1 204 No Content\r\nSet-Cookie: lb=theirs\r\n\r\n');
  const cookies = port.fields.filter((_, at) => port.fields[at - 1] === 'set-cookie');
  assert.deepEqual(cookies, ['lb=ours']);
});

test('a HEAD that is refused has no content', () => {
  const { wire, port, stream } = open({});
  const long = [':scheme', 'https', ':authority', 'a.example', ':path', `/${'a'.repeat(17_000)}`];
  stream.begin([':method', 'HEAD', ...long], true, wire.nowMs);
  assert.deepEqual([port.status, port.text], ['414', '']);
});
