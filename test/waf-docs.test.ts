/** docs/waf.md lists every rule as it is, and no other; its bounds are those of the code. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as bounds from '../src/waf/bounds.ts';
import { ROUNDS_MAX } from '../src/waf/decode.ts';
import { MATCHES_MAX } from '../src/waf/findings.ts';
import { RULES } from '../src/waf/rules/rules.ts';
import { WAF_DEFAULTS } from '../src/waf/waf.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/waf.md');
/** What `dist/waf/index.js` is compiled from. */
const ENTRY = join(ROOT, 'src/waf/index.ts');

/** The formatter pads tables; the padding says nothing. */
const page = readFileSync(PAGE, 'utf8').replace(/ {2,}/g, ' ');

test('the table of rules in docs/waf.md is the ruleset, in its order', () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (.+) \| (\w+) \| (\d) \|$/gm)];
  assert.deepEqual(
    rows.map(([, id, title, severity, paranoia]) => [id, title, severity, Number(paranoia)]),
    RULES.map((rule) => [rule.id, rule.title, rule.severity, rule.paranoia]),
  );
});

test('every rule that the text of docs/waf.md names exists', () => {
  const named = [...page.matchAll(/`((?:bound|sql|xss|path|shell)-[a-z-]+)`/g)].map((it) => it[1]!);
  const lost = named.filter((id) => !RULES.some((rule) => rule.id === id));
  assert.deepEqual(lost, []);
});

test('the bounds in docs/waf.md are those of the code', () => {
  const bound = (what: string): string =>
    new RegExp(`^\\| ${what} \\| ([^|]+) \\|`, 'm').exec(page)![1]!.trim();
  assert.equal(bound('bytes of a body'), `\`body_limit\`, ${WAF_DEFAULTS.bodyBytesLimit / 1024}k`);
  assert.equal(bound('parameters of a query or a form'), String(bounds.PARAMETERS_MAX));
  assert.equal(bound('JSON depth'), String(bounds.JSON_DEPTH_MAX));
  assert.equal(
    bound('strings of a JSON or texts of an XML document'),
    String(bounds.JSON_STRINGS_MAX),
  );
  assert.equal(bounds.XML_VALUES_MAX, bounds.JSON_STRINGS_MAX);
  assert.equal(bound('headers, cookies, multipart parts'), `${bounds.HEADERS_MAX} each`);
  assert.equal(bounds.COOKIES_MAX, bounds.HEADERS_MAX);
  assert.equal(bounds.MULTIPART_PARTS_MAX, bounds.HEADERS_MAX);
  assert.equal(bound('rounds of decoding'), String(ROUNDS_MAX));
  assert.equal(bound('bytes of an uploaded file'), `${bounds.FILE_BYTES_MAX / 1024}k`);
  assert.equal(bound('matches kept'), String(MATCHES_MAX));
});

test("the library's example in docs/waf.md refuses attacks and lets others pass", async (t) => {
  t.mock.method(console, 'log', () => {});
  const [, example] = /```js\n(.*?)```/s.exec(readFileSync(PAGE, 'utf8'))!;
  const source = example!.replace("'openclaw-lb/waf'", `'${pathToFileURL(ENTRY)}'`);
  const { isRefused } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const ask = (url: string, body = '', type = 'application/x-www-form-urlencoded') =>
    isRefused(
      Object.assign(Readable.from(body === '' ? [] : [Buffer.from(body)]), {
        method: body === '' ? 'GET' : 'POST',
        url,
        rawHeaders: ['Host', 'shop.example', 'Content-Type', type],
        headers: { host: 'shop.example', 'content-type': type },
      }),
    );
  assert.equal(await ask("/item?id=1'%20or%201=1--"), true);
  assert.equal(await ask('/login', "user=' union select 1,2--"), true);
  assert.equal(await ask('/login', 'user=anna&text=it+was+nice'), false);
  assert.equal(await ask("/console/run?query=1'%20or%201=1--"), false);
});

test('the package exports the entry of the firewall, with its types', () => {
  const { exports, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(exports['./waf'], {
    types: './dist/waf/index.d.ts',
    default: './dist/waf/index.js',
  });
  assert.match(scripts.prepack, /tsconfig\.waf\.json/);
  assert.ok(existsSync(ENTRY));
});
