import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JSON_DEPTH_MAX, MULTIPART_PARTS_MAX, PARAMETERS_MAX } from '../bounds.ts';
import { walkForm } from './form.ts';
import { walkJson } from './json.ts';
import { walkMultipart } from './multipart.ts';
import type { Visitor } from './visitor.ts';
import { walkXml } from './xml.ts';

function collect(walk: (visitor: Visitor) => void): string[] {
  const seen: string[] = [];
  walk({
    value: (place, name, text) => seen.push(`${place} ${name}=${text}`),
    name: (_place, text) => seen.push(`name ${text}`),
    document: () => undefined,
    bound: (what) => seen.push(`bound ${what}`),
  });
  return seen;
}

test('a form yields names and values, decoded once', () => {
  assert.deepEqual(
    collect((visitor) => walkForm('query', 'a=1&b%5B%5D=x+y%2520&c&=d', visitor)),
    ['name a', 'query a=1', 'name b[]', 'query b[]=x y%20', 'query =c', 'name ', 'query =d'],
  );
});

test('a form past its bound says so and stops', () => {
  const seen = collect((visitor) => walkForm('form', 'a=1&'.repeat(PARAMETERS_MAX + 5), visitor));
  assert.equal(seen.at(-1), 'bound parameters');
  assert.equal(seen.length, 2 * PARAMETERS_MAX + 1);
});

test('JSON yields every key and string with the key it stands under', () => {
  const text = '{"a":"1","b":{"c":["x","y\\u0041\\n"],"a":"2"},"d\\"":3,"e":"\\\\"}';
  assert.deepEqual(
    collect((visitor) => walkJson(text, visitor)),
    [
      'name a',
      'json a=1',
      'name b',
      'name c',
      'json c=x',
      'json c=yA\n',
      'name a',
      'json a=2',
      'name d"',
      'name e',
      'json e=\\',
    ],
  );
});

test('JSON that is cut off or broken yields what is there', () => {
  assert.deepEqual(
    collect((visitor) => walkJson('{"a":"long te', visitor)),
    ['name a', 'json a=long te'],
  );
  assert.deepEqual(
    collect((visitor) => walkJson('}]"x"', visitor)),
    ['json =x'],
  );
});

test('JSON past its depth says so and stops', () => {
  const seen = collect((visitor) => walkJson(`${'['.repeat(JSON_DEPTH_MAX + 1)}"x"`, visitor));
  assert.deepEqual(seen, ['bound depth']);
});

test('the strings of any JSON document are those JSON.parse finds', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const expected: string[] = [];
      const walk = (it: unknown): void => {
        if (typeof it === 'string') expected.push(it);
        else if (Array.isArray(it)) it.forEach(walk);
        else if (it !== null && typeof it === 'object') {
          for (const [key, inner] of Object.entries(it)) {
            expected.push(key);
            walk(inner);
          }
        }
      };
      const text = JSON.stringify(value);
      walk(JSON.parse(text));
      const seen = collect((visitor) => walkJson(text, visitor));
      assert.deepEqual(
        seen.map((it) => it.replace(/^(?:name |json [\s\S]*?=)/, '')).length,
        expected.length,
      );
      for (const [at, text] of expected.entries()) assert.ok(seen[at]!.endsWith(text));
    }),
  );
});

test('multipart yields names, values, file names, and the programs in files', () => {
  const body = [
    '--b',
    'Content-Disposition: form-data; name="a"',
    '',
    'one',
    '--b',
    'Content-Disposition: form-data; filename="C:\\x y.txt"; name="f"',
    'Content-Type: text/plain',
    '',
    'data',
    '--b--',
    '',
  ].join('\r\n');
  assert.deepEqual(
    collect((visitor) => walkMultipart('b', body, visitor)),
    ['name a', 'multipart a=one', 'name f', 'filename f=C:\\x y.txt'],
  );
});

