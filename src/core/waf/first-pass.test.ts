import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSets } from '../../../test/corpus/waf/load.ts';
import { PROBES_LIKELY, PROBES_SURE } from './detect/scanner.ts';
import { bodyIsClean, headIsClean } from './first-pass.ts';
import { headerList, inspectSpecimen, readSpecimen } from './specimen.ts';
import { Waf } from './waf.ts';

const CORPUS = join(import.meta.dirname, '../../../test/corpus/waf');
const cases = loadSets(CORPUS);

function headBytes(line: string): Buffer {
  const { method, target, headers } = readSpecimen(line);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}`, 'utf8');
}

test('the first pass lets no head by that any rule of any level would speak of', () => {
  const waf = new Waf({ paranoiaLevel: 4 });
  const lost: string[] = [];
  for (const { specimen } of cases) {
    const { method, target, headers } = readSpecimen(specimen);
    // On the wire a line break ends the header: there is no such value in HTTP/1.
    if (headers.some(([, value]) => /[\r\n]/.test(value))) continue;
    const bytes = headBytes(specimen);
    if (!headIsClean(bytes, 0, bytes.length)) continue;
    const verdict = waf.inspectHead({ method, target, headers: headerList(headers) });
    const rules = verdict.matches.map((match) => match.rule.id);
    if (rules.some((id) => id !== 'scanner-library')) lost.push(`${specimen}: ${rules}`);
  }
  assert.deepEqual(lost, []);
});

test('the first pass lets no body by that level 1 would stop', () => {
  const waf = new Waf();
  const lost: string[] = [];
  for (const { specimen, kind } of cases) {
    const { body } = readSpecimen(specimen);
    if (kind === 'harmless' || body === '' || !bodyIsClean(Buffer.from(body))) continue;
    if (inspectSpecimen(waf, specimen).matches.length === 0) lost.push(specimen);
  }
  assert.deepEqual(lost, []);
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
