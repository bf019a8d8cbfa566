import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WORKER_COUNTER, WORKER_TIMING } from '../../table/measures.ts';
import { SharedTable } from '../../table/table.ts';
import { WorkerLoads } from './worker-loads.ts';

test('a worker is as busy as it was in the last ten seconds', () => {
  const table = SharedTable.create({ serverRows: 1, workerLanes: 2 });
  const { measures } = table;
  const loads = new WorkerLoads(table);
  const busy = (seconds: number, cpuSeconds: number, lateMs: number, fromMs: number) => {
    for (let second = 1; second <= seconds; second++) {
      measures.add(1, WORKER_COUNTER.cpuSeconds, cpuSeconds);
      measures.timeOfWorker(1, WORKER_TIMING.loopDelay, lateMs);
      loads.sample([1], fromMs + second * 1000);
    }
  };
  busy(20, 0.1, 1, 0);
  busy(11, 0.75, 90, 20_000);
  const [load, ...more] = loads.loads();
  assert.deepEqual(more, []);
  assert.ok(Math.abs(load!.cpuRatio - 0.75) < 1e-9);
  assert.ok(load!.lateP99Ms > 70 && load!.lateP99Ms <= 100);
  // Its replacement begins at nothing.
  measures.set(1, WORKER_COUNTER.cpuSeconds, 0);
  loads.sample([1], 32_000);
  assert.equal(loads.loads()[0]!.cpuRatio, 0);
  loads.sample([], 33_000);
  assert.deepEqual(loads.loads(), []);
});
