import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from './load.ts';
import { renderProblem, renderProblems } from './render.ts';
import type { Settings } from './schema.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
const ENV = { BACKEND: 'x' };

function load(text: string, env: Record<string, string> = {}) {
  return parseConfig(text, { file: '/etc/openclaw/openclaw.yml', env });
}

function settingsOf(text: string, env: Record<string, string> = {}): Settings {
  const { settings, problems } = load(text, env);
  assert.ok(settings, renderProblems(problems));
  return settings;
}

/** A file a person would plausibly write, beside it what they are told. */
for (const file of readdirSync(join(FIXTURES, 'broken')).filter((name) => name.endsWith('.yml'))) {
  test(`the broken file ${file} is answered with exactly its messages`, () => {
    const text = readFileSync(join(FIXTURES, 'broken', file), 'utf8');
    const { settings, problems, warnings } = parseConfig(text, { file: 'openclaw.yml', env: ENV });
    const told = readFileSync(join(FIXTURES, 'broken', file.replace('.yml', '.txt')), 'utf8');
    assert.equal(`${renderProblems([...problems, ...warnings])}\n`, told);
    assert.equal(settings, undefined);
  });
}

const SEED = readFileSync(join(FIXTURES, 'openclaw.yml'), 'utf8');

test("the seed's configuration is accepted as it stands", () => {
  const { load_balancing: lb } = settingsOf(SEED);
  assert.equal(lb.strategy, 'round_robin');
  assert.deepEqual(lb.weights[2], { server: '192.168.1.102:8080', weight: 2 });
  assert.equal(lb.timeout.connect, 5000);
  assert.deepEqual(lb.health_check.http.expected_status, [{ min: 200, max: 200 }]);
  assert.equal(lb.session_persistence.cookie.expires, 86_400_000);
  assert.equal(lb.performance.buffers.size, 16_384);
  assert.equal(lb.failover.circuit_breaker.half_open_timeout, 10_000);
  assert.equal(lb.monitoring.alerts.thresholds.high_latency, 1000);
  assert.equal(lb.monitoring.alerts.channels[1]?.type, 'email');
  assert.equal(lb.security.tls.cert_path, '/path/to/cert.pem');
});

test("the seed's configuration is warned about what it does not use", () => {
  const paths = load(SEED).warnings.map(({ path }) => path.join('.'));
  assert.deepEqual(paths, ['load_balancing.weights', 'load_balancing.session_persistence.ip_hash']);
});

test("the seed's configuration is refused for the two files alone that it names", () => {
  const { settings, problems } = parseConfig(SEED, {
    file: 'openclaw.yml',
    env: {},
    surroundings: { readFile: () => ({ ok: false, reason: 'there is no such file' }), nowMs: 0 },
  });
  assert.equal(settings, undefined);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      'load_balancing.security.tls.cert_path: /path/to/cert.pem: there is no such file',
      'load_balancing.security.tls.key_path: /path/to/key.pem: there is no such file',
    ],
  );
});

test('absent sections are filled with the defaults of the specification', () => {
  const { load_balancing: lb, admin, log } = settingsOf('load_balancing:\n  enabled: true\n');
  assert.deepEqual(lb.listen, ['0.0.0.0:8080']);
  assert.deepEqual(lb.timeout, {
    connect: 5000,
    read: 60_000,
    write: 60_000,
    request: 10_000,
    idle: 75_000,
    stream: 3_600_000,
    drain: 30_000,
  });
  assert.equal(lb.workers, 'auto');
  assert.equal(lb.failover.retries, 2);
  assert.equal(lb.failover.retry_budget, 20);
  assert.equal(lb.failover.slow_start, 0);
  assert.equal(admin.listen, '127.0.0.1:9901');
  assert.equal(log.level, 'info');
  assert.equal(log.access, 'errors');
});

test('a section is off when absent, on when written, and off when it says so', () => {
  const waf = (text: string) =>
    settingsOf(`load_balancing:\n  security:\n${text}`).load_balancing.security.waf.enabled;
  assert.equal(waf('    access_control:\n      denylist: [10.0.0.1]\n'), false);
  assert.equal(waf('    waf:\n      mode: detect\n'), true);
  assert.equal(waf('    waf:\n      enabled: false\n'), false);
});

test('a section whose lines are all commented out counts as absent', () => {
  const text = 'load_balancing:\n  timeout:\n  #  read: 5s\n  servers:\n  #  - 10.0.0.1:80\nlog:\n';
  const { load_balancing: lb } = settingsOf(text);
  assert.equal(lb.timeout.read, 60_000);
  assert.deepEqual(lb.servers, []);
});

