import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProbeSchedule } from './probe-schedule.ts';

const TIMES = { intervalMs: 5000, suspectIntervalMs: 3000 };

/** When the next `count` probes begin, if each is begun when it is due and found nothing. */
function beginnings(schedule: ProbeSchedule, count: number): number[] {
  return Array.from({ length: count }, () => {
    const atMs = schedule.dueMs;
    schedule.started(TIMES, atMs);
    schedule.ended(true, TIMES);
    return atMs;
  });
}

test('all servers are probed within a second of the start, then spread over the interval', () => {
  const probes = [0, 1, 2, 3, 4].map((at) => beginnings(new ProbeSchedule(at / 5, TIMES, 0), 3));
  assert.deepEqual(
    probes.map(([first]) => first),
    [0, 200, 400, 600, 800],
  );
  assert.deepEqual(
    probes.map(([, second]) => second),
    [5000, 6200, 7400, 8600, 9800],
  );
  for (const [, second, third] of probes) assert.equal(third! - second!, TIMES.intervalMs);
});

test('a server that becomes suspect is probed at once', () => {
  const schedule = new ProbeSchedule(0, TIMES, 0);
  beginnings(schedule, 1);
  schedule.suspect(TIMES, 4000);
  assert.equal(schedule.dueMs, 4000);
});

test('a server that stays suspect is probed no more often than the detection interval says', () => {
  const schedule = new ProbeSchedule(0, TIMES, 0);
  beginnings(schedule, 1);
  schedule.suspect(TIMES, 100);
  assert.equal(schedule.dueMs, 3000);
  schedule.started(TIMES, 3000);
  schedule.ended(false, TIMES);
  assert.equal(schedule.dueMs, 6000);
});

test('a suspect server that is cleared is probed at the interval again', () => {
  const schedule = new ProbeSchedule(0, TIMES, 0);
  schedule.suspect(TIMES, 0);
  schedule.started(TIMES, 0);
  schedule.ended(true, TIMES);
  assert.equal(schedule.isSuspect, false);
  assert.equal(schedule.dueMs, 5000);
});