test('a file name makes a file of a part only in Content-Disposition, outside of quotes, and not empty', () => {
  for (const head of [
    'Content-Disposition: form-data; name="a"; filename=""',
    'Content-Disposition: form-data; name="a"; FILENAME=',
    'Content-Disposition: form-data; name="a"; filename=" "',
    "Content-Disposition: form-data; name=a; filename*=UTF-8''",
    'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; filename="x"',
    'Content-Disposition: form-data; name="a"\r\nX-A: b; filename=x',
  ]) {
    const body = `--b\r\n${head}\r\n\r\none\r\n--b--\r\n`;
    assert.deepEqual(
      collect((visitor) => walkMultipart('b', body, visitor)),
      ['name a', 'multipart a=one'],
      head,
    );
  }
  const quoted =
    '--b\r\nContent-Disposition: form-data; name="a; filename=x"\r\n\r\none\r\n--b--\r\n';
  assert.deepEqual(
    collect((visitor) => walkMultipart('b', quoted, visitor)),
    ['name a; filename=x', 'multipart a; filename=x=one'],
  );
  const folded =
    '--b\r\ncontent-disposition: form-data;\r\n name="a";\r\n\tfilename="x.txt"\r\n\r\none\r\n--b--\r\n';
  assert.deepEqual(
    collect((visitor) => walkMultipart('b', folded, visitor)),
    ['name a', 'filename a=x.txt'],
  );
});

test('what servers read differently in multipart is looked at in each reading', () => {
  const seen = (body: string): string[] =>
    collect((visitor) => walkMultipart('b', body.replaceAll('|', '\r\n'), visitor));
  const head = '--b|Content-Disposition: form-data; name="a"';
  const file = ['name a', 'filename a=x.txt', 'filename a=y.php'];
  const value = ['name a', 'filename a=x.txt', 'multipart a=one'];
  const cases: Record<string, string[]> = {
    // A delimiter is a line of its own; elsewhere it is a value's.
    [`${head}||1 --b x|--bc|2|--b--|`]: ['name a', 'multipart a=1 --b x\r\n--bc\r\n2'],
    [`--b--|${head}||one|--b--|`]: ['name a', 'multipart a=one'],
    [`${head}||one|--b--|${head}||two|--b--|`]: [
      'name a',
      'multipart a=one',
      'name a',
      'multipart a=two',
    ],
    // The head ends at an empty line of any kind, or at one of CRLF.
    [`${head}\n\none||two|--b--|`]: ['name a', 'multipart a=one\r\n\r\ntwo', 'multipart a=two'],
    // Of two file names some servers take the first and others the last.
    [`${head}; filename="x.txt"; filename="y.php"||one|--b--|`]: file,
    [`${head}; filename="x.txt"; filename*=UTF-8''y.php||one|--b--|`]: file,
    [`${head}; filename="x.txt"; filename*0="y.p"; filename*1="hp"||one|--b--|`]: file,
    [`${head}; filename='x.txt'||one|--b--|`]: ['name a', 'filename a=x.txt'],
    [`${head}; name="c"||one|--b--|`]: ['name a', 'name c', 'multipart a=one'],
    // Some know no filename*, some take the empty name, some the other disposition.
    [`${head}; filename*=UTF-8''x.txt||one|--b--|`]: value,
    [`${head}; filename="x.txt"; filename=""||one|--b--|`]: value,
    [`${head}|Content-Disposition: form-data; filename="x.txt"||one|--b--|`]: value,
    [`${head}|Content-Transfer-Encoding: quoted-printable||=27 =3D=|1|--b--|`]: [
      'name a',
      'multipart a==27 =3D=\r\n1',
      "multipart a=' =1",
    ],
  };
  for (const [body, expected] of Object.entries(cases))
    assert.deepEqual(seen(body), expected, body);
});

test('a prototype within a constructor is named as a path of both', () => {
  assert.deepEqual(
    collect((visitor) => walkJson('{"constructor":{"a":1,"prototype":{"b":"c"}}}', visitor)),
    ['name constructor', 'name a', 'name constructor.prototype', 'name b', 'json b=c'],
  );
  assert.deepEqual(
    collect((visitor) => walkJson('{"constructor":"a","prototype":"b"}', visitor)),
    ['name constructor', 'json constructor=a', 'name prototype', 'json prototype=b'],
  );
});

test('multipart without its boundary, or with too many parts, says so', () => {
  assert.equal(collect((visitor) => walkMultipart('b', 'hello', visitor))[0], 'bound malformed');
  const many = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'.repeat(
    MULTIPART_PARTS_MAX + 1,
  );
  assert.equal(collect((visitor) => walkMultipart('b', many, visitor)).at(-1), 'bound parts');
});

test('XML yields texts, CDATA and attributes, but no namespaces', () => {
  const text =
    '<?xml version="1.0"?><r xmlns="urn:x" a="1>2"><b>t</b><!-- no --><![CDATA[<c>]]></r>';
  assert.deepEqual(
    collect((visitor) => walkXml(text, visitor)).filter((it) => !it.includes('version')),
    ['xml a=1>2', 'xml b=t', 'xml b=<c>'],
  );
});