test('a server is an address alone or a section, and has its canonical form', () => {
  const { servers } = settingsOf(`
load_balancing:
  servers:
    - App.Internal:080
    - { address: "[0:0::1]:9000", weight: 3, backup: true, name: spare }
    - address: unix:/run/app.sock
      tls: { verify: false }
`).load_balancing;
  assert.deepEqual(
    servers.map(({ address }) => address),
    ['app.internal:80', '[::1]:9000', 'unix:/run/app.sock'],
  );
  assert.equal(servers[0]!.weight, 1);
  assert.equal(servers[0]!.tls.enabled, false);
  assert.equal(servers[1]!.backup, true);
  assert.equal(servers[2]!.tls.enabled, true);
});

test('listen takes one address or a list', () => {
  const listen = (value: string) =>
    settingsOf(`load_balancing:\n  listen: ${value}\n`).load_balancing.listen;
  assert.deepEqual(listen(':80'), [':80']);
  assert.deepEqual(listen('["0.0.0.0:80", "unix:/run/lb.sock"]'), [
    '0.0.0.0:80',
    'unix:/run/lb.sock',
  ]);
});

test('strategy_key names a header, a cookie, the path or the address', () => {
  const key = (value: string) =>
    settingsOf(`load_balancing:\n  strategy: consistent_hash\n  strategy_key: ${value}\n`)
      .load_balancing.strategy_key;
  assert.equal(key('path'), 'path');
  assert.deepEqual(key('{header: X-User}'), { header: 'x-user' });
  assert.deepEqual(key('{cookie: Sid}'), { cookie: 'Sid' });
});

test('expected_status takes a number, a range, a class, and lists of them', () => {
  const statuses = (value: string) =>
    settingsOf(`load_balancing:\n  health_check:\n    http:\n      expected_status: ${value}\n`)
      .load_balancing.health_check.http.expected_status;
  assert.deepEqual(statuses('204'), [{ min: 204, max: 204 }]);
  assert.deepEqual(statuses('200-299'), [{ min: 200, max: 299 }]);
  assert.deepEqual(statuses('2xx'), [{ min: 200, max: 299 }]);
  assert.deepEqual(statuses('[200, "301-302"]'), [
    { min: 200, max: 200 },
    { min: 301, max: 302 },
  ]);
});

test('relative paths count from the folder of the file', () => {
  const { tls } = settingsOf(
    'load_balancing:\n  security:\n    tls: { cert_path: a.pem, key_path: /b.pem }\n',
  ).load_balancing.security;
  assert.equal(tls.cert_path, '/etc/openclaw/a.pem');
  assert.equal(tls.key_path, '/b.pem');
});

test('the environment is put into values, and cannot change the structure', () => {
  const text = `
admin:
  token: \${TOKEN}
log:
  level: \${LEVEL:-debug}
load_balancing:
  max_connections: \${MOST}
  servers: ["\${HOST}:80"]
  session_persistence:
    cookie: { name: "\${NAME:-sid}", secret: "a plain $\${reference}" }
`;
  const { admin, log, load_balancing } = settingsOf(text, {
    TOKEN: 'x: [1, 2] # a token'.replaceAll(' ', '_'),
    MOST: '77',
    HOST: 'app',
    LEVEL: '',
  });
  assert.equal(admin.token, 'x:_[1,_2]_#_a_token');
  assert.equal(log.level, 'debug');
  assert.equal(load_balancing.max_connections, 77);
  assert.equal(load_balancing.servers[0]!.address, 'app:80');
  assert.equal(load_balancing.session_persistence.cookie.name, 'sid');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what the file says once it is read
  assert.equal(load_balancing.session_persistence.cookie.secret, 'a plain ${reference}');
});

test('anchors, aliases and merge keys work, and problems in them have a place', () => {
  const text = `
load_balancing:
  failover:
    detection: &probe { interval: 3s, timeout: 2s }
  health_check:
    <<: *probe
    type: htp
`;
  const { problems } = load(text);
  assert.equal(problems.length, 1);
  assert.equal(problems[0]!.line, 7);
  assert.equal(settingsOf(text.replace('htp', 'http')).load_balancing.health_check.interval, 3000);
});

test('secrets stand in no message, even where the syntax is broken', () => {
  const texts = [
    'admin:\n  token: short-secret\n',
    'admin:\n  token: "short-secret" x\n',
    'admin:\n  token: |\n    short-secret\n',
    'admin:\n  tokn: x\n  token: [short-secret]\n',
    'admin: {token: short-secret, tokn: 1}\n',
    'load_balancing:\n  health_check:\n    http:\n      headers: {Authorization: [short-secret]}\n',
    'load_balancing:\n  monitoring:\n    alerts:\n      channels: [{type: slack, webhook: short-secret}]\n',
  ];
  for (const text of texts) {
    const { problems } = load(text);
    assert.notEqual(problems.length, 0, text);
    assert.doesNotMatch(renderProblems(problems), /short-secret/, text);
    assert.doesNotMatch(JSON.stringify(problems), /short-secret/, text);
  }
});

