import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from './explain.ts';
import { CLEAN } from './findings.ts';
import { inspectSpecimen } from './specimen.ts';
import { Waf } from './waf.ts';

test('an explanation names rule, score, place, parameter, reason and text', () => {
  const lines = explain(inspectSpecimen(new Waf(), 'query:id 1 or 1=1'), 5);
  assert.deepEqual(lines, [
    'sql-condition (+5, critical) A condition added to a query: a condition: ... = 1, in query "id": "1 or 1=1"',
    'score 5 of 5: a hit',
  ]);
});

test('an explanation tells how often a value was decoded, and shows control characters', () => {
  const [line] = explain(inspectSpecimen(new Waf(), 'target /?u=x%250d%250aSet-Cookie:%20a=b'), 5);
  assert.match(line!, /decoded 1 more time/);
  assert.match(line!, /\\r\\nSet-Cookie/);
});

test('a clean request is said to be clean', () => {
  assert.deepEqual(explain(CLEAN, 5), ['clean: no rule speaks']);
});
