import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../config/load.ts';
import { conditionsOf, type Facts, type ServerFacts } from './conditions.ts';

function alerts(lines = '') {
  const text = `load_balancing:\n  servers: ["127.0.0.1:1"]\n  monitoring:\n    alerts:\n      thresholds: {high_traffic: 100, high_error_rate: 5, high_latency: 1000}\n${lines}`;
  const { settings, problems } = parseConfig(text, { file: 'test', env: {} });
  assert.ok(settings !== undefined, JSON.stringify(problems));
  return settings.load_balancing.monitoring.alerts;
}

const server = (label: string, more: Partial<ServerFacts> = {}): ServerFacts => ({
  pool: 'default',
  label,
  isDown: false,
  isActive: true,
  isBreakerOpen: false,
  whyHealth: '',
  whyBreaker: '',
  requests: 0,
  errors: 0,
  p99Ms: -1,
  ...more,
});

const facts = (more: Partial<Facts> = {}): Facts => ({
  window: { seconds: 60, requests: 0, errors: 0, p50Ms: 0, p99Ms: 0 },
  servers: [server('red'), server('blue')],
  pools: ['default'],
  unservedErrors: 0,
  failures: [],
  certificates: [],
  reloadError: '',
  nowMs: 0,
  ...more,
});

const holding = (given: Facts, lines = '') =>
  conditionsOf(alerts(lines), given).filter(({ holds }) => holds);

test('an instance that does well raises nothing', () => {
  assert.deepEqual(holding(facts()), []);
});

test('too many requests a second are high traffic', () => {
  const window = { seconds: 60, requests: 6060, errors: 0, p50Ms: 1, p99Ms: 2 };
  const [condition, ...more] = holding(facts({ window }));
  assert.equal(condition!.name, 'high_traffic');
  assert.equal(condition!.measured, '101 requests per second over 1m, threshold 100');
  assert.deepEqual(more, []);
});

test('too many 5xx are a high error rate, and the servers they come from are named', () => {
  const window = { seconds: 60, requests: 200, errors: 12, p50Ms: 1, p99Ms: 2 };
  const servers = [
    server('red', { requests: 100, errors: 0 }),
    server('blue', { requests: 100, errors: 12 }),
  ];
  const [condition] = holding(facts({ window, servers }));
  assert.equal(condition!.name, 'high_error_rate');
  assert.equal(condition!.measured, '6% of 200 responses are 5xx over 1m, threshold 5%');
  assert.deepEqual(condition!.outliers, ['blue: 12% of 100 in the last minute']);
});

test('a slow p99 is high latency, and the slow servers are named, the slowest first', () => {
  const window = { seconds: 60, requests: 200, errors: 0, p50Ms: 1, p99Ms: 1234 };
  const servers = [
    server('red', { p99Ms: 1100 }),
    server('green', { p99Ms: 3 }),
    server('blue', { p99Ms: 2500 }),
  ];
  const [condition] = holding(facts({ window, servers }));
  assert.equal(condition!.measured, 'p99 1.23s over 1m, threshold 1s');
  assert.deepEqual(condition!.outliers, ['blue: p99 2.5s', 'red: p99 1.1s']);
});

test('a handful of requests is judged neither for errors nor for latency', () => {
  const window = { seconds: 60, requests: 9, errors: 9, p50Ms: 5000, p99Ms: 5000 };
  assert.deepEqual(holding(facts({ window })), []);
});

test('events: a server down, a breaker open, a pool without servers, a failed reload', () => {
  const servers = [
    server('red', { isDown: true, whyHealth: 'connect refused' }),
    server('blue', { isActive: false, isBreakerOpen: true }),
  ];
  const found = holding(facts({ servers, reloadError: 'openclaw.yml:3: unknown key' }));
  assert.deepEqual(
    found.map(({ name, subject, measured }) => `${name} ${subject}: ${measured}`),
    [
      'server_down red: connect refused',
      'breaker_open blue: too many consecutive failures',
      'no_servers default: of 2 servers 1 down, 1 taken out by an operator',
      'reload_failed : openclaw.yml:3: unknown key',
    ],
  );
});

test('a certificate is told of two weeks before its end', () => {
  const day = 86_400;
  const at = (days: number) =>
    facts({ certificates: [{ path: 'c.pem', expiresSeconds: days * day }] });
  assert.deepEqual(holding(at(14)), []);
  assert.equal(holding(at(13.9))[0]!.measured, '13 days left, threshold 14');
  assert.equal(holding(at(-1))[0]!.measured, 'it has expired');
});

test('events that are not asked for raise nothing', () => {
  const servers = [server('red', { isDown: true })];
  assert.deepEqual(holding(facts({ servers }), '      events: [breaker_open]\n'), []);
});

test('a pool whose breakers are all open has no servers', () => {
  const servers = ['red', 'blue'].map((label) => server(label, { isBreakerOpen: true }));
  const told = (given: Facts) =>
    holding(given).flatMap(({ name, measured }) => (name === 'no_servers' ? [measured] : []));
  assert.deepEqual(told(facts({ servers })), ['of 2 servers 2 behind an open breaker']);
  assert.deepEqual(told(facts({ servers: [...servers, server('green')] })), []);
});

test('5xx of requests that no server was asked for are told by their codes', () => {
  const window = { seconds: 10, requests: 200, errors: 100, p50Ms: 1, p99Ms: 2 };
  const given = facts({
    window,
    servers: [server('red', { requests: 4, errors: 3 }), server('blue', { requests: 100 })],
    unservedErrors: 97,
    failures: [
      { code: 'no_server', count: 95 },
      { code: 'client_gone', count: 9 },
      { code: 'queue_full', count: 2 },
    ],
  });
  // Three errors of a hundred are not what is wrong, however few requests red had.
  assert.deepEqual(holding(given)[0]!.outliers, [
    'no server reached: no_server 95, queue_full 2 in the last minute',
  ]);
});
