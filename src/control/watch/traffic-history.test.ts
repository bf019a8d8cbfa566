import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { COUNTER } from '../../table/layout.ts';
import { TIMING } from '../../table/measures.ts';
import { SharedTable } from '../../table/table.ts';
import { FIELDS, SAMPLES_MAX, SERVER_SAMPLES_MAX, TrafficHistory } from './traffic-history.ts';

const make = () => SharedTable.create({ serverRows: 4, workerLanes: 2 });
const column = (history: TrafficHistory, field: (typeof FIELDS)[number]) =>
  history.since(0)[FIELDS.indexOf(field) + 1];

test('a sample holds what came since the one before, a second', () => {
  const table = make();
  const history = new TrafficHistory(table, 1000);
  for (let i = 0; i < 6; i++) table.measures.countRequest(0, 0, 'GET', 200);
  table.measures.countRequest(table.measures.noRow, 1, 'GET', 503);
  table.measures.time(0, 0, TIMING.total, 8);
  history.sample([0, 1], 3000);
  history.sample([0, 1], 4000);
  assert.deepEqual(history.since(0)[0], [3000, 4000]);
  assert.deepEqual(column(history, 'requestsPerSecond'), [3.5, 0]);
  assert.deepEqual(column(history, 'errorsPerSecond'), [0.5, 0]);
  assert.deepEqual(column(history, 'p99Ms'), [8.173, 0]);
  assert.deepEqual(history.since(3000)[0], [4000]);
  assert.deepEqual(history.server(0).requests, [6, 0]);
  assert.deepEqual(history.server(0).p99Ms, [8.173, -1]);
});

test('a window adds what lies in it, over the samples it has', () => {
  const table = make();
  const history = new TrafficHistory(table, 0);
  for (let second = 1; second <= 100; second++) {
    for (let i = 0; i < second; i++) {
      table.measures.countRequest(0, 0, 'GET', i === 0 ? 500 : 200);
      table.measures.time(0, 0, TIMING.total, second <= 90 ? 1 : 100);
    }
    history.sample([0], second * 1000);
  }
  const { seconds, requests, errors, p50Ms } = history.window(10_000);
  assert.deepEqual([seconds, requests, errors], [10, 955, 10]);
  assert.ok(p50Ms > 70 && p50Ms <= 100);
  assert.equal(history.window(3_600_000).requests, 5050);
});

test('an hour is kept and no more, a minute of each server', () => {
  const history = new TrafficHistory(make(), 0);
  for (let second = 1; second <= SAMPLES_MAX + 10; second++) history.sample([0], second * 1000);
  const [times] = history.since(0);
  assert.equal(times!.length, SAMPLES_MAX);
  assert.deepEqual([times![0], times!.at(-1)], [11_000, (SAMPLES_MAX + 10) * 1000]);
  assert.equal(history.server(0).requests.length, SERVER_SAMPLES_MAX);
});

test('a row that was given to another server counts from nothing', () => {
  const table = make();
  const history = new TrafficHistory(table, 0);
  for (let i = 0; i < 9; i++) table.measures.countRequest(0, 0, 'GET', 200);
  history.sample([0], 1000);
  table.clearServer(0);
  table.measures.countRequest(0, 0, 'GET', 200);
  history.sample([0], 2000);
  assert.deepEqual(column(history, 'requestsPerSecond'), [9, 1]);
});

test('a clock that is set back gives no sample', () => {
  const history = new TrafficHistory(make(), 5000);
  history.sample([0], 4000);
  history.sample([0], 5000);
  assert.deepEqual(history.since(0)[0], [5000]);
});

test('attempts that failed are told of a server though another one made up for them', () => {
  const table = make();
  const history = new TrafficHistory(table, 0);
  table.counters.add(0, 0, COUNTER.attempts, 10);
  table.counters.add(0, 0, COUNTER.failures, 2);
  table.counters.add(0, 1, COUNTER.failedAnswers, 1);
  table.counters.add(0, 1, COUNTER.retries, 3);
  history.sample([0], 1000);
  // Sent again, and not counted as a failure: a kept-alive connection had gone.
  table.counters.add(0, 0, COUNTER.retries, 2);
  history.sample([0], 2000);
  const { attempts, failed } = history.server(0);
  assert.deepEqual(
    [attempts, failed],
    [
      [10, 0],
      [3, 2],
    ],
  );
});

test('quantiles of a server are those of its last minute', () => {
  const table = make();
  const history = new TrafficHistory(table, 0);
  table.measures.countRequest(0, 0, 'GET', 200);
  table.measures.time(0, 0, TIMING.total, 800);
  history.sample([0], 1000);
  const tail = history.server(0).p99OfAllMs;
  assert.ok(tail > 700 && tail <= 1000);
  for (let second = 2; second <= 61; second++) history.sample([0], second * 1000);
  assert.equal(history.server(0).p99OfAllMs, 0);
});

test('quantiles of a sample, a window and a server are right within 5%', () => {
  const table = make();
  const history = new TrafficHistory(table, 0);
  const random = seededRandom(7);
  const all = Array.from({ length: 5_000 }, () => (random() < 0.97 ? 20 : 705) + 10 * random());
  for (const ms of all) {
    table.measures.countRequest(0, 0, 'GET', 200);
    table.measures.time(0, 0, TIMING.total, ms);
  }
  history.sample([0], 1000);
  const sorted = all.toSorted((a, b) => a - b);
  const near = (told: number, share: number) => {
    const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
    assert.ok(Math.abs(told - exact) < 0.05 * exact, `${told} for ${exact}`);
  };
  const { p50Ms, p99Ms } = history.window(10_000);
  const server = history.server(0);
  for (const told of [p50Ms, server.p50OfAllMs, column(history, 'p50Ms')![0]!]) near(told, 0.5);
  for (const told of [p99Ms, server.p99OfAllMs, server.p99Ms[0]!, column(history, 'p99Ms')![0]!]) {
    near(told, 0.99);
  }
});
