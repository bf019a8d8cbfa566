import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './load.ts';

function problemsOf(text: string, env: Record<string, string> = {}) {
  return parseConfig(text, { file: 'openclaw.yml', env }).problems.map(({ message, help }) => ({
    message,
    help,
  }));
}

/** A file with one setting below load_balancing; the last key may be a line of its own. */
function file(path: string, value: string): string {
  const keys = ['load_balancing', ...path.split('.')];
  const lines = keys.map((key, depth) => `${'  '.repeat(depth)}${key}:`);
  return `${lines.join('\n')} ${value}\n`;
}

const email = (more: string) =>
  `load_balancing: {monitoring: {alerts: {channels: [{type: email, ${more}}]}}}\n`;
const webhook = (more: string) =>
  `load_balancing: {monitoring: {alerts: {channels: [{type: webhook, url: 'http://a.example/', ${more}}]}}}\n`;
const server = (more: string) => `load_balancing: {servers: [{address: 'a:1', ${more}}]}\n`;

const probeHeader = (name: string, value: string) =>
  `load_balancing: {health_check: {http: {headers: {${name}: ${value}}}}}\n`;

const REFUSED: Record<string, [text: string, message: RegExp, help?: RegExp]> = {
  'a path that is not ASCII': [
    file('health_check.endpoint', '/h/中'),
    /endpoint: a request cannot carry it/,
    /percent-encoded: \/h\/%E4%B8%AD$/,
  ],
  'a path with a space and a fragment': [
    file('health_check.endpoint', '"/a b#c"'),
    /endpoint/,
    /\/a%20b%23c$/,
  ],
  'a path with a newline': [
    file('health_check.endpoint', '"/a\\nX: y"'),
    /there is a newline in it/,
  ],
  'a header name that is no token': [probeHeader('"X Y"', 'a'), /this is not a header name/],
  'a header name of no characters': [probeHeader('""', 'a'), /this is not a header name/],
  'a header value that is not Latin-1': [probeHeader('X-A', '中'), /a header cannot contain "中"/],
  'a header value of two lines': [probeHeader('X-A', '"a\\nHost: b"'), /there is a newline in it/],
  'a header value with a NUL': [probeHeader('X-A', '"a\\0b"'), /control character \(U\+0000\)/],
  'a header value that ends in a space': [
    probeHeader('X-A', '"a "'),
    /starts or ends with whitespace/,
  ],
  'a header that frames the message': [probeHeader('Content-Length', '5'), /.*/],
  'a header twice': [
    'load_balancing: {health_check: {http: {headers: {host: a, Host: b}}}}\n',
    /given twice, in different case/,
  ],
  'a Host that is no host': [probeHeader('Host', '"a b"'), /not a host with an optional port/],
  'a cookie path with a semicolon': [
    file('session_persistence.cookie.path', '"/a;b"'),
    /a cookie cannot carry it/,
    /\/a%3Bb$/,
  ],
  'a cookie path that is not ASCII': [
    file('session_persistence.cookie.path', '/ü'),
    /a cookie cannot carry it/,
    /\/%C3%BC$/,
  ],
  'a cookie domain of two attributes': [
    file('session_persistence.cookie.domain', '"a.example; Secure"'),
    /domain/,
  ],
  'a server name with a space': [
    server("tls: {server_name: 'a b'}"),
    /server_name: "a b" is not a host name/,
  ],
  'a server name that is not ASCII': [
    server("tls: {server_name: 'bücher.example'}"),
    /is written xn--bcher-kva\.example in DNS/,
  ],
  'a server address that is not ASCII': [
    'load_balancing: {servers: ["bücher.example:80"]}\n',
    /is written xn--bcher-kva\.example in DNS/,
  ],
  'a service of two lines': [
    file('health_check.grpc.service', '"a\\nb"'),
    /this is not a text on one line/,
  ],
  'a webhook header value of two lines': [
    webhook('headers: {X-A: "a\\r\\nX-B: c"}'),
    /there is a newline in it/,
  ],
  'a webhook header that fetch writes': [
    webhook('headers: {Transfer-Encoding: chunked}'),
    /by openclaw itself/,
  ],
  'a webhook URL that is none': [
    "load_balancing: {monitoring: {alerts: {channels: [{type: webhook, url: 'http://[::/'}]}}}\n",
    /this is not a URL/,
  ],
  'a webhook URL with a password': [
    "load_balancing: {monitoring: {alerts: {channels: [{type: slack, webhook: 'https://a:b@c.example/'}]}}}\n",
    /cannot be sent/,
    /Authorization/,
  ],
  'a recipient of two addresses': [
    email("recipients: ['a@b.example>,<c@d.example']"),
    /an address like/,
  ],
  'a sender of two lines': [
    email('recipients: [a@b.example], smtp: {from: "a@b.example\\r\\nBcc: c"}'),
    /an address like/,
  ],
  'a mail server that is no name': [
    email("recipients: [a@b.example], smtp: {host: 'a b'}"),
    /is not a host name/,
  ],
  'a mail user with a newline': [
    email('recipients: [a@b.example], smtp: {user: "a\\n"}'),
    /this is not a text on one line/,
  ],
  'a tag of two lines': [
    file('monitoring.metrics.statsd.tags', '{env: "a\\nb:1|c"}'),
    /there is a newline in it/,
  ],
  'a tag with a separator': [
    file('monitoring.metrics.statsd.tags', '{"a|b": c}'),
    /a tag name cannot contain/,
  ],
  'a unix socket for StatsD': [
    file('monitoring.metrics.statsd.address', 'unix:/run/statsd.sock'),
    /over UDP, not over a unix socket/,
  ],
  'a token that no header can carry': [
    'admin: {token: "0123456789abcdef中"}\n',
    /a token of at least/,
  ],
};

