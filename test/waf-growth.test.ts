/**
 * No input makes the WAF slower than linear. Measured as CPU time of the same hostile text at one
 * length and at eight times that: a quadratic step would cost 64 times as much, and the bound of 24
 * leaves room for a noisy machine (each side is the fastest of several runs).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waf } from '../src/waf/index.ts';

const waf = new Waf({ paranoiaLevel: 4, bodyBytesLimit: 1 << 20 });
const SMALL = 6_000;
const FACTOR = 8;
const RATIO_MAX = 24;
const RUNS = 5;
const LARGE_RUNS_MAX = 12;
/** What costs less is taken to cost as much: the clock says no more. */
const BASE_MICROS_MIN = 300;

/** What a scanner might read again and again: openers without closers, near misses, nestings. */
const PIECES: readonly string[] = [
  '<script',
  '/?c/*d',
  '0x2e0x2f',
  '%S%E',
  "'../",
  '../',
  '1.e(',
  '/*!50000union',
  'PHN2Zy9v',
  '$u/',
  '<script>',
  '<a ',
  '<a href=',
  '<img src=x onerror',
  'on=',
  'onx=a ',
  '<!ENTITY ',
  '<!DOCTYPE a [',
  '<![CDATA[',
  '<!--',
  '<?',
  '<%',
  '<',
  '>',
  '=',
  "'",
  '"',
  '`',
  "' or ",
  "'--",
  "' '",
  '"\'',
  '\\',
  "\\'",
  '/*',
  '/*!',
  '*/',
  '/**/',
  '--\n',
  '#\n',
  '#',
  '(',
  ')',
  '((',
  '[',
  '[a',
  '{',
  '}',
  '{{',
  '{%',
  '${',
  '${a:-',
  '#{',
  '$(',
  '$((',
  '@{',
  '@@',
  '@a@',
  '$',
  '$ne',
  '{"$',
  ' ',
  '\n',
  '\r\n',
  '\t',
  '; ',
  ';',
  ';cat',
  ';cat ',
  ';./a',
  '; ./a b',
  ';chmod +x a',
  '<<<',
  '; for %a in (',
  'nc ',
  'nc a -',
  'socat exec:',
  'iwr a ',
  'powershell -',
  'array[',
  "'' ? '",
  '1 member of ',
  '1;insert or ',
  'onclick="a(" ',
  '|',
  '||',
  '&',
  '&&',
  '&#',
  '&#x41',
  '&lt',
  '&amp;',
  '%',
  '%2',
  '%25',
  '%2525',
  '%u',
  '%u0041',
  '\\u',
  '\\u{',
  '\\u0041',
  '\\x41',
  '+',
  '../',
  '..\\',
  './',
  '//',
  '/',
  'a/',
  '..;/',
  '.../',
  '.',
  '..',
  'http://',
  'http://a@',
  'javascript:',
  'j a v a s c r i p t :',
  'a:',
  ':',
  '://',
  '169.254.',
  'union ',
  'union select ',
  'select ',
  'union select (',
  'union all ',
  'and ',
  'or 1',
  '1 ',
  '1 or ',
  'a ',
  'a,',
  '1,',
  'x.y',
  'sleep(',
  'case when ',
  'not ',
  '-',
  '--',
  '1=1 ',
  'a',
  '1',
  'O:1:"',
  'c\n',
  'cos\n',
  'rO0AB',
  'AAEAAAD',
  '__proto__',
  'constructor.',
  'system(',
  'this.a',
  'return ',
  '*)(',
  ')(',
  ')(a',
  'the of and to is ',
  'nc ',
  'powershell ',
  'cmd ',
  'mkfifo ',
  '/dev/tcp/a',
  '() {',
  '7*7',
  '{{7',
  'T(',
  'a\u0000',
  '\u0000',
  '\u00c0\u00af',
  '\uff1c',
  '\u200b',
  '```',
  '`a` ',
  'document.cookie',
  'alert(',
  '0\r\n\r\n',
  '\r\nX-A: ',
  '\nGET / HTTP/1.1',
  '=on',
  '<svg/onload=',
  '<?php ',
  '<xsl:value-of ',
  '<include ',
  ';a=b;$a',
  'ab "',
  "it's a ",
  'php://a b ',
  '\u4e2d',
  'a --exec ',
  'xinclude ',
  '<script>a<b',
  '</script',
  '<style>',
  '("a")(',
  '"](',
  ')(',
  '$a="b";$a(',
  '$a=bc;',
  'array_map(',
  'Function("',
  'constructor["',
  'constructor("',
  '$1:a:',
  '<x:copy-of ',
  '/a\r\nb:',
];

function cpuMicros(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

function fastestOf(runs: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let times = 0; times < runs; times++) best = Math.min(best, cpuMicros(run));
  return best;
}

const fill = (piece: string, length: number): string =>
  piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

const inspect = (contentType: string, body: string): void => {
  waf.inspectBody({ target: '/', contentType, bytes: Buffer.from(body), isTruncated: false });
};
const NO_HEADERS = { length: 0, name: () => '', value: () => '' };

const READERS: readonly (readonly [string, (text: string) => void])[] = [
  [
    'a form value',
    (text) => inspect('application/x-www-form-urlencoded', `a=${encodeURIComponent(text)}`),
  ],
  [
    'a parameter that is sent again and again',
    (text) => {
      const values = text.match(/[\s\S]{1,60}/g) ?? [];
      const pairs = values.map((it) => `a=${encodeURIComponent(it)}`);
      inspect('application/x-www-form-urlencoded', pairs.join('&'));
    },
  ],
  ['raw JSON', (text) => inspect('application/json', `{"a":"${text}`)],
  ['raw XML', (text) => inspect('application/xml', `<r>${text}`)],
  [
    'a raw multipart body',
    (text) =>
      inspect(
        'multipart/form-data; boundary=b',
        `--b\r\nContent-Disposition: form-data; name="a"${text}`,
      ),
  ],
  [
    'a raw target',
    (text) => waf.inspectHead({ method: 'GET', target: `/a?b=${text}`, headers: NO_HEADERS }),
  ],
  [
    'a raw path',
    (text) => waf.inspectHead({ method: 'GET', target: `/${text}`, headers: NO_HEADERS }),
  ],
  [
    'a header',
    (text) =>
      waf.inspectHead({
        method: 'GET',
        target: '/',
        headers: { length: 2, name: (at) => ['user-agent', 'cookie'][at]!, value: () => text },
      }),
  ],
];

for (const [name, read] of READERS) {
  test(`the time for ${name} grows no faster than its length`, () => {
    const wrong: string[] = [];
    for (const piece of PIECES) {
      for (const lead of ['', "1' <a "]) {
        const small = lead + fill(piece, SMALL);
        const large = lead + fill(piece, SMALL * FACTOR);
        read(small); // compiled before it is measured
        let cost = cpuMicros(() => read(large));
        // Most cases are far below, whatever the small text costs.
        if (cost <= BASE_MICROS_MIN * RATIO_MAX) continue;
        const base = Math.max(
          fastestOf(RUNS, () => read(small)),
          BASE_MICROS_MIN,
        );
        // On a busy machine some are slow: the fastest of a few runs tells.
        for (let tries = 1; tries < LARGE_RUNS_MAX && cost > base * RATIO_MAX; tries++) {
          cost = Math.min(
            cost,
            cpuMicros(() => read(large)),
          );
        }
        if (cost > base * RATIO_MAX)
          wrong.push(`${JSON.stringify(lead + piece)}: ${base} to ${cost} µs`);
      }
    }
    assert.deepEqual(wrong, []);
  });
}
