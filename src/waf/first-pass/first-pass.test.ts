import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadSets } from '../../../test/corpus/waf/load.ts';
import { PROBES_LIKELY, PROBES_SURE } from '../detect/scanner-probes.ts';
import { WORDS } from '../features.ts';
import { inspectBody } from '../inspect-body.ts';
import { Inspection } from '../inspection.ts';
import { headerList } from '../request.ts';
import { Ruleset } from '../ruleset.ts';
import { readSpecimen } from '../specimen.ts';
import { FIRST_PASS_LEVEL_MAX, Waf } from '../waf.ts';
import { bodyIsClean } from './body.ts';
import { headIsClean } from './head.ts';

const CORPUS = join(import.meta.dirname, '../../../test/corpus/waf');
const cases = loadSets(CORPUS);

/** The highest level that trusts the first pass: the levels below ask fewer rules. */
const waf = new Waf({ paranoiaLevel: FIRST_PASS_LEVEL_MAX });
const lookup = new Ruleset(FIRST_PASS_LEVEL_MAX, []);

/** The rules that would speak of a head which the first pass lets by; empty where it looks closer. */
function lostOfHead(method: string, target: string, headers: Headers): string[] {
  // On the wire a line break ends the header, a blank the target: there are no such values.
  if (headers.some(([, value]) => /[\r\n]/.test(value)) || /[\s#]/.test(target)) return [];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}`);
  if (!headIsClean(bytes, 0, bytes.length)) return [];
  const { matches } = waf.inspectHead({ method, target, headers: headerList(headers) });
  return matches.map((match) => match.rule.id);
}

type Headers = readonly (readonly [string, string])[];

/** The same of a body. */
function lostOfBody(contentType: string, body: string): string[] {
  const bytes = Buffer.from(body);
  if (contentType.startsWith('multipart/') || !bodyIsClean(bytes)) return [];
  const inspection = new Inspection(lookup, FIRST_PASS_LEVEL_MAX);
  inspectBody(inspection, contentType, bytes);
  return inspection.findings.matches.map((match) => match.rule.id);
}

test('the first pass lets nothing by that the full pass would speak of', () => {
  const lost = cases.filter(({ specimen }) => {
    const { method, target, headers, contentType, body } = readSpecimen(specimen);
    return (
      lostOfHead(method, target, headers).length > 0 || lostOfBody(contentType, body).length > 0
    );
  });
  assert.deepEqual(
    lost.map((it) => it.specimen),
    [],
  );
});

/** Words that detectors wait for, and pieces of the corpus that hold no character worth a look. */
const words = [
  ...Object.keys(WORDS).flatMap((it) => it.split(' ')),
  ...cases.flatMap(({ specimen }) =>
    specimen.slice(specimen.indexOf(' ')).split(/[^\w.:@/!*?,~+-]+/),
  ),
].filter((it) => it.length > 1 && it.length < 40);
const word = fc.constantFrom(...new Set(words));
/** A word ends at one of these: glued to another it would be a third. */
const between = fc.constantFrom(...'. - _ : @ , ! * ? + / [ ] ^ ~ 1 -- // ://'.split(' '), ' ');
const value = fc
  .tuple(fc.constantFrom('', '-', '1'), fc.array(fc.tuple(word, between), { maxLength: 4 }))
  .map(([lead, parts]) => lead + parts.flat().join(''));

test('the first pass lets no parameter by that is sent in pieces', () => {
  for (const target of ['/?a=1&a=or&a=1', '/?a=__pro&a=to__', '/?b=2&a=__pro&B=2&A=to__']) {
    const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\n`);
    assert.equal(headIsClean(bytes, 0, bytes.length), false, target);
    assert.ok(waf.inspectHead({ method: 'GET', target, headers: headerList([]) }).isHit, target);
  }
});

test('the first pass lets no option by that hands on a program', () => {
  for (const value of ['--checkpoint-action modern//', '--to-command foo', 'a --ext-diff foo'])
    assert.equal(bodyIsClean(Buffer.from(JSON.stringify({ q: value }))), false, value);
  for (const target of ['/?q=--ext-diff=x', '/?q=-oProxyCommand=nc', '/--ext-diff=x']) {
    const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nCookie: a=b\r\n`);
    assert.equal(headIsClean(bytes, 0, bytes.length), false, target);
  }
  assert.deepEqual(lostOfHead('GET', '/', [['cookie', 'a=--ext-diff=x']]), []);
  assert.ok(
    bodyIsClean(Buffer.from('{"id":"550e8400-e29b-41d4","n":-1,"q":"a well-off one - or two"}')),
  );
});

test('the first pass and the full pass agree about what nobody thought of', () => {
  fc.assert(
    fc.property(value, fc.nat(), fc.nat(), (text, first, second) => {
      const compact = text.replace(/[\s#]/g, '');
      const [from, to] = [first, second]
        .map((it) => it % (compact.length + 1))
        .sort((a, b) => a - b);
      const pieces = [compact.slice(0, from), compact.slice(from, to), compact.slice(to)];
      const heads: [string, Headers][] = [
        [`/?q=${compact}`, []],
        [`/?${compact}`, []],
        [`/?${pieces.map((it) => `q=${it}`).join('&')}`, []],
        [`/${compact}`, []],
        ...['x-a', 'referer', 'user-agent', 'cookie', 'authorization'].map(
          (name): [string, Headers] => ['/', [[name, text]]],
        ),
        ['/', [['cookie', `a=1; b=${text}; c`]]],
      ];
      for (const [target, headers] of heads)
        assert.deepEqual(lostOfHead('GET', target, headers), [], `${target} ${headers}`);
      for (const body of [JSON.stringify({ q: text }), JSON.stringify([{ [text]: 1 }, text]), text])
        assert.deepEqual(lostOfBody('application/json', body), [], body);
      assert.deepEqual(lostOfBody('text/plain', text), [], text);
    }),
    { numRuns: 1000, seed: 12 },
  );
});

test('from level 3 on, whose rules speak of plain words, the first pass decides nothing', () => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nUser-Agent: curl/8.5.0\r\n');
  for (const paranoiaLevel of [1, 2, 3, 4] as const) {
    const isClean = new Waf({ paranoiaLevel }).headIsClean(bytes, 0, bytes.length);
    assert.equal(isClean, paranoiaLevel <= FIRST_PASS_LEVEL_MAX, `level ${paranoiaLevel}`);
  }
});

test('the first pass lets no path by that a scanner asks for', () => {
  const lost = [...PROBES_SURE, ...PROBES_LIKELY].filter((probe) => {
    const bytes = Buffer.from(`GET ${probe.replaceAll(' ', '%20')} HTTP/1.1\r\n`);
    return headIsClean(bytes, 0, bytes.length);
  });
  assert.deepEqual(lost, []);
});

test('everyday requests need no closer look', () => {
  const heads = [
    'GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n',
    'GET /api/v1/items?id=123&page=2 HTTP/1.1\r\nHost: shop.example:8080\r\nConnection: keep-alive\r\n',
    'POST /v2/users/550e8400-e29b-41d4-a716-446655440000 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc_-\r\n',
    'GET /img/logo.png?v=1.2.3 HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nsec-ch-ua: "Not(A:Brand";v="8", "Chromium";v="126"\r\nCookie: session=8f14e45fceea; theme=dark\r\nReferer: https://shop.example/a?b=c\r\nX-Request-Id: 7b1c2d3e\r\n',
  ];
  for (const head of heads) assert.ok(headIsClean(Buffer.from(head), 0, head.length), head);
  assert.ok(
    bodyIsClean(
      Buffer.from('{"name":"Ann","tags":["a","b"],"price":9.99,"note":"Plain words, no more."}'),
    ),
  );
});
