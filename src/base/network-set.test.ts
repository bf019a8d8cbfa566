import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from './ip.ts';
import { NetworkSet } from './network-set.ts';

test('a network holds its first and last address and not their neighbours', () => {
  const set = NetworkSet.of(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32', '::1/128']);
  const inside = ['10.1.0.0', '10.1.255.255', '192.0.2.7', '2001:db8::', '::1'];
  inside.push('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '::ffff:10.1.2.3');
  for (const address of inside) assert.equal(set.hasText(address), true, address);
  const outside = ['10.0.255.255', '10.2.0.0', '192.0.2.6', '192.0.2.8', '2001:db7:ffff::'];
  outside.push('2001:db9::', '::2', '::', '', 'unix', '10.1.0.0/16');
  for (const address of outside) assert.equal(set.hasText(address), false, address);
});

test('a network of one family never holds an address of the other', () => {
  assert.equal(NetworkSet.of(['::/0']).hasText('10.0.0.1'), false);
  assert.equal(NetworkSet.of(['::/0']).hasText('::ffff:10.0.0.1'), false);
  assert.equal(NetworkSet.of(['0.0.0.0/0']).hasText('::a00:1'), false);
  assert.equal(NetworkSet.of(['::ffff:10.0.0.0/104']).hasText('10.0.0.1'), true);
});

test('bits beyond the prefix do not count, nor does a zone', () => {
  assert.equal(NetworkSet.of(['10.9.9.9/8']).hasText('10.0.0.1'), true);
  assert.equal(NetworkSet.of(['fe80::/10']).hasText('fe80::1%eth0'), true);
});

test('the whole of a family is one network', () => {
  const set = NetworkSet.of(['0.0.0.0/0', '::/0']);
  for (const address of ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff::']) {
    assert.equal(set.hasText(address), true, address);
  }
});

const octets = fc
  .tuple(fc.nat(3), fc.nat(255), fc.nat(255), fc.nat(255))
  .map((all) => all.join('.'));
const groups = fc.tuple(fc.nat(3), fc.nat(0xffff), fc.nat(0xffff)).map(([a, b, c]) => {
  const hex = (n: number) => n.toString(16);
  return `2001:${hex(a)}:${hex(b)}::${hex(c)}`;
});
const v4 = fc.tuple(octets, fc.integer({ min: 6, max: 32 }));
const v6 = fc.tuple(groups, fc.integer({ min: 16, max: 128 }));

test('it holds what the platform says it holds, whatever networks overlap', () => {
  fc.assert(
    fc.property(
      fc.array(v4, { maxLength: 12 }),
      fc.array(v6, { maxLength: 12 }),
      fc.array(fc.oneof(octets, groups), { minLength: 1, maxLength: 40 }),
      (fours, sixes, addresses) => {
        const list = new BlockList();
        for (const [address, prefix] of fours) list.addSubnet(address, prefix, 'ipv4');
        for (const [address, prefix] of sixes) list.addSubnet(address, prefix, 'ipv6');
        const texts = [...fours, ...sixes].map(([address, prefix]) => `${address}/${prefix}`);
        const set = NetworkSet.open(NetworkSet.of(texts).memory);
        for (const address of [...addresses, ...[...fours, ...sixes].map(([one]) => one)]) {
          const family = address.includes(':') ? 'ipv6' : 'ipv4';
          assert.equal(set.hasText(address), list.check(address, family), address);
        }
      },
    ),
  );
});

test('a hundred thousand networks are found among', () => {
  const networks = Array.from({ length: 100_000 }, (_, n) => `${n >> 8}.${n & 255}.0.0/17`);
  const set = NetworkSet.of(networks.map((text) => text.replace(/^(\d+)/, (n) => `${+n % 256}`)));
  assert.equal(set.has(parseIp('9.9.127.255')), true);
  assert.equal(set.has(parseIp('9.9.128.0')), false);
});

test('a lookup among sixty thousand networks costs about what one among a few does', () => {
  const network = (n: number) => `${n >> 8}.${n & 255}.0.0/17`;
  const setOf = (count: number) =>
    NetworkSet.of(Array.from({ length: count }, (_, n) => network(n)));
  const asked = Array.from({ length: 4096 }, (_, n) =>
    parseIp(`${n & 255}.${n >> 4}.${n & 128}.1`),
  );
  const cpuMicros = (set: NetworkSet) => {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 8; run++) {
      const start = process.cpuUsage();
      for (let round = 0; round < 16; round++) for (const ip of asked) set.has(ip);
      const { user, system } = process.cpuUsage(start);
      best = Math.min(best, user + system);
    }
    return best;
  };
  const few = cpuMicros(setOf(16));
  const many = cpuMicros(setOf(65_536));
  // Read one by one they would cost four thousand times as much.
  assert.ok(many < 40 * Math.max(few, 100), `${few} and ${many} microseconds`);
});
