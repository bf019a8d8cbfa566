import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHost, readPort, writeIpAddress, writeUnixAddress } from './socket-address.ts';

test('an address goes to the kernel and comes back as RFC 5952 spells it', () => {
  const bytes = Buffer.alloc(128, 0xff);
  for (const [host, spelt = host] of [
    ['127.0.0.1'],
    ['255.0.10.1'],
    ['::'],
    ['::1'],
    ['2001:db8::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7'],
    ['fe80::1%7', 'fe80::1'],
    ['::ffff:10.1.2.3'],
    ['1:2:3:4:5:6::', '1:2:3:4:5:6::'],
  ] as const) {
    assert.equal(writeIpAddress(bytes, 8, host, 65_000), host.includes(':') ? 28 : 16);
    assert.equal(readHost(bytes, 8), spelt);
    assert.equal(readPort(bytes, 8), 65_000);
  }
});

test('a zone of a link-local address is its number', () => {
  const bytes = Buffer.alloc(64);
  writeIpAddress(bytes, 0, 'fe80::1%7', 80);
  assert.equal(bytes.readUInt32LE(24), 7);
  writeIpAddress(bytes, 0, 'fe80::1', 80);
  assert.equal(bytes.readUInt32LE(24), 0);
});

test('what is no address, or too long a path, is refused', () => {
  const bytes = Buffer.alloc(128);
  for (const host of ['', 'localhost', '1.2.3', '1::2::3']) {
    assert.equal(writeIpAddress(bytes, 0, host, 80), 0);
  }
  assert.equal(writeUnixAddress(bytes, 0, `/${'a'.repeat(107)}`), 0);
  assert.equal(writeUnixAddress(bytes, 0, `/${'a'.repeat(106)}`), 110);
});
