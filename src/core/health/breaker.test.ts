import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BREAKER } from '../../table/layout.ts';
import { SharedTable } from '../../table/table.ts';
import {
  claimTrial,
  close,
  countFailure,
  countSuccess,
  expireTrial,
  NO_TRIAL,
  recover,
  releaseTrial,
  trialAnswered,
  trialFailed,
  trialSent,
  trialSucceeded,
  trialUploads,
} from './breaker.ts';

const SIZE = { serverRows: 2, workerLanes: 1 };
const SETTINGS = { failureThreshold: 5, recoveryMs: 30_000, halfOpenMs: 10_000 };
const ROW = 1;

const stateOf = (table: SharedTable) => table.breakers.state(ROW);

/** A table whose breaker opened at the time 0. */
function opened(): SharedTable {
  const table = SharedTable.create(SIZE);
  for (let failure = 0; failure < 5; failure++) countFailure(table, ROW, SETTINGS, 0);
  assert.equal(stateOf(table), BREAKER.open);
  return table;
}

/** A table whose breaker is half-open, at the time 30 s. */
function halfOpened(): SharedTable {
  const table = opened();
  assert.ok(recover(table, ROW, 30_000));
  return table;
}

test('failures in a row open the breaker, and exactly one of them is told so', () => {
  const table = SharedTable.create(SIZE);
  const told = Array.from({ length: 7 }, () => countFailure(table, ROW, SETTINGS, 0));
  assert.deepEqual(told, [false, false, false, false, true, false, false]);
});

test('a success between failures starts the count anew', () => {
  const table = SharedTable.create(SIZE);
  for (let round = 0; round < 10; round++) {
    for (let failure = 0; failure < 4; failure++) countFailure(table, ROW, SETTINGS, 0);
    countSuccess(table, ROW);
  }
  assert.equal(stateOf(table), BREAKER.closed);
});

test('the breaker of one server is no matter of another', () => {
  const table = opened();
  assert.equal(table.breakers.state(0), BREAKER.closed);
});

test('an open breaker lets nothing through before its recovery, and then one trial', () => {
  const table = opened();
  assert.equal(recover(table, ROW, 29_999), false);
  assert.equal(claimTrial(table, ROW, SETTINGS, 29_999), NO_TRIAL);
  assert.equal(recover(table, ROW, 30_000), true);
  assert.notEqual(claimTrial(table, ROW, SETTINGS, 30_000), NO_TRIAL);
  assert.equal(claimTrial(table, ROW, SETTINGS, 30_001), NO_TRIAL);
});

test('every change of a breaker changes the generation', () => {
  const table = opened();
  const seen = new Set([table.generation()]);
  recover(table, ROW, 30_000);
  seen.add(table.generation());
  trialFailed(table, ROW, claimTrial(table, ROW, SETTINGS, 30_000), SETTINGS, 30_001);
  seen.add(table.generation());
  recover(table, ROW, 70_000);
  seen.add(table.generation());
  trialSucceeded(table, ROW, claimTrial(table, ROW, SETTINGS, 70_000));
  seen.add(table.generation());
  assert.equal(seen.size, 5);
});

test('a trial that succeeds closes the breaker, with no failure counted', () => {
  const table = halfOpened();
  assert.ok(trialSucceeded(table, ROW, claimTrial(table, ROW, SETTINGS, 30_000)));
  assert.equal(stateOf(table), BREAKER.closed);
  for (let failure = 0; failure < 4; failure++) countFailure(table, ROW, SETTINGS, 30_001);
  assert.equal(stateOf(table), BREAKER.closed);
});

test('a trial that fails opens the breaker for another recovery', () => {
  const table = halfOpened();
  assert.ok(trialFailed(table, ROW, claimTrial(table, ROW, SETTINGS, 30_000), SETTINGS, 31_000));
  assert.equal(recover(table, ROW, 60_999), false);
  assert.equal(recover(table, ROW, 61_000), true);
});

test('a trial that ends without a verdict makes room for the next', () => {
  const table = halfOpened();
  releaseTrial(table, ROW, claimTrial(table, ROW, SETTINGS, 30_000));
  assert.equal(stateOf(table), BREAKER.halfOpen);
  assert.notEqual(claimTrial(table, ROW, SETTINGS, 30_000), NO_TRIAL);
});

test('a trial without an answer in time opens the breaker, and its late success is ignored', () => {
  const table = halfOpened();
  const token = claimTrial(table, ROW, SETTINGS, 30_000);
  assert.equal(expireTrial(table, ROW, SETTINGS, 39_000), false);
  assert.equal(expireTrial(table, ROW, SETTINGS, 40_000), true);
  assert.equal(stateOf(table), BREAKER.open);
  assert.equal(trialSucceeded(table, ROW, token), false);
  assert.equal(stateOf(table), BREAKER.open);
});

test('a trial whose long answer flows has succeeded when its time is over', () => {
  const table = halfOpened();
  const token = claimTrial(table, ROW, SETTINGS, 30_000);
  assert.notEqual(trialAnswered(table, ROW, token, SETTINGS, 39_000), NO_TRIAL);
  assert.equal(expireTrial(table, ROW, SETTINGS, 45_000), false);
  assert.equal(expireTrial(table, ROW, SETTINGS, 49_001), true);
  assert.equal(stateOf(table), BREAKER.closed);
});

