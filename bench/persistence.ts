/** What each kind of session persistence adds to a request, in nanoseconds: node bench/persistence.ts */
import { VERDICT } from '../src/core/balance/server-verdict.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../src/core/http1/head.ts';
import { AddressRing } from '../src/core/sticky/address-ring.ts';
import { AddressTable } from '../src/core/sticky/address-table.ts';
import { CookiePersistence } from '../src/core/sticky/cookie.ts';
import { Binding, type Persistence, type StickyClient } from '../src/core/sticky/persistence.ts';
import { SourceTable } from '../src/table/source-table.ts';

const REQUESTS = 300_000;
const ROUNDS = 5;
const OTHER_COOKIES = 'Cookie: _ga=GA1.2.12345.6789; theme=dark; lang=en-GB';

const servers = [1, 2, 3].map((row) => ({
  row,
  name: `10.0.0.${row}:80`,
  weight: 1,
  backup: false,
}));
const verdicts = { verdictOf: () => VERDICT.usable };
const client: StickyClient = { clientAddress: '192.0.2.7', checkedCookie: null };
const head = new Head();
const binding = new Binding();

const cookie = new CookiePersistence(
  {
    name: 'openclaw_session',
    path: '/',
    domain: '',
    expiresMs: 86_400_000,
    secure: true,
    httpOnly: true,
    sameSite: 'lax',
  },
  ['the secret of this benchmark'],
  servers,
);
cookie.bind(2, binding, Date.now());
const session = /openclaw_session=[^;]*/.exec(binding.responseLines)![0];

function serve(persistence: Persistence): void {
  binding.begin();
  persistence.find(head, client, verdicts, binding, Date.now());
  persistence.bind(binding.row === -1 ? 1 : binding.row, binding, Date.now());
}

const table = SourceTable.open(SourceTable.create(100_000, 1), 3_600_000);
const rows: [string, string, () => void][] = [
  ['no cookie in the request', '', () => serve(cookie)],
  ['other cookies only', OTHER_COOKIES, () => serve(cookie)],
  ['the cookie, verified before', `${OTHER_COOKIES}; ${session}`, () => serve(cookie)],
  [
    'the cookie, first time',
    `${OTHER_COOKIES}; ${session}`,
    () => {
      client.checkedCookie = null;
      serve(cookie);
    },
  ],
  ['ip_hash', '', serve.bind(null, new AddressRing('crc32', servers))],
  ['source_ip', '', serve.bind(null, new AddressTable(table))],
];

for (const [name, line, step] of rows) {
  const lines = ['GET / HTTP/1.1', 'Host: example.com', 'Accept: */*', line].filter(Boolean);
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const without: number[] = [];
  const withIt: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    without.push(nanoseconds(bytes, () => {}));
    withIt.push(nanoseconds(bytes, step));
  }
  const added = Math.min(...withIt) - Math.min(...without);
  console.log(`${name.padEnd(28)} ${Math.round(added)} ns`);
}

/** Each step needs a head as it was read: persistence drops fields from it. */
function nanoseconds(bytes: Buffer, step: () => void): number {
  const startMs = performance.now();
  for (let request = 0; request < REQUESTS; request++) {
    readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
    step();
  }
  return ((performance.now() - startMs) * 1e6) / REQUESTS;
}
