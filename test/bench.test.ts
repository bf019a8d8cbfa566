/** The bench's arithmetic and reading; its runs are seen in `npm run bench` itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuTicks, cpuUsOf, rssBytesOf, treePids } from '../bench/measure.ts';
import { median, type Result, ratioSpread, type Turn } from '../bench/metrics.ts';
import { parseOptions } from '../bench/options.ts';
import { parseCpuList, versionOf } from '../bench/processes.ts';
import { reportOf } from '../bench/table.ts';
import { TARGETS } from '../bench/targets.ts';
import { parseLoad } from '../bench/workloads/http.ts';
import { WORKLOADS } from '../bench/workloads/workloads.ts';

const ON_LINUX = { skip: process.platform !== 'linux' };

function turns(...cpuUs: number[]): Turn[] {
  return cpuUs.map((value) => ({ values: { cpuUs: value }, errors: 0 }));
}

test('the median is the middle value, or the mean of the middle two', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([10, 1, 3, 9]), 6);
});

test('a ratio is taken within each round, not between medians', () => {
  // The ratio of the medians would be 12 / 20.
  assert.deepEqual(ratioSpread(turns(10, 40, 12), turns(20, 20, 48), 'cpuUs'), {
    median: 0.5,
    min: 0.25,
    max: 2,
  });
});

test('a ratio leaves out rounds that the other proxy lacks', () => {
  assert.deepEqual(ratioSpread(turns(10, 99), turns(5), 'cpuUs'), { median: 2, min: 2, max: 2 });
  assert.equal(ratioSpread(turns(10), [], 'cpuUs'), undefined);
});

test('CPU time is read past a program name with spaces and brackets', () => {
  const stat = '7 (a ) (b) S 1 7 7 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5 6 7';
  assert.equal(cpuTicks(stat), 11 + 22 + 33 + 44);
  assert.equal(cpuTicks(''), 0);
});

test('a process that runs is found with its CPU time and memory', ON_LINUX, () => {
  assert.ok(treePids(process.pid).includes(process.pid));
  assert.ok(cpuUsOf(process.pid) > 0);
  const { rss } = process.memoryUsage();
  assert.ok(rssBytesOf(process.pid) > rss / 2);
});

test('a process that is gone has used nothing', ON_LINUX, () => {
  const pidMax = 2 ** 22;
  assert.equal(cpuUsOf(pidMax + 1), 0);
  assert.equal(rssBytesOf(pidMax + 1), 0);
});

test("the kernel's list of cores is read with its ranges", () => {
  assert.deepEqual(parseCpuList('0-3,8'), [0, 1, 2, 3, 8]);
  assert.deepEqual(parseCpuList('5'), [5]);
  assert.deepEqual(parseCpuList(''), []);
});

test('a program that is not installed has no version', async () => {
  assert.equal(await versionOf('no-such-program-anywhere', ['-v'], /(.*)/), undefined);
});

test("wrk's figures are found among its own report", () => {
  const load = { requests: 5, durationUs: 100, p50Us: 1, p99Us: 2, errors: 0 };
  const stdout = `Running 1s test\nLOAD ${JSON.stringify(load)}\nmore\n`;
  assert.deepEqual(parseLoad(stdout), load);
  assert.throws(() => parseLoad('unable to connect'), /wrk gave no figures: unable to connect/);
});

test('an option that is not understood names what would be', () => {
  assert.throws(() => parseOptions(['--workloads', 'smal']), /"smal"; choose from small,64k/);
  assert.throws(() => parseOptions(['--peers', 'envoy']), /"envoy"; choose from nginx,haproxy/);
  assert.throws(() => parseOptions(['--rounds', '0']), /whole number from 1 to 100, not "0"/);
  assert.deepEqual(parseOptions(['--peers', 'none']).peers, []);
});

test('every target names a workload that exists', () => {
  const names = WORKLOADS.map((workload) => workload.name);
  assert.deepEqual(
    TARGETS.filter((target) => !names.includes(target.workload)),
    [],
  );
});

test('the report holds each ratio against its target', () => {
  const result: Result = {
    workload: { name: 'small', title: 'small ones', unit: 'request' },
    turns: { openclaw: turns(12, 12), nginx: turns(12, 12), haproxy: turns(8, 8) },
    failures: { caddy: 'it ended at once' },
  };
  const report = reportOf(result);
  assert.match(report, /openclaw \/ nginx +\| 1\.00 at most 1\.15: reached/);
  assert.match(report, /openclaw \/ haproxy +\| 1\.50 at most 1\.1: MISSED by 36%/);
  assert.match(report, /caddy failed: it ended at once/);
});

test('the report names requests that failed', () => {
  const report = reportOf({
    workload: { name: 'small', title: 'small ones', unit: 'request' },
    turns: { nginx: [{ values: { cpuUs: 10 }, errors: 3 }] },
    failures: {},
  });
  assert.match(report, /nginx: 3 times a request failed; do not trust its figures/);
});

test('the report judges no ratio of a proxy whose requests failed', () => {
  const report = reportOf({
    workload: { name: 'small', title: 'small ones', unit: 'request' },
    turns: { openclaw: turns(1), nginx: [{ values: { cpuUs: 10 }, errors: 3 }] },
    failures: {},
  });
  assert.match(report, /openclaw \/ nginx +\| 0\.10 at most 1\.15: IN DOUBT/);
});

test("the report holds openclaw's own figure against its bound", () => {
  const report = reportOf({
    workload: { name: 'idle', title: 'idle ones', unit: 'connection' },
    turns: { openclaw: [{ values: { idleBytes: 16384 }, errors: 0 }] },
    failures: {},
  });
  assert.match(report, /openclaw, bytes a connection: at most 8192: MISSED by 100%/);
});
