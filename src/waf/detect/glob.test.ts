import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedByWildcards } from './glob.ts';

test('wildcards that fit a secret or a program are found where they stand', () => {
  assert.equal(namedByWildcards('/e?c/p*d'), 0);
  assert.equal(namedByWildcards('cat /etc/pa**wd'), 4);
  assert.equal(namedByWildcards('/???/??t'), 0);
  assert.equal(namedByWildcards('x;/u?r/b[i]n/w*i'), 2);
});

test('routes, globs of sources and addresses name nothing', () => {
  for (const text of ['/*/*', '/api/*', 'src/**/*.ts', '/etc/passwd', '/a/b?c=d', '/??', '/x/?/y'])
    assert.equal(namedByWildcards(text), -1, text);
});
