import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { FileRead } from '../checks.ts';
import { parseConfig } from '../load.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/certificates');
const NOW_MS = Date.UTC(2027, 0, 1);

/** Problems and warnings of a text, the files being those of the fixtures. */
function problemsOf(text: string, { mode = 0o600, nowMs = NOW_MS } = {}) {
  const reads: string[] = [];
  const readFile = (path: string): FileRead => {
    reads.push(basename(path));
    try {
      return { ok: true, bytes: readFileSync(path), mode };
    } catch {
      return { ok: false, reason: 'there is no such file' };
    }
  };
  const { problems, warnings } = parseConfig(text, {
    file: join(FIXTURES, 'openclaw.yml'),
    env: {},
    surroundings: { readFile, nowMs },
  });
  const told = [...problems, ...warnings].map(
    ({ severity, line, path, message }) =>
      `${severity} ${line} ${path.at(-1)}: ${message.split(`${FIXTURES}/`).at(-1)}`,
  );
  return { told, reads };
}

/** The lines of security.tls, from line 5. */
const tls = (...lines: string[]) =>
  `load_balancing:
  servers: ["10.0.0.1:80"]
  security:
    tls:
${lines.map((line) => `      ${line}\n`).join('')}`;

/** Servers with these settings of tls, from line 3. */
const servers = (...settings: string[]) =>
  `load_balancing:
  servers:
${settings.map((one, at) => `    - {address: "10.0.0.${at + 1}:443", tls: {${one}}}\n`).join('')}`;

test('each fault of a certificate stands at its setting', () => {
  const cases: [string[], RegExp[], object?][] = [
    [
      ['cert_path: gone.pem', 'key_path: nameless.key'],
      [/^error 5 cert_path: gone\.pem: there is no such file$/],
    ],
    [
      ['cert_path: nameless.key', 'key_path: nameless.crt'],
      [/^error 5 cert_path: .*no certificate$/, /^error 6 key_path: .*no private key$/],
    ],
    [
      ['cert_path: nameless.crt', 'key_path: nameless.key', 'ocsp_path: revoked.ocsp'],
      [/^warning 5 cert_path: .*names no host/, /^warning 7 ocsp_path: .*is revoked$/],
    ],
    [
      ['cert_path: nameless.crt', 'key_path: nameless.key', 'ocsp_path: nameless.key'],
      [/^error 7 ocsp_path: .*no answer of an OCSP responder$/, /^warning 5/],
    ],
    [
      ['cert_path: nameless.crt', 'key_path: weak.key'],
      [/^error 6 key_path: .*do not belong together$/, /^warning 5 cert_path: .*names no host/],
    ],
    [
      ['cert_path: nameless.crt', 'key_path: nameless.key'],
      [/^error 5 cert_path: nameless\.crt: expired on 2126-10-30/, /^warning 5/],
      { nowMs: Date.UTC(2127, 0, 1) },
    ],
    [
      ['cert_path: nameless.crt', 'key_path: nameless.key'],
      [/^warning 5 cert_path: .*names no host/, /^warning 6 key_path: .*every user/],
      { mode: 0o644 },
    ],
    [
      ['cert_path: weak.crt', 'key_path: weak.key'],
      [/^error 5 cert_path: weak\.crt: OpenSSL refuses it: ee key too small$/],
    ],
    [
      ['certificates:', '  - cert_path: older.crt', '    key_path: nameless.key'],
      [/^error 7 key_path: .*do not belong together$/, /^warning 6 cert_path: .*names no host/],
    ],
    [['cert_path: older.crt'], [/^error 5 cert_path: .*needs key_path/, /^warning 5/]],
    [
      ['cert_path: nameless.crt', 'key_path: nameless.key', 'client_ca_path: nameless.key'],
      [/^error 7 client_ca_path: .*no certificate$/, /^warning 5/],
    ],
  ];
  for (const [lines, expected, options] of cases) {
    const { told } = problemsOf(tls(...lines), options);
    assert.equal(told.length, expected.length, `${lines.join(' ')}\n${told.join('\n')}`);
    for (const [index, pattern] of expected.entries()) assert.match(told[index]!, pattern);
  }
});

test('certificates of servers are looked at too, each file once', () => {
  const [ca] = problemsOf(servers('ca_path: nameless.key')).told;
  assert.match(ca!, /^error 3 ca_path: .*no certificate$/);
  const [pair] = problemsOf(servers('cert_path: nameless.crt, key_path: weak.key')).told;
  assert.match(pair!, /^error 3 key_path: .*not belong together$/);
  const many = Array.from({ length: 50 }, () => 'ca_path: older.crt');
  assert.deepEqual(problemsOf(servers(...many)), { told: [], reads: ['older.crt'] });
});

test('a cipher list without a known name is an error, a misspelt name in it a warning', () => {
  const at = (...lines: string[]) =>
    problemsOf(tls('certificates: [{cert_path: gone, key_path: gone}]', ...lines))
      .told.filter((line) => line.includes('ciphers: '))
      .join();
  assert.equal(at('ciphers: HIGH:!aNULL:!MD5'), '');
  assert.equal(at('ciphers: ECDHE+AESGCM:AES128-SHA@SECLEVEL=1:!RC4'), '');
  assert.match(
    at('ciphers: NOPE:NIX'),
    /^error 6 ciphers: .*knows none of the ciphers in this list$/,
  );
  assert.match(
    at('ciphers: HIGH:ECDHE-RSA-AES128-GCM-SHA265'),
    /^warning 6 ciphers: .*does not know the cipher "ECDHE-RSA-AES128-GCM-SHA265" and ignores it$/,
  );
  assert.match(
    at('ciphers: HIGH', 'protocols: [TLSv1.3]'),
    /^warning 6 ciphers: .*protocols does not include$/,
  );
});
