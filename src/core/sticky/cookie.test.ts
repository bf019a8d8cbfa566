import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VERDICT } from '../balance/server-verdict.ts';
import { type CookieAttributes, CookiePersistence } from './cookie.ts';
import { remaining, requestHead, responseHead } from './heads.testing.ts';
import { Binding, type StickyClient } from './persistence.ts';

const SECRET = 'the secret of these tests';
const NOW = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
const VERDICTS = { verdictOf: () => VERDICT.usable };
const SERVERS = [1, 2, 3].map((row) => ({
  row,
  name: `10.0.0.${row}:80`,
  weight: 1,
  backup: false,
}));
const ATTRIBUTES: CookieAttributes = {
  name: 'sid',
  path: '/',
  domain: '',
  expiresMs: 0,
  secure: false,
  httpOnly: true,
  sameSite: 'lax',
};

function persistence(given: Partial<CookieAttributes> = {}, secrets = [SECRET]) {
  return new CookiePersistence({ ...ATTRIBUTES, ...given }, secrets, SERVERS);
}

/** The value that a client is given. */
function issue(by: CookiePersistence, row: number, wallMs = NOW): string {
  const binding = new Binding();
  by.bind(row, binding, wallMs);
  return /^Set-Cookie: [^=]+=([^;]*)/.exec(by.respond(responseHead(), binding))![1]!;
}

/** A client's connection. */
function newClient(): StickyClient {
  return { clientAddress: '192.0.2.1', checkedCookie: null };
}

/** One request with these Cookie fields. */
function read(
  by: CookiePersistence,
  cookies: readonly string[],
  { wallMs = NOW, client = newClient(), lines = [] as string[] } = {},
) {
  const { head } = requestHead(...lines, ...cookies.map((cookie) => `Cookie: ${cookie}`));
  const binding = new Binding();
  by.find(head, client, VERDICTS, binding, wallMs);
  const left = [...remaining(head), ...binding.requestLines.split('\r\n')];
  return {
    row: binding.row,
    binding,
    cookies: left.filter((line) => /^cookie:/i.test(line)).map((line) => line.slice(8)),
  };
}

/** The line a client gets that brought these cookies and whose request goes to this server. */
function answer(by: CookiePersistence, cookies: string[], row: number, wallMs = NOW): string {
  const { binding } = read(by, cookies, { wallMs });
  by.bind(row, binding, wallMs);
  return by.respond(responseHead(), binding);
}

test('the first response carries the cookie with its attributes', () => {
  const by = persistence({
    path: '/shop',
    domain: 'example.com',
    expiresMs: 24 * HOUR,
    secure: true,
    sameSite: 'none',
  });
  const line = answer(by, [], 2);
  assert.match(line, /^Set-Cookie: sid=[\w-]{36}; /);
  assert.equal(
    line.slice(line.indexOf(';')),
    '; Path=/shop; Domain=example.com; Max-Age=86400; Expires=Tue, 24 Nov 2026 12:00:00 GMT; Secure; HttpOnly; SameSite=None\r\n',
  );
  assert.match(
    answer(persistence({ httpOnly: false, sameSite: 'strict' }), [], 2),
    /^Set-Cookie: sid=[\w-]{36}; Path=\/; SameSite=Strict\r\n$/,
  );
});

test('the cookie names no address', () => {
  const decoded = Buffer.from(issue(persistence(), 2), 'base64url').toString('latin1');
  for (const part of ['10.0.0', '\x0a\0\0', '80']) assert.equal(decoded.includes(part), false);
});

test('a client that brings its cookie is known and not told again', () => {
  const by = persistence();
  for (const { row } of SERVERS) {
    const cookie = `sid=${issue(by, row)}`;
    assert.equal(read(by, [cookie]).row, row);
    assert.equal(answer(by, [cookie], row), '');
  }
});

test('a client whose request goes to another server is told', () => {
  const by = persistence();
  const line = answer(by, [`sid=${issue(by, 1)}`], 3);
  assert.equal(read(by, [/sid=[^;]*/.exec(line)![0]]).row, 3);
});

test('a request that failed at its first server and went to a second is told the second', () => {
  const by = persistence();
  const { binding } = read(by, []);
  by.bind(1, binding, NOW);
  by.bind(2, binding, NOW);
  const line = by.respond(responseHead(), binding);
  assert.equal(read(by, [/sid=[^;]*/.exec(line)![0]]).row, 2);
});

