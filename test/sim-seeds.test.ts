/** The first seeds of the simulation; `npm run sim -- --seeds N` runs more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportOf } from '../sim/report.ts';
import { simulate } from '../sim/simulation.ts';

const SEEDS = 200;
/** One test each, so that a run that hangs is noticed and a failure is told early. */
const SEEDS_EACH = 10;

for (let first = 1; first <= SEEDS; first += SEEDS_EACH) {
  const last = first + SEEDS_EACH - 1;
  test(`seeds ${first} to ${last} keep every invariant`, () => {
    let report = '';
    for (let seed = first; seed <= last; seed++) {
      const outcome = simulate(seed);
      if (outcome.violations.length > 0) report += reportOf(outcome);
    }
    assert.equal(report, '');
  });
}