test('a slow upload is judged no failure: its time is over, and the next request is the trial', () => {
  const table = halfOpened();
  const token = claimTrial(table, ROW, SETTINGS, 30_000);
  const upload = trialUploads(table, ROW, token);
  assert.equal(expireTrial(table, ROW, SETTINGS, 40_004), false);
  assert.equal(stateOf(table), BREAKER.halfOpen);
  const next = claimTrial(table, ROW, SETTINGS, 41_000);
  assert.notEqual(next, NO_TRIAL);
  assert.equal(trialSent(table, ROW, upload, SETTINGS, 41_500), NO_TRIAL);
  assert.equal(trialFailed(table, ROW, upload, SETTINGS, 42_000), false);
  assert.ok(trialSucceeded(table, ROW, next));
});

test('once an upload is whole the server has half_open_timeout to answer', () => {
  const table = halfOpened();
  const upload = trialUploads(table, ROW, claimTrial(table, ROW, SETTINGS, 30_000));
  const token = trialSent(table, ROW, upload, SETTINGS, 36_000);
  assert.equal(trialSent(table, ROW, token, SETTINGS, 37_000), token);
  assert.equal(expireTrial(table, ROW, SETTINGS, 45_000), false);
  assert.equal(expireTrial(table, ROW, SETTINGS, 46_004), true);
  assert.equal(stateOf(table), BREAKER.open);
});

test('what was sent before the breaker opened moves it no more', () => {
  const table = opened();
  assert.equal(countFailure(table, ROW, SETTINGS, 20_000), false);
  recover(table, ROW, 30_000);
  assert.equal(countFailure(table, ROW, SETTINGS, 30_000), false);
  countSuccess(table, ROW);
  assert.equal(stateOf(table), BREAKER.halfOpen);
});

test('a breaker that is switched off is closed, its trial forgotten', () => {
  const table = halfOpened();
  const token = claimTrial(table, ROW, SETTINGS, 30_000);
  close(table, ROW);
  assert.equal(stateOf(table), BREAKER.closed);
  assert.equal(trialFailed(table, ROW, token, SETTINGS, 30_000), false);
  assert.equal(stateOf(table), BREAKER.closed);
});

test('times may wrap: a breaker opened just before the 32nd bit recovers just after it', () => {
  const table = SharedTable.create(SIZE);
  const nowMs = 2 ** 31 - 10_000;
  for (let failure = 0; failure < 5; failure++) countFailure(table, ROW, SETTINGS, nowMs);
  assert.equal(recover(table, ROW, nowMs + 29_999), false);
  assert.equal(recover(table, ROW, nowMs + 30_000), true);
});

test('over racing threads a half-open breaker has one trial at a time, and counts add up', async () => {
  const THREADS = 4;
  const ROUNDS = 20_000;
  const table = SharedTable.create(SIZE);
  /** Trials under way, trials ever, most at a time, openings that a thread was told of, time. */
  const shared = new SharedArrayBuffer(5 * 4);
  const counts = new Int32Array(shared);
  const source = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const code = `
    import { workerData } from 'node:worker_threads';
    import * as breaker from ${source('./breaker.ts')};
    import { SharedTable } from ${source('../../table/table.ts')};
    const table = SharedTable.open(workerData.memory, ${JSON.stringify(SIZE)});
    const counts = new Int32Array(workerData.shared);
    const settings = { failureThreshold: 3, recoveryMs: 1, halfOpenMs: 1e9 };
    for (let round = 0; round < ${ROUNDS}; round++) {
      const nowMs = Atomics.add(counts, 4, 1) + 1;
      // Every thread is the control thread as well, so that nothing waits for another.
      breaker.recover(table, ${ROW}, nowMs);
      const token = breaker.claimTrial(table, ${ROW}, settings, nowMs);
      if (token === breaker.NO_TRIAL) {
        if (breaker.countFailure(table, ${ROW}, settings, nowMs)) Atomics.add(counts, 3, 1);
        continue;
      }
      Atomics.add(counts, 1, 1);
      const underWay = Atomics.add(counts, 0, 1) + 1;
      for (let most = counts[2]; underWay > most; most = counts[2]) {
        Atomics.compareExchange(counts, 2, most, underWay);
      }
      Atomics.sub(counts, 0, 1);
      if (round % 3 === 0) breaker.releaseTrial(table, ${ROW}, token);
      else if (round % 3 === 1) breaker.trialSucceeded(table, ${ROW}, token);
      else if (breaker.trialFailed(table, ${ROW}, token, settings, nowMs)) Atomics.add(counts, 3, 1);
    }
  `;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const workerData = { memory: table.memory, shared };
  await Promise.all(
    Array.from({ length: THREADS }, () => {
      const thread = new Worker(url, { workerData });
      return new Promise((resolve, reject) => {
        thread.once('error', reject);
        thread.once('exit', resolve);
      });
    }),
  );
  const [underWay, trials, most, openings] = counts;
  assert.equal(underWay, 0);
  assert.ok(trials! > 0);
  assert.equal(most, 1);
  assert.equal(table.breakers.trial(ROW), NO_TRIAL);
  assert.equal(table.breakers.openings(ROW), openings);
});
