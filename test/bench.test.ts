/** The bench's arithmetic and reading; its runs are seen in `npm run bench` itself. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { cpuTicks, cpuUsOf, rssBytesOf, treePids } from '../bench/measure.ts';
import { median, type Result, ratioSpread, type Turn } from '../bench/metrics.ts';
import { parseOptions } from '../bench/options.ts';
import { type IoBackend, openclaws } from '../bench/peers/openclaw.ts';
import { parseCpuList, versionOf } from '../bench/processes.ts';
import { reportOf, summaryOf } from '../bench/table.ts';
import { TARGETS, targetOf } from '../bench/targets.ts';
import { parseLoad } from '../bench/workloads/http.ts';
import { Latencies } from '../bench/workloads/latencies.ts';
import { isWhole, onAnswer } from '../bench/workloads/one-answer.ts';
import { parseSocketBytes } from '../bench/workloads/slow-readers.ts';
import { parseH2load, parseH2loadLog } from '../bench/workloads/tls.ts';
import { workers } from '../bench/workloads/workers.ts';
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

const H2LOAD = `
finished in 1.00s, 4781.00 req/s, 801.23KB/s
requests: 5037 total, 5037 started, 4781 done, 4779 succeeded, 2 failed, 1 errored, 3 timeout
status codes: 4778 2xx, 1 3xx, 2 4xx, 4 5xx
`;

test("h2load's report counts all but successes as errors", () => {
  // A failed request that was answered has a status too: better counted twice than not at all.
  assert.deepEqual(parseH2load(H2LOAD), { requests: 4778, errors: 1 + 2 + 4 + 2 + 1 });
  assert.throws(() => parseH2load('no such host'), /h2load gave no figures: no such host/);
});

test("h2load's log gives the time of each request", () => {
  const log = '1764557816000001\t200\t900\n1764557816000002\t200\t100\n1764557816000003\t-1\t5\n';
  const latencies = parseH2loadLog(log);
  assert.equal(latencies.count, 2);
  assert.equal(latencies.percentileUs(0.5), 100);
  assert.equal(latencies.slowestUs, 900);
});

test('latencies know their percentiles, to the millisecond beyond a second', () => {
  const latencies = new Latencies();
  assert.equal(latencies.percentileUs(0.99), 0);
  for (let us = 1; us <= 99; us++) latencies.add(us);
  latencies.add(2_500_400);
  assert.equal(latencies.percentileUs(0.5), 50);
  assert.equal(latencies.percentileUs(0.99), 99);
  assert.equal(latencies.percentileUs(1), 2_500_000);
  for (let nth = 0; nth < 300; nth++) latencies.add(90_000_000);
  assert.equal(latencies.percentileUs(0.25), 2_500_000);
  assert.equal(latencies.percentileUs(0.5), 90_000_000);
  assert.equal(latencies.slowestUs, 90_000_000);
});

test('memory of sockets is what they received, keep at hand and have to send', () => {
  const stdout = `ESTAB 0 0 127.0.0.1:1 127.0.0.1:2
\t skmem:(r1000,rb131072,t5,tb3939840,f96,w20000,o0,bl0,d1)
ESTAB 0 0 127.0.0.1:1 127.0.0.1:3 skmem:(r0,rb131072,t0,tb3939840,f4,w300,o0,bl0,d0)`;
  assert.equal(parseSocketBytes(stdout), 1000 + 96 + 20_000 + 4 + 300);
  assert.equal(parseSocketBytes(''), 0);
});

test('an answer is whole with its last byte', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n';
  assert.equal(isWhole(head), false);
  assert.equal(isWhole(`${head}\r\no`), false);
  assert.equal(isWhole(`${head}\r\nok`), true);
});

test('a connection is answered well by a whole success alone', async () => {
  const answered = (text: string) =>
    new Promise<boolean>((resolve) => {
      const socket = new PassThrough();
      onAnswer(socket, resolve);
      socket.end(text);
    });
  const rest = '\r\nContent-Length: 2\r\n\r\nok';
  assert.equal(await answered(`HTTP/1.1 200 OK${rest}`), true);
  assert.equal(await answered(`HTTP/1.1 503 Service Unavailable${rest}`), false);
  assert.equal(await answered(`HTTP/1.1 200 OK${rest.slice(0, -1)}`), false);
  assert.equal(await answered(''), false);
});

test('openclaw runs on each I/O backend that is named, and chooses where none is', () => {
  const ask = { port: 1, backendPort: 2, adminPort: 3, folder: '/f', tls: undefined };
  const ioOf = (ios: readonly IoBackend[]) =>
    openclaws(ios).map((peer) => {
      const text = peer.command(ask).files?.['openclaw.yml'] ?? '';
      return [peer.name, /^ {2}io: (.*)$/m.exec(text)?.[1]];
    });
  assert.deepEqual(ioOf([]), [['openclaw', undefined]]);
  assert.deepEqual(ioOf(['io_uring', 'node']), [
    ['openclaw io_uring', 'io_uring'],
    ['openclaw node', 'node'],
  ]);
});

test('two workers are held against one on the same I/O backend', () => {
  const { peers, comparisons } = workers.contest!(['epoll', 'node']);
  assert.deepEqual(comparisons, [
    ['openclaw epoll 2 workers', 'openclaw epoll 1 worker'],
    ['openclaw node 2 workers', 'openclaw node 1 worker'],
    ['nginx 2 workers', 'nginx 1 worker'],
  ]);
  assert.deepEqual(peers.map(({ name }) => name).sort(), comparisons.flat().sort());
});

test('an option that is not understood names what would be', () => {
  assert.throws(() => parseOptions(['--workloads', 'smal']), /"smal"; choose from small,64k/);
  assert.throws(() => parseOptions(['--peers', 'envoy']), /"envoy"; choose from nginx,haproxy/);
  assert.throws(() => parseOptions(['--rounds', '0']), /whole number from 1 to 100, not "0"/);
  assert.throws(
    () => parseOptions(['--io', 'kqueue']),
    /"kqueue"; choose from io_uring,epoll,node/,
  );
  assert.deepEqual(parseOptions(['--peers', 'none']).peers, []);
  assert.deepEqual(parseOptions([]).ios, []);
  assert.deepEqual(parseOptions(['--io', 'epoll,node']).ios, ['epoll', 'node']);
});

test('every target names a workload that exists', () => {
  const names = WORKLOADS.map((workload) => workload.name);
  assert.deepEqual(
    TARGETS.filter((target) => !names.includes(target.workload)),
    [],
  );
});

test('bounds are for the best I/O backend, and looser ones for epoll', () => {
  const smallOf = (ours: string) => targetOf('small', 'cpuUs', ours, 'nginx')?.atMost;
  assert.equal(smallOf('openclaw'), 0.95);
  assert.equal(smallOf('openclaw io_uring'), 0.95);
  assert.equal(smallOf('openclaw epoll'), 1.1);
  assert.equal(smallOf('openclaw node'), undefined);
  assert.equal(smallOf('before'), undefined);
  assert.equal(targetOf('small', 'cpuUs', 'openclaw'), undefined);
});

test('the bound for two workers is held by openclaw alone', () => {
  const boundOf = (name: string) =>
    targetOf('workers', 'cpuUs', `${name} 2 workers`, `${name} 1 worker`);
  assert.ok(boundOf('openclaw'));
  assert.ok(boundOf('openclaw io_uring'));
  assert.equal(boundOf('nginx'), undefined);
});

test('the report holds each ratio against its target', () => {
  const result: Result = {
    workload: { name: 'small', title: 'small ones', unit: 'request' },
    turns: { openclaw: turns(9, 9), nginx: turns(10, 10), haproxy: turns(6, 6) },
    failures: { caddy: 'it ended at once' },
  };
  const report = reportOf(result);
  assert.match(report, /openclaw \/ nginx +\| 0\.90 at most 0\.95: reached/);
  assert.match(report, /openclaw \/ haproxy +\| 1\.50 at most 0\.9: MISSED by 67%/);
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
  assert.match(report, /openclaw \/ nginx +\| 0\.10 at most 0\.95: IN DOUBT/);
});

test("the report holds openclaw's own figure against its bound", () => {
  const report = reportOf({
    workload: { name: 'idle', title: 'idle ones', unit: 'connection' },
    turns: { openclaw: [{ values: { idleBytes: 16384 }, errors: 0 }] },
    failures: {},
  });
  assert.match(report, /openclaw, bytes a connection: at most 3072: MISSED by 433%/);
});

test('the summary has a line for each workload and I/O backend, p99 beside CPU', () => {
  const results: Result[] = [
    {
      workload: { name: 'small', title: 'small ones', unit: 'request' },
      turns: {
        'openclaw io_uring': [{ values: { cpuUs: 8, p99Ms: 3 }, errors: 0 }],
        'openclaw epoll': [{ values: { cpuUs: 10, p99Ms: 2 }, errors: 0 }],
        nginx: [{ values: { cpuUs: 10, p99Ms: 2 }, errors: 0 }],
      },
      failures: {},
    },
    {
      workload: { name: 'idle', title: 'idle ones', unit: 'connection' },
      turns: { 'openclaw epoll': [{ values: { idleBytes: 1 }, errors: 0 }] },
      failures: {},
    },
  ];
  assert.deepEqual(
    summaryOf(results)
      .split('\n')
      .map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '-')),
    [
      '| workload | proxy | CPU µs / nginx | p99 ms / nginx |',
      '| - | - | - | - |',
      '| small | openclaw io_uring | 0.80 at most 0.95: reached | 1.50 at most 1: MISSED by 50% |',
      '| small | openclaw epoll | 1.00 at most 1.1: reached | 1.00 |',
    ],
  );
  assert.equal(summaryOf(results.slice(1)), '');
});

test('the report shows what a reader has to know, and names a bound of nothing that was missed', () => {
  const report = reportOf({
    workload: { name: 'slow-readers', title: 'slow', unit: 'connection', note: 'A word of it.' },
    turns: { openclaw: [{ values: { slowestMs: 20, lost: 2 }, errors: 0 }] },
    failures: {},
  });
  assert.match(report, /\n\nA word of it\.\n\n/);
  assert.match(report, /slowest ms: at most 300: reached; openclaw, lost: at most 0: MISSED$/m);
});
