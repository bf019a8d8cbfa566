import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';
import { PARTIAL, type ProxyHeader, REFUSED, readProxyHeader, V2_BYTES_MAX } from './read.ts';
import { ownHeader, proxyHeader } from './write.ts';

const read = (text: string | Buffer) => {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  return readProxyHeader(bytes, 0, bytes.length);
};

const octets = fc.ipV4();
const groups = fc.ipV6();
const port = fc.integer({ min: 0, max: 65_535 });
const ends = fc.oneof(
  fc.record({
    sourceAddress: octets,
    sourcePort: port,
    destinationAddress: octets,
    destinationPort: port,
  }),
  fc.record({
    sourceAddress: groups,
    sourcePort: port,
    destinationAddress: groups,
    destinationPort: port,
  }),
  fc.record({
    sourceAddress: octets,
    sourcePort: port,
    destinationAddress: groups,
    destinationPort: port,
  }),
);
const version = fc.constantFrom('v1' as const, 'v2' as const);
const canonical = (address: string) => {
  const plain = new URL(`http://[${address.includes(':') ? address : `::ffff:${address}`}]`);
  const host = plain.hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(host);
  if (mapped === null) return host;
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
};

test('what is written is read as it was meant, whatever comes behind it', () => {
  fc.assert(
    fc.property(version, ends, fc.boolean(), fc.string(), (which, given, isSecure, rest) => {
      const text = proxyHeader(which, given, isSecure);
      const header = read(text + rest) as ProxyHeader;
      assert.deepEqual(header, {
        source: { address: canonical(given.sourceAddress), port: given.sourcePort },
        destination: { address: canonical(given.destinationAddress), port: given.destinationPort },
        isSecure: which === 'v2' && isSecure,
        end: text.length,
      });
    }),
  );
});

test('a header that came in part is waited for, at every cut', () => {
  fc.assert(
    fc.property(version, ends, (which, given) => {
      const text = proxyHeader(which, given, true);
      for (let cut = 0; cut < text.length; cut++) assert.equal(read(text.slice(0, cut)), PARTIAL);
    }),
  );
});

test('whatever comes, nothing is thrown and nothing beyond the bound is waited for', () => {
  const starts = fc.constantFrom(
    '',
    'PROXY ',
    'PROXY TCP4 ',
    '\r\n\r\n\0\r\nQUIT\n',
    '\r\n\r\n\0\r\nQUIT\n\x21\x11',
  );
  fc.assert(
    fc.property(starts, fc.uint8Array({ maxLength: 6000 }), (start, rest) => {
      const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest]);
      const header = readProxyHeader(bytes, 0, bytes.length);
      if (header === PARTIAL) assert.ok(bytes.length < V2_BYTES_MAX);
    }),
    { numRuns: 2000 },
  );
});

test('one changed byte of what a sum is over is refused, or no client is told', () => {
  const plain = proxyHeader('v2', given, true);
  const body = Buffer.from(`${plain}\x03\0\x04\0\0\0\0`, 'latin1');
  body.writeUInt16BE(body.length - 16, 14);
  body.writeUInt32BE(crc32c(body), body.length - 4);
  assert.notEqual(read(body), REFUSED);
  for (let at = 13; at < body.length - 7; at++) {
    const changed = Buffer.from(body);
    changed[at]! ^= 1;
    const header = read(changed);
    if (header === REFUSED || header === PARTIAL) continue;
    assert.deepEqual(header.source, null, `byte ${at}`);
  }
});

const given = {
  sourceAddress: '192.0.2.1',
  sourcePort: 56_324,
  destinationAddress: '198.51.100.1',
  destinationPort: 443,
};

