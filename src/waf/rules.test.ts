import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES } from './rules/rules.ts';
import { inspectSpecimen } from './specimen.ts';
import { Waf } from './waf.ts';

test('rule ids are unique and begin with a word of their own', () => {
  const ids = RULES.map((rule) => rule.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[a-z]+-[a-z-]+$/);
});

for (const rule of RULES) {
  const waf = new Waf({ paranoiaLevel: rule.paranoia });
  const speaks = (line: string): boolean =>
    inspectSpecimen(waf, line).matches.some((match) => match.rule === rule);

  test(`rule ${rule.id} speaks in its examples and is silent in their look-alikes`, () => {
    const wrong = [
      ...rule.match.filter((line) => !speaks(line)).map((line) => `silent: ${line}`),
      ...rule.pass.filter((line) => speaks(line)).map((line) => `speaks: ${line}`),
    ];
    assert.deepEqual(wrong, []);
  });
}
