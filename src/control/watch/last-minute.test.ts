import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeIndex } from '../../core/answers/codes.ts';
import { WORKER_COUNTER, WORKER_TIMING } from '../../table/measures.ts';
import { SharedTable } from '../../table/table.ts';
import { RecentCounts } from './last-minute.ts';

test('what was counted is told for a minute, and then no more', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 2 });
  const { measures } = table;
  const recent = new RecentCounts(table);
  const seconds = (count: number) => {
    for (let second = 0; second < count; second++) recent.sample([0, 1]);
  };
  measures.countFailure(0, codeIndex('no_server'));
  seconds(1);
  for (const worker of [0, 1]) measures.countFailure(worker, codeIndex('queue_full'));
  measures.countObserved(1, codeIndex('rate_limited'));
  measures.countVerdict(0, 1);
  measures.add(0, WORKER_COUNTER.tlsHandshakes, 3);
  measures.add(1, WORKER_COUNTER.tlsFailures, 2);
  measures.timeOfWorker(1, WORKER_TIMING.queueWait, 9);
  seconds(1);
  const now = recent.counts();
  assert.deepEqual(now.failures, [
    { code: 'queue_full', count: 2 },
    { code: 'no_server', count: 1 },
  ]);
  assert.deepEqual(now.observed, [{ code: 'rate_limited', count: 1 }]);
  assert.deepEqual(now.waf, { blocked: 0, detected: 1, noted: 0 });
  assert.deepEqual(now.handshakes, { whole: 3, resumed: 0, failed: 2 });
  assert.equal(now.waited, 1);
  assert.ok(now.waitP99Ms > 7 && now.waitP99Ms <= 10);

  seconds(59);
  assert.deepEqual(recent.counts().failures, [{ code: 'queue_full', count: 2 }]);
  seconds(1);
  assert.deepEqual(recent.counts(), {
    failures: [],
    observed: [],
    waf: { blocked: 0, detected: 0, noted: 0 },
    handshakes: { whole: 0, resumed: 0, failed: 0 },
    waited: 0,
    waitP99Ms: 0,
    turnedAway: 0,
  });
});