test('control characters of a file never reach the terminal', () => {
  const { problems } = load('load_balancing:\n  "\\u001b[31mx\u0007\u202e": 1\n');
  const rendered = renderProblems(problems);
  assert.doesNotMatch(rendered, /[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('the caret stands under the place, wide characters before it counted twice', () => {
  const { problems } = load('load_balancing: {strategy: "策略", workers: 0}\n');
  const [, line, caret] = renderProblem(problems[1]!).split('\n');
  assert.equal(line, '    1 | load_balancing: {strategy: "策略", workers: 0}');
  assert.equal(caret, `      |${' '.repeat(45)}^`);
});

test('a long line is cut around its caret', () => {
  const { problems } = load(`log: {file: ${'x'.repeat(300)}, level: loud}\n`);
  const [, line, caret] = renderProblem(problems[0]!).split('\n');
  assert.ok(line!.length < 120);
  assert.equal(line!.slice(caret!.indexOf('^'), caret!.lastIndexOf('^') + 1), 'loud');
});

test('a byte order mark and Windows line ends are no problem', () => {
  const { settings, problems } = load('\ufeffload_balancing:\r\n  strategy: random\r\n');
  assert.equal(renderProblems(problems), '');
  assert.equal(settings?.load_balancing.strategy, 'random');
});

const combinations: [name: string, yaml: string, severity: 'error' | 'warning', path: string][] = [
  ['a listener on the address of the admin API', 'listen: 127.0.0.1:9901', 'error', 'listen.0'],
  ['two listeners on one port', 'listen: [":80", "127.0.0.1:80"]', 'error', 'listen.1'],
  ['a PROXY header from nobody', 'proxy_protocol: true', 'error', 'proxy_protocol'],
  ['a server listed twice', 'servers: ["a:1", "a:1"]', 'warning', 'servers.1.address'],
  [
    'two servers of one name',
    'servers: [{address: "a:1", name: n}, {address: "b:1", name: n}]',
    'error',
    'servers.1.name',
  ],
  ['backups without a primary', 'servers: [{address: "a:1", backup: true}]', 'warning', 'servers'],
  ['no server', 'strategy: random', 'warning', 'servers'],
  [
    'weights for a strategy that ignores them',
    'servers: [{address: "a:1", weight: 2}]',
    'warning',
    'servers.0.weight',
  ],
  ['a key for a strategy that has none', 'strategy_key: path', 'warning', 'strategy_key'],
  [
    'a probe slower than its interval',
    'health_check: {timeout: 9s}',
    'warning',
    'health_check.timeout',
  ],
  [
    'a path for a TCP probe',
    'health_check: {type: tcp, endpoint: /}',
    'warning',
    'health_check.endpoint',
  ],
  [
    'a secure cookie without TLS',
    'session_persistence: {cookie: {secure: true}}',
    'warning',
    'session_persistence.cookie.secure',
  ],
  [
    'a cookie name whose prefix is broken',
    'session_persistence: {cookie: {name: __Host-sid}}',
    'error',
    'session_persistence.cookie.name',
  ],
  [
    'persistence by a hash that is off',
    'session_persistence: {type: ip_hash, ip_hash: {enabled: false}}',
    'error',
    'session_persistence.ip_hash.enabled',
  ],
  [
    'a limit that limits nothing',
    'performance: {rate_limiting: {enabled: true}}',
    'warning',
    'performance.rate_limiting',
  ],
  [
    'failback that may not go back',
    'failover: {strategy: failback, failback: {enabled: false}}',
    'error',
    'failover.failback.enabled',
  ],
  [
    'tunnels to rebalance that belong to a server',
    'session_persistence: {type: cookie}\n  failover: {rebalance: {enabled: true}}',
    'warning',
    'failover.rebalance',
  ],
  [
    'a breaker strategy without a breaker',
    'failover: {strategy: circuit_breaker, circuit_breaker: {enabled: false}}',
    'error',
    'failover.circuit_breaker.enabled',
  ],
  ['TLS without a certificate', 'security: {tls: {enabled: true}}', 'error', 'security.tls'],
  [
    'a list of ciphers that OpenSSL does not know',
    'security: {tls: {cert_path: a, key_path: b, ciphers: NOPE}}',
    'error',
    'security.tls.ciphers',
  ],
  [
    'a redirect to TLS that is off',
    'security: {tls: {enabled: false, redirect_http: true}}',
    'warning',
    'security.tls.redirect_http',
  ],
  [
    'a network both let in and refused',
    'security: {access_control: {allowlist: [10.0.0.1], denylist: [10.0.0.1]}}',
    'warning',
    'security.access_control.allowlist.0',
  ],
  [
    'alerts that nobody gets',
    'monitoring: {alerts: {enabled: true}}',
    'warning',
    'monitoring.alerts',
  ],
];

for (const [name, yaml, severity, path] of combinations) {
  test(`${name}: ${severity} at ${path}`, () => {
    const { problems, warnings } = load(`load_balancing:\n  ${yaml}\n`);
    const all = [...problems, ...warnings].map((one) => `${one.severity} ${one.path.join('.')}`);
    assert.ok(all.includes(`${severity} load_balancing.${path}`), all.join('\n'));
  });
}

test('an admin API on a public address without a token is warned about', () => {
  const { warnings } = load('admin:\n  listen: 0.0.0.0:9901\n');
  assert.ok(warnings.some(({ path }) => path.join('.') === 'admin.listen'));
});

// Invariant: whatever the file holds, it becomes settings or problems, each in a line it has.
test('no file is too strange to be answered', () => {
  const pieces = ['\n', '  ', '- ', ': ', '[', ']', '{', '}', '"', "'", '&a', '*a', '<<: *a', '#'];
  pieces.push(
    '\t',
    '“',
    '–',
    '|',
    '>',
    '!!binary',
    '!x ',
    '? ',
    '---',
    '\u0000',
    '${',
    '}',
    '${A:-',
    '%',
  );
  pieces.push('__proto__: 1', 'null', '1e999', '-0', '0x1f', '.nan', '2026-01-01', '\ud800', ':');
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat({ max: 12 }),
    insert: fc.oneof(fc.constantFrom(...pieces), fc.string()),
  });
  const changes = fc.array(change, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(SEED, 'a: 1\n', ''), changes, (seed, list) => {
      let text = seed;
      for (const { at, remove, insert } of list) {
        const offset = at % (text.length + 1);
        text = text.slice(0, offset) + insert + text.slice(offset + remove);
      }
      const { settings, problems, warnings } = load(text);
      assert.equal(settings === undefined, problems.length > 0);
      const lines = text.split('\n').length;
      for (const problem of [...problems, ...warnings]) {
        assert.ok(problem.line >= 1 && problem.line <= lines, problem.message);
        assert.ok(problem.column >= 1 && problem.width >= 1, problem.message);
        renderProblem(problem);
      }
    }),
    { numRuns: 400 },
  );
});

test('a key that is a section with a broken reference is refused', () => {
  assert.ok(load('? <<: *a').problems.length > 0);
});

test('a tab within a line is told too', () => {
  const { problems } = load('load_balancing:\n  timeout:\tread: 5s\n    write: 5s\n');
  assert.match(problems[0]!.message, /tab/);
});

test('a file that unfolds without end is refused', () => {
  const rows = Array.from({ length: 12 }, (_, row) => {
    const before = `*a${row - 1}`;
    return `a${row}: &a${row} [${row === 0 ? 'x' : Array(10).fill(before).join(', ')}]`;
  });
  const { problems } = load(`${rows.join('\n')}\n`);
  assert.match(problems[0]!.message, /too many references/);
  assert.match(
    load('a: &a [*a]\n').problems.at(-1)!.message,
    /unknown setting|too many references/,
  );
  assert.ok(load('['.repeat(100_000)).problems.length > 0);
  assert.ok(load(`log: ${'{a: '.repeat(5000)}1${'}'.repeat(5000)}`).problems.length > 0);
});

test('names that mean something to JavaScript are unknown settings like others', () => {
  const { problems } = load('load_balancing:\n  __proto__: {a: 1}\n  constructor: 1\n');
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      'unknown setting "__proto__" in load_balancing',
      'unknown setting "constructor" in load_balancing',
    ],
  );
  const env = Object.create({ constructor: 'inherited' });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference in the file
  const unset = parseConfig('admin: {token: "${constructor}"}', { file: '/a.yml', env });
  assert.match(unset.problems[0]!.message, /variable constructor is not set/);
  const headers = (name: string) =>
    load(`load_balancing:\n  health_check: {http: {headers: {${name}: x}}}\n`);
  assert.match(headers('__proto__').problems[0]!.message, /"__proto__" cannot be a name here/);
  const { settings } = headers('constructor');
  assert.deepEqual(settings?.load_balancing.health_check.http.headers, { constructor: 'x' });
});