test('a cookie is renewed once half of its life is over, and void at its end', () => {
  const by = persistence({ expiresMs: 10 * HOUR });
  const cookie = `sid=${issue(by, 1)}`;
  assert.equal(answer(by, [cookie], 1, NOW + 5 * HOUR), '');
  assert.equal(read(by, [cookie], { wallMs: NOW + 5 * HOUR + 1 }).row, 1);
  assert.match(answer(by, [cookie], 1, NOW + 5 * HOUR + 1), /^Set-Cookie/);
  assert.equal(read(by, [cookie], { wallMs: NOW + 10 * HOUR - 1 }).row, 1);
  assert.equal(read(by, [cookie], { wallMs: NOW + 10 * HOUR }).row, -1);
});

test('a cookie ends for a client that stays connected too', () => {
  const by = persistence({ expiresMs: 10 * HOUR });
  const cookie = `sid=${issue(by, 1)}`;
  const client = newClient();
  read(by, [cookie], { client });
  assert.equal(read(by, [cookie], { client, wallMs: NOW + 9 * HOUR }).row, 1);
  assert.equal(read(by, [cookie], { client, wallMs: NOW + 10 * HOUR }).row, -1);
});

test('a cookie from an instance whose clock is ahead holds', () => {
  const by = persistence({ expiresMs: 10 * HOUR });
  const cookie = `sid=${issue(by, 1, NOW + HOUR)}`;
  assert.equal(read(by, [cookie]).row, 1);
  assert.equal(answer(by, [cookie], 1), '');
});

test('a cookie of an earlier key is accepted and renewed with the present one', () => {
  const before = persistence({}, ['an earlier secret, long']);
  const after = persistence({}, [SECRET, 'an earlier secret, long']);
  const old = `sid=${issue(before, 2)}`;
  assert.equal(read(after, [old]).row, 2);
  const line = answer(after, [old], 2);
  assert.equal(read(persistence(), [/sid=[^;]*/.exec(line)![0]]).row, 2);
  assert.equal(read(persistence(), [old]).row, -1);
});

test('what was checked under other settings is checked again', () => {
  const before = persistence({}, ['an earlier secret, long']);
  const cookie = `sid=${issue(before, 2)}`;
  const client = newClient();
  read(before, [cookie], { client });
  assert.equal(read(persistence(), [cookie], { client }).row, -1);
});

test('a client that stays connected is believed only for the value that was checked', () => {
  const by = persistence();
  const value = issue(by, 2);
  const client = newClient();
  read(by, [`sid=${value}`], { client });
  const last = value.endsWith('A') ? 'B' : 'A';
  assert.equal(read(by, [`sid=${value.slice(0, -1)}${last}`], { client }).row, -1);
  assert.equal(read(by, [`sid=${value}`], { client }).row, 2);
});

test('forged and malformed values are never honoured', () => {
  const by = persistence();
  const genuine = new Set(SERVERS.map(({ row }) => issue(by, row)));
  const bytes = fc.uint8Array({ minLength: 27, maxLength: 27 });
  const encoded = bytes.map((some) => Buffer.from(some).toString('base64url'));
  const mangled = fc
    .tuple(fc.constantFrom(...genuine), fc.nat(35), fc.constantFrom(...'AZaz09-_"%+='))
    .map(([value, at, char]) => value.slice(0, at) + char + value.slice(at + 1));
  const text = fc.string({ maxLength: 60 }).map((some) => some.replaceAll(/[^\x21-\x7e]|;/g, ''));
  fc.assert(
    fc.property(fc.oneof(encoded, mangled, text), (value) => {
      fc.pre(!genuine.has(value));
      assert.equal(read(by, [`sid=${value}`]).row, -1);
    }),
    { numRuns: 1000 },
  );
});

test('the first valid of several cookies of the name counts, within a bound of checks', () => {
  const by = persistence();
  const value = issue(by, 3);
  const forged = 'A'.repeat(36);
  assert.equal(read(by, [`sid=${forged}; sid=${value}`]).row, 3);
  assert.equal(read(by, [`sid=${forged}`, `x=1; sid=${value}; sid=${issue(by, 1)}`]).row, 3);
  const many = Array.from({ length: 4 }, () => `sid=${forged}`).join('; ');
  assert.equal(read(by, [`${many}; sid=${value}`]).row, -1);
});

