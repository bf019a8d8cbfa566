import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseAddress, parseCidr } from './address.ts';

const canonical: [string, string][] = [
  ['192.168.1.100:8080', '192.168.1.100:8080'],
  [':8080', ':8080'],
  ['[::1]:8080', '[::1]:8080'],
  ['[2001:DB8:0:0:0:0:0:1]:080', '[2001:db8::1]:80'],
  ['[::]:80', '[::]:80'],
  ['[fe80::1%eth0]:80', '[fe80::1%eth0]:80'],
  ['App.Internal:443', 'app.internal:443'],
  ['my_service:80', 'my_service:80'],
  ['localhost:65535', 'localhost:65535'],
  ['unix:/run/App.sock', 'unix:/run/App.sock'],
];

for (const [text, form] of canonical) {
  test(`the address ${text} has the canonical form ${form}`, () => {
    const parsed = parseAddress(text);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.reason);
    assert.equal(formatAddress(parsed.value), form);
    assert.deepEqual(parseAddress(form), parsed);
  });
}

const broken: [string, RegExp][] = [
  ['', /empty/],
  ['8080', /write ":8080" to listen on it, "127.0.0.1:8080" for a server/],
  ['10.0.0.1', /port is missing: write "10.0.0.1:8080"/],
  ['10.0.0.1:', /port is missing: write "10.0.0.1:8080"/],
  ['::1', /needs brackets: write "\[::1\]:8080"/],
  ['[::1]', /port is missing/],
  ['[10.0.0.1]:80', /not an IPv6/],
  ['10.0.0.1:0', /1 to 65535/],
  ['10.0.0.1:65536', /1 to 65535/],
  ['10.0.0.1:http', /port is a number/],
  ['10.0.0.256:80', /not an IPv4 address/],
  ['http://10.0.0.1:80/x', /no scheme: write "10.0.0.1:80"/],
  ['10.0.0.1:80/x', /no path: write "10.0.0.1:80"/],
  ['a b:80', /is written like/],
  ['-bad-:80', /not a host name/],
  ['*:80', /leave out the host/],
  ['unix:run/app.sock', /starts with a slash/],
  [`unix:/${'a'.repeat(107)}`, /at most 107 bytes/],
];

for (const [text, reason] of broken) {
  test(`the address ${JSON.stringify(text.slice(0, 20))} is refused with its mend`, () => {
    const parsed = parseAddress(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.reason, reason);
  });
}

test('networks of both families are taken, an address alone stands for itself', () => {
  assert.deepEqual(parseCidr('10.0.0.0/8'), { ok: true, value: '10.0.0.0/8' });
  assert.deepEqual(parseCidr('192.168.2.100'), { ok: true, value: '192.168.2.100' });
  assert.deepEqual(parseCidr('2001:DB8:0::/32'), { ok: true, value: '2001:db8::/32' });
});

test('networks that are none are refused', () => {
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0/8', 'a/8', '10.0.0.0/', '10.0.0.0/8/8']) {
    assert.equal(parseCidr(text).ok, false, text);
  }
});