for (const [name, [text, message, help]] of Object.entries(REFUSED)) {
  test(`${name} is refused`, () => {
    const problems = problemsOf(text);
    assert.equal(problems.length > 0, true);
    assert.match(problems[0]!.message, message);
    if (help !== undefined) assert.match(problems[0]!.help ?? '', help);
  });
}

test('what a field can carry is taken', () => {
  const texts = [
    file('health_check.endpoint', '/h/%E4%B8%AD?a=b&c={d}|e'),
    probeHeader('X-Name', 'Müller'),
    probeHeader('Authorization', '"Bearer a\\tb"'),
    probeHeader('Host', '"[::1]:80"'),
    webhook('headers: {Authorization: Bearer x}'),
    server("tls: {server_name: 'A.example.'}"),
    server("tls: {server_name: '::1'}"),
    email("recipients: ['ops+alerts@example.com', 'jürgen@bücher.example']"),
    file('monitoring.metrics.statsd.tags', '{env: "prod:eu"}'),
  ];
  for (const text of texts) assert.deepEqual(problemsOf(text), [], text);
});

test('a variable that ends in a newline is named, with the mend', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what the operator writes
  const text = probeHeader('Authorization', '"Bearer ${TOKEN}"');
  const [problem, ...others] = problemsOf(text, { TOKEN: 'secret\n' });
  assert.equal(others.length, 0);
  assert.match(problem!.message, /headers\.Authorization: it ends in a newline$/);
  assert.match(problem!.help!, /variable TOKEN ends in a newline: .*TOKEN="\$\(cat FILE\)"/);
  assert.doesNotMatch(JSON.stringify(problem), /secret\\n/);
});

test('a path has no control characters, as a backslash in double quotes makes them', () => {
  for (const setting of ['file: "a\\0b"', 'file: "C:\\new"', 'file: "C:\\temp"']) {
    const { problems } = parseConfig(`log:\n  ${setting}\n`, { file: 'a.yml', env: {} });
    assert.match(
      problems.map(({ line, message }) => `${line} ${message}`).join(),
      /^2 log\.file: .*control/,
    );
  }
});
