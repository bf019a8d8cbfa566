import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKey } from './address-key.ts';
import { hash32, hashAlgorithms } from './hash.ts';

/** Shows the bytes that count in place of their hash. */
const counted = (ip: string) => {
  let text = '';
  addressKey(ip, (bytes) => {
    text = [...bytes].join('.');
    return 0;
  });
  return text;
};

test('an IPv4 address counts whole', () => {
  assert.equal(counted('192.168.1.7'), '192.168.1.7');
  assert.equal(counted('0.0.0.0'), '0.0.0.0');
  assert.equal(counted('255.255.255.255'), '255.255.255.255');
});

test('an IPv6 address counts by its /64', () => {
  assert.equal(counted('2001:db8:1:2:3:4:5:6'), '32.1.13.184.0.1.0.2');
  assert.equal(counted('2001:DB8:1:2::'), '32.1.13.184.0.1.0.2');
  assert.equal(counted('2001:db8:1:2:ffff::9'), '32.1.13.184.0.1.0.2');
  assert.equal(counted('::1'), '0.0.0.0.0.0.0.0');
  assert.equal(counted('::'), '0.0.0.0.0.0.0.0');
  assert.equal(counted('64:ff9b::10.1.2.3'), '0.100.255.155.0.0.0.0');
  assert.equal(counted('fe80::1%eth0.1'), '254.128.0.0.0.0.0.0');
});

test('an IPv4-mapped IPv6 address counts as IPv4 in each spelling', () => {
  for (const ip of [
    '::ffff:192.168.1.7',
    '::FFFF:c0a8:107',
    '0:0:0:0:0:ffff:192.168.1.7',
    '0:0:0:0:0:ffff:c0a8:0107',
  ]) {
    assert.equal(counted(ip), '192.168.1.7', ip);
    assert.equal(addressKey(ip), addressKey('192.168.1.7'), ip);
  }
});

test('what is no address is hashed as text', () => {
  for (const ip of [
    '',
    'unix:',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
    'a:b',
    '1:2:3:4:5:6:7',
  ]) {
    assert.equal(addressKey(ip), hash32(ip), ip);
  }
  for (const ip of ['1::2::3', '12345::', '1:2:3:4:5:6:7:8:9', ':', '1:', '::g', '::1.2.3']) {
    assert.equal(addressKey(ip), hash32(ip), ip);
  }
});

test('the named algorithms are taken over the bytes that count', () => {
  const { crc32, fnv1a, xxhash } = hashAlgorithms;
  const key = Uint8Array.of(192, 168, 1, 7);
  for (const algorithm of [crc32, fnv1a, xxhash]) {
    assert.equal(addressKey('192.168.1.7', algorithm), algorithm(key));
  }
});

test('every IPv6 address of the generator is read as the platform reads it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (ip) => {
      const list = new BlockList();
      const read = counted(ip).split('.').map(Number);
      if (read.length === 4) {
        list.addAddress(read.join('.'), 'ipv4');
      } else {
        const groups = [0, 2, 4, 6].map((at) => ((read[at]! << 8) | read[at + 1]!).toString(16));
        list.addSubnet(`${groups.join(':')}::`, 64, 'ipv6');
      }
      assert.ok(list.check(ip, 'ipv6'), ip);
    }),
  );
});
