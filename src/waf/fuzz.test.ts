/** Invariant: whatever the bytes, the WAF gives a verdict; it never throws, and it is the same twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyIsClean } from './first-pass/body.ts';
import { headIsClean } from './first-pass/head.ts';
import { headerList } from './request.ts';
import { Waf } from './waf.ts';

const waf = new Waf({ paranoiaLevel: 4, bodyBytesLimit: 512 });

const pieces = fc.constantFrom(
  ...'\' " ` < > ( ) [ ] { } ; | & $ % \\ / = # + * . , : - @ ! ? ^ ~ \0 \n \r \t a 1'.split(' '),
  'or',
  'select',
  'union',
  '--',
  '/*',
  '*/',
  '<script',
  'onload=',
  'javascript:',
  '../',
  'http://',
  '${',
  '{{',
  '}}',
  '<%',
  '%2',
  '%u00',
  '&#x',
  '&lt',
  '\\u{',
  '\\x',
  '<!ENTITY',
  'O:1:"',
  'rO0AB',
  '$ne',
  '__proto__',
  'cat',
  '\u00c0\u00af',
  '\uff1c',
  '\ud800',
  '日本',
  '--b\r\n',
  'name="a"',
  '\r\n\r\n',
  ' ',
);
const text = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(''));
const type = fc.constantFrom(
  '',
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b',
  'multipart/form-data',
  'application/xml',
  'text/plain',
  'image/png',
);

test('any head gets a verdict, the same each time', () => {
  fc.assert(
    fc.property(text, text, text, (method, target, value) => {
      const head = {
        method,
        target,
        headers: headerList([
          ['User-Agent', value],
          ['cookie', value],
          ['Referer', value],
        ]),
      };
      assert.deepEqual(waf.inspectHead(head), waf.inspectHead(head));
      const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nA: ${value}`);
      assert.equal(typeof headIsClean(bytes, 0, bytes.length), 'boolean');
    }),
    { numRuns: 500, seed: 12 },
  );
});

test('any body gets a verdict, whole or cut off', () => {
  fc.assert(
    fc.property(type, text, fc.uint8Array({ maxLength: 64 }), (contentType, before, noise) => {
      for (const bytes of [
        Buffer.from(before),
        Buffer.concat([Buffer.from(before), noise]),
        noise,
      ]) {
        const body = { target: '/', contentType, bytes, isTruncated: false };
        const verdict = waf.inspectBody(body);
        assert.deepEqual(verdict, waf.inspectBody(body));
        assert.equal(verdict.isHit, verdict.score >= 5);
        assert.equal(typeof bodyIsClean(bytes), 'boolean');
      }
    }),
    { numRuns: 500, seed: 12 },
  );
});
