/** What beginners, web pages and other programs make of a file: its line, its cause, its mend. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './load.ts';

const TOP = 'load_balancing:\n';
const LISTEN = '  listen: ":80"\n';
const SERVERS = '  servers: ["10.0.0.1:80"]\n';

function said(text: string): string {
  const first = parseConfig(text, { file: 'a.yml', env: {} }).problems[0];
  return first === undefined ? 'valid' : `${first.line}: ${first.message}; ${first.help}`;
}

const MISTAKES: readonly [text: string, said: RegExp][] = [
  [`load_balancing\n${LISTEN}${SERVERS}`, /^1: a colon is missing .*write "load_balancing:"/],
  [`${TOP}  listen :80\n${SERVERS}`, /^2: /],
  [`${TOP}  listen 1.1.1.1:80\n${SERVERS}`, /^2: .*write "listen: 1.1.1.1:80"/],
  [`${TOP}${SERVERS}  listen = 1.1.1.1:80\n`, /^3: .*colon.*write "listen: 1.1.1.1:80"/],
  [`${TOP}  servers:\n    - 10.0.0.1:80\n    -10.0.0.2:80\n`, /^4: .*hyphen.*"- 10.0.0.2:80"/],
  [`${TOP}${LISTEN}   strategy: random\n${SERVERS}`, /^3: .*(further in|indentation)/],
  [`${TOP}  servers:\n    - address: a:80\n        weight: 2\n`, /^4: .*indented under line 3/],
  [`${TOP}  servers:\n    - address: a:80\n     weight: 2\n`, /^4: .*neither an item/],
  [`${TOP}  strategy: 'it's'\n`, /^2: .*after its closing quote/],
  [`${TOP}${SERVERS}log:\n  file: "C:\\logs"\n`, /^4: a backslash .*single quotes/],
  [`${TOP}  servers:\n    - {address: a:80 weight: 2}\n`, /^3: .*comma/],
  [`${TOP}  servers: [a:80,, b:80]\n`, /^2: .*before this comma; remove it/],
  [`${TOP}  servers: [a:80 b:80]\n`, /^2: .*separated by commas/],
  [`${TOP}  servers:\n    - a:80\n      - b:80\n`, /^3: .*at the same indentation/],
  [`${TOP}  servers: (a:80, b:80)\n`, /^2: .*write \["a:80", "b:80"\]/],
  [`${TOP}  servers: a:80，b:80\n`, /^2: .*write \["a:80", "b:80"\]/],
  [`${TOP}  servers: 【a:80】\n`, /^2: .*write \["a:80"\]/],
  [`${TOP}  servers: |\n    a:80\n    b:80\n`, /^2: .*write \["a:80", "b:80"\]/],
  [`${TOP}  listen: - 80\n${SERVERS}`, /^2: a list cannot begin on the line of its name/],
  [`${TOP}  listen: 1.1.1.1:80;\n${SERVERS}`, /^2: .*write 1.1.1.1:80$/],
  [`${TOP}  listen: 1.1.1.1：80\n${SERVERS}`, /^2: .*write 1.1.1.1:80$/],
  [`${TOP}  listen: 「1.1.1.1:80」\n${SERVERS}`, /^2: .*write 1.1.1.1:80$/],
  [`${TOP}  listen: “1.1.1.1:80"\n${SERVERS}`, /^2: .*write 1.1.1.1:80$/],
  [`${TOP}  listen: 1.1.1.1:80 // port\n${SERVERS}`, /^2: .*comments start with a space and #/],
  [`${TOP}  listen: 99999\n${SERVERS}`, /^2: .*a number from 1 to 65535/],
  [`${TOP}  listen: -1\n${SERVERS}`, /^2: .*a number from 1 to 65535/],
  [
    `${TOP}  listen:\n    host: a\n    port: 80\n${SERVERS}`,
    /^2: .*listen: this is not an address/,
  ],
  [`${TOP}  servers: ["::1:8080"]\n`, /^2: .*write "\[::1\]:8080"/],
  [`${TOP}  servers: !include b.yml\n`, /^2: .*no includes/],
  [`${TOP}  strategy: !ENV S\n${SERVERS}`, /^2: .*environment variables are written \$\{NAME\}/],
  [`${TOP}  <<: 5\n${SERVERS}`, /^2: "<<" needs a section/],
  [`a: &a\n  b: *a\n`, /^2: .*too many references/],
  [`${TOP}${SERVERS}  : http\n`, /^3: unknown setting ""/],
  [`${TOP}${SERVERS}||||||| base\n`, /^3: unresolved merge conflict/],
  [
    ` load_balancing:\n-  listen: ":80"\n+  listen: ":81"\n`,
    /^2: an item of a list stands among settings/,
  ],
  [`--- a/x.yml\n+++ b/x.yml\n load_balancing:\n`, /^1: .*patch/],
  [`// mine\n${TOP}${SERVERS}`, /^1: comments start with #/],
  [`${TOP}  -- mine\n${SERVERS}`, /^2: comments start with #/],
  [`＃ 我的\n${TOP}${SERVERS}`, /^1: comments start with #/],
  [`${TOP}  …\n${SERVERS}`, /^2: "..." marks something/],
  [`<!DOCTYPE html>\n<p>a: b</p>\n`, /^1: .*HTML/],
  [`$ cat openclaw.yml\n${TOP}${SERVERS}`, /^1: .*terminal/],
  [`2 log:\n3   level: info\n`, /line numbers were copied|did you mean "log"/],
  [
    `${TOP}  servers:\n{% for s in x %}\n    - s:80\n{% endfor %}\n`,
    /^3: this is a line of a template/,
  ],
  [`${TOP}  listen: :{{ port }}\n${SERVERS}`, /^2: .*placeholder/],
  [`${TOP}${LISTEN}${SERVERS}`.split('').join('\0'), /^1: there is a NUL byte .*UTF-16/],
  ['\x7fELF\x02\x01\0\0', /^1: there is a NUL byte .*right file/],
  [`${TOP}${LISTEN}`.replaceAll('\n', '\r'), /^1: .*carriage return only/],
  [`a: ${'['.repeat(50_000)}\n`, /^1: brackets are nested/],
  [`${'{a: '.repeat(50_000)}\n`, /^1: brackets are nested/],
];

for (const [text, expected] of MISTAKES) {
  test(`${JSON.stringify(text.slice(0, 90))} is told with its mend`, () => {
    assert.match(said(text), expected);
  });
}

test('a message is short, however long what was written', () => {
  for (const long of ['x'.repeat(100_000), `${'x'.repeat(100_000)}:`, '1'.repeat(100_000)]) {
    const texts = [`${TOP}  listen: ${long}\n`, `${TOP}  ${long}: 1\n`];
    for (const text of texts) assert.ok(said(text).length < 1000, said(text).slice(0, 2000));
  }
});

/** Each of these took minutes: for every problem, all others or the whole text were gone through. */
const MANY: readonly [what: string, line: (at: number) => string][] = [
  ['unknown settings', (at) => `  x${at}: 1`],
  ['quotes that nothing closes', (at) => `  x${at}: "`],
  ['curly quotes', (at) => `  x${at}： “y”`],
];

for (const [what, line] of MANY) {
  test(`a file of thousands of ${what} is answered with a bounded list`, () => {
    const text = `${TOP}${Array.from({ length: 3000 }, (_, at) => line(at)).join('\n')}\n`;
    const { problems } = parseConfig(text, { file: 'a.yml', env: {} });
    assert.ok(problems.length > 0 && problems.length <= 6500, `${problems.length}`);
  });
}