test('cookies of like names are others', () => {
  const by = persistence();
  const value = issue(by, 3);
  for (const name of ['SID', 'xsid', 'sidx', 'si', 'sid.x', '']) {
    const cookie = `${name}=${value}`;
    const { row, cookies } = read(by, [cookie]);
    assert.equal(row, -1, name);
    assert.deepEqual(cookies, [cookie]);
  }
});

test('the server does not see the cookie, nor a Cookie field that held nothing else', () => {
  const by = persistence();
  const ours = `sid=${issue(by, 1)}`;
  const left = (...cookies: string[]) => read(by, cookies).cookies;
  assert.deepEqual(left(ours), []);
  assert.deepEqual(left(`a=1; ${ours}; b=2`), ['a=1; b=2']);
  assert.deepEqual(left(`a=1; ${ours}`), ['a=1']);
  assert.deepEqual(left(`${ours}; b=2`), ['b=2']);
  assert.deepEqual(left(`${ours};b=2`), ['b=2']);
  assert.deepEqual(left(`${ours}; ${ours};${ours} ; `), []);
  assert.deepEqual(left('a=1', ours, 'b=2'), ['a=1', 'b=2']);
  assert.deepEqual(left('sid=forged; a=1', `${ours}; c=3`), ['a=1', 'c=3']);
  assert.deepEqual(left('sid = spaced', 'sid='), []);
  assert.deepEqual(left('sid; a=1'), ['sid; a=1']);
});

test('a Cookie field that Connection names stops here', () => {
  const by = persistence();
  const ours = `a=1; sid=${issue(by, 1)}`;
  assert.deepEqual(read(by, [ours], { lines: ['Connection: cookie'] }).binding.requestLines, '');
});

test('stripping never changes, moves or loses another cookie', () => {
  const by = persistence();
  const char = fc.constantFrom(...'abcsid=123"%_- \t');
  const other = fc
    .string({ unit: char, maxLength: 12 })
    .map((some) => some.trim())
    .filter((some) => !/^sid[ \t]*=/.test(some) && some !== '');
  const ours = fc.constantFrom(`sid=${issue(by, 1)}`, 'sid=forged', 'sid=', 'sid =x');
  const pair = fc.oneof(
    other.map((text) => ({ text, isOurs: false })),
    ours.map((text) => ({ text, isOurs: true })),
  );
  const gap = fc.constantFrom('; ', ';', ' ; ', ';\t');
  const field = fc.array(fc.tuple(pair, gap), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 3 }), (fields) => {
      const texts = fields.map((pairs) =>
        pairs
          .map(([{ text }, after], at) => text + (at === pairs.length - 1 ? '' : after))
          .join(''),
      );
      const sent = fields.flatMap((pairs) =>
        pairs.filter(([{ isOurs }]) => !isOurs).map(([{ text }]) => text),
      );
      const left = read(by, texts).cookies.flatMap((text) => text.split(';'));
      const trimmed = left.map((text) => text.trim());
      // Fields that held ours come after those that did not: as sets of fields they are the same.
      assert.deepEqual(trimmed.toSorted(), sent.toSorted());
      for (const cookies of read(by, [texts.join('; ')]).cookies) {
        assert.deepEqual(
          cookies.split(';').map((text) => text.trim()),
          sent,
        );
      }
    }),
    { numRuns: 500 },
  );
});

test("a server's own Set-Cookie of the name is dropped, all others pass", () => {
  const by = persistence();
  const binding = new Binding();
  by.bind(1, binding, NOW);
  const head = responseHead(
    'Set-Cookie: sid=of the server; Path=/',
    'Set-Cookie: sidecar=1',
    'Content-Length: 0',
    'Set-Cookie: sid=again',
  );
  assert.match(by.respond(head, binding), /^Set-Cookie: sid=[\w-]{36};/);
  assert.deepEqual(remaining(head), ['Set-Cookie: sidecar=1', 'Content-Length: 0']);
});

test('no key and too many keys are refused', () => {
  assert.throws(() => persistence({}, []), RangeError);
  assert.throws(() => persistence({}, Array(9).fill(SECRET)), {
    message: 'a session cookie has 1 to 8 keys',
  });
});
