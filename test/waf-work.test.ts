/**
 * What a harmless value costs beyond its bytes, as work that can be counted: detectors run and
 * patterns tried. A value meets few of the first and next to none of the second, however many
 * values a document has. In a process of its own, for patterns are slower once they are counted.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { DETECTORS } from '../src/waf/detect/detectors.ts';
import { CLEAN } from '../src/waf/findings.ts';
import { Waf } from '../src/waf/waf.ts';

const VALUES = 500;
/** Of a document as a whole. */
const DOCUMENT_MAX = 4;

/** Values that each hold a sign which some grammar reads; what they may cost each. */
const KINDS: readonly (readonly [sign: string, runsMax: number, patternsMax: number])[] = [
  ["it's", 1, 0],
  ['"q"', 1, 0],
  ['(x)', 0, 0],
  ['foo.bar(x)', 0, 0],
  ['a;b', 1, 0],
  ['x | y', 1, 0],
  ['a & b', 1, 0],
  ['a, (b); c', 1, 0],
  ['/a/b.c', 2, 2],
  ['http://a.example/', 2, 2],
  ["Ann's file: x", 3, 2],
  ['{{a}}', 2, 10],
  ['mail the file to her', 0, 0],
  ['new: 5/6, or 7', 0, 0],
];

test('a document of harmless values costs few detectors and patterns for each', () => {
  const waf = new Waf();
  const runs = DETECTORS.map((it) => mock.method(it, 'run'));
  const exec = mock.method(RegExp.prototype, 'exec'); // test, match and search call it, too
  const dearer: string[] = [];
  try {
    for (const [sign, runsMax, patternsMax] of KINDS) {
      for (const it of [...runs, exec]) it.mock.resetCalls();
      const values = Array.from({ length: VALUES }, (_, at) => `${sign} ${at}`);
      const bytes = Buffer.from(JSON.stringify(values));
      const view = { target: '/', contentType: 'application/json', bytes, isTruncated: false };
      assert.equal(waf.inspectBody(view), CLEAN, sign);
      const ran = runs.reduce((sum, it) => sum + it.mock.callCount(), 0);
      const tried = exec.mock.callCount();
      if (ran > VALUES * runsMax + DOCUMENT_MAX || tried > VALUES * patternsMax + DOCUMENT_MAX)
        dearer.push(`${sign}: ${ran} runs, ${tried} patterns for ${VALUES} values`);
    }
  } finally {
    mock.restoreAll();
  }
  assert.deepEqual(dearer, []);
});
