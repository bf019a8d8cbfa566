import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../base/wheel.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Stream } from '../ports/stream.ts';
import { ProxyHeaderReader } from './proxy-header-reader.ts';

function open() {
  const wheel = new TimerWheel(0, 50);
  const heard: string[] = [];
  const stream = {
    destroy: () => heard.push('destroyed'),
    reset: () => heard.push('reset'),
  } as unknown as Stream;
  const reader = new ProxyHeaderReader({ wheel } as Engine, stream, 0, {
    proxied: ({ source, end }, bytes, upTo) => {
      heard.push(`${source?.address} then ${bytes.toString('latin1', end, upTo)}`);
    },
    notProxied: (code) => heard.push(`not proxied ${code}`),
  });
  const say = (text: string) => {
    // Bytes are good during the call only.
    const bytes = Buffer.from(text, 'latin1');
    reader.onBytes(bytes, 0, bytes.length, 0);
    bytes.fill(0);
  };
  return { wheel, heard, reader, say };
}

const LINE = 'PROXY TCP4 192.0.2.1 198.51.100.1 4711 80\r\n';

test('a header byte by byte, and the first bytes of what follows', () => {
  const { say, heard } = open();
  for (const byte of LINE.slice(0, -1)) say(byte);
  assert.deepEqual(heard, []);
  say('\nGET / ');
  assert.deepEqual(heard, ['192.0.2.1 then GET / ']);
});

test('what is no header is reset, and said once', () => {
  const { say, heard, reader, wheel } = open();
  say('PROXY TCP4 ');
  say('nonsense\r\n');
  say(LINE);
  reader.onClose();
  wheel.advance(60_000);
  assert.deepEqual(heard, ['reset', 'not proxied bad_proxy_header']);
});

test('a header that does not come in time is not waited for', () => {
  const { say, heard, wheel } = open();
  say('PROXY ');
  wheel.advance(4_000);
  assert.deepEqual(heard, []);
  wheel.advance(6_000);
  assert.deepEqual(heard, ['reset', 'not proxied proxy_header_timeout']);
});

test('a proxy that leaves before its header is no fault', () => {
  const gone = open();
  gone.reader.onClose();
  assert.deepEqual(gone.heard, ['not proxied ']);
  const ended = open();
  ended.reader.onEnd();
  ended.wheel.advance(60_000);
  assert.deepEqual(ended.heard, ['destroyed', 'not proxied ']);
});