test('the forms are those of the specification', () => {
  assert.equal(proxyHeader('v1', given, true), 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n');
  assert.equal(proxyHeader('v1', { ...given, sourceAddress: 'unix' }, false), 'PROXY UNKNOWN\r\n');
  const mixed = proxyHeader('v1', { ...given, destinationAddress: '2001:db8::1' }, false);
  assert.equal(mixed, 'PROXY TCP6 0:0:0:0:0:ffff:c000:201 2001:db8:0:0:0:0:0:1 56324 443\r\n');
  const binary = Buffer.from(proxyHeader('v2', given, false), 'latin1');
  assert.equal(binary.toString('hex'), '0d0a0d0a000d0a515549540a2111000cc0000201c6336401dc0401bb');
  assert.equal(ownHeader('v2', given).length, 16);
  assert.equal(ownHeader('v1', given), proxyHeader('v1', given, false));
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
});

test('LOCAL, UNKNOWN and families that are not known leave the connection its own ends', () => {
  const own = [
    ownHeader('v2', given),
    'PROXY UNKNOWN\r\n',
    `PROXY UNKNOWN ${'f'.repeat(80)}\r\n`,
    '\r\n\r\n\0\r\nQUIT\n\x21\0\0\0',
    `\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8${'/'.repeat(216)}`,
    `\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c${'a'.repeat(12)}`,
    `\r\n\r\n\0\r\nQUIT\n\x20\xff\0\x02zz`,
  ];
  for (const text of own) {
    const header = read(text) as ProxyHeader;
    assert.equal(header.source, null, JSON.stringify(text));
    assert.equal(header.end, text.length);
  }
});

test('the client is on TLS where the proxy says so', () => {
  assert.equal((read(proxyHeader('v2', given, true)) as ProxyHeader).isSecure, true);
});

const V2 = '\r\n\r\n\0\r\nQUIT\n';
const refused: [what: string, text: string][] = [
  ['plain HTTP', 'GET / HTTP/1.1\r\n'],
  ['a TLS handshake', '\x16\x03\x01'],
  ['another word', 'PROXX TCP4 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['lower case', 'proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['two spaces', 'PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['a space at the end', 'PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n'],
  ['a lone line feed', 'PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n'],
  ['no end within 107 bytes', `PROXY UNKNOWN ${'x'.repeat(120)}`],
  ['an end beyond 107 bytes', `PROXY UNKNOWN ${'x'.repeat(120)}\r\n`],
  ['a zero in front', 'PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n'],
  ['a zero in front of a port', 'PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n'],
  ['a port too high', 'PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n'],
  ['a sign', 'PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n'],
  ['an octet too high', 'PROXY TCP4 256.1.1.1 2.2.2.2 1 2\r\n'],
  ['three octets', 'PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n'],
  ['IPv6 for TCP4', 'PROXY TCP4 ::1 ::2 1 2\r\n'],
  ['IPv4 for TCP6', 'PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n'],
  ['another protocol', 'PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n'],
  ['nothing told', 'PROXY \r\n'],
  ['version 3', `${V2}\x31\x11\0\x0c${'a'.repeat(12)}`],
  ['an unknown command', `${V2}\x22\x11\0\x0c${'a'.repeat(12)}`],
  ['an unknown family', `${V2}\x21\x41\0\x0c${'a'.repeat(12)}`],
  ['an unknown transport', `${V2}\x21\x13\0\x0c${'a'.repeat(12)}`],
  ['too few bytes of addresses', `${V2}\x21\x11\0\x0b${'a'.repeat(11)}`],
  ['more than the bound', `${V2}\x21\x11\xff\xff`],
  ['a field that goes beyond', `${V2}\x21\x11\0\x10${'a'.repeat(12)}\x04\0\x02z`],
  ['half a field', `${V2}\x21\x11\0\x0e${'a'.repeat(12)}\x04\0`],
  ['a wrong sum', `${V2}\x21\x11\0\x13${'a'.repeat(12)}\x03\0\x04zzzz`],
  ['a short sum', `${V2}\x21\x11\0\x12${'a'.repeat(12)}\x03\0\x03zzz`],
];
for (const [what, text] of refused) {
  test(`${what} is refused`, () => assert.equal(read(text), REFUSED));
}
