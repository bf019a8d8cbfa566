import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { diffSettings, formatChanges } from './diff.ts';
import { parseConfig } from './load.ts';
import { MASK, present } from './present.ts';
import { exportSection, importText } from './transfer.ts';

const SEED = readFileSync(join(import.meta.dirname, '../../test/fixtures/openclaw.yml'), 'utf8');
const SECRETS = `load_balancing:
  health_check: {http: {headers: {Authorization: Bearer-hidden1}}}
  session_persistence: {cookie: {secret: hidden2hidden2hidden2}}
  monitoring:
    alerts:
      channels:
        - {type: slack, webhook: "https://hooks.slack.com/hidden3"}
        - {type: email, recipients: [a@b.c], smtp: {password: hidden4}}
        - {type: webhook, url: "https://example.com/hidden5", headers: {X-Key: hidden6}}
admin:
  token: hidden7hidden7hidden7 # keep
`;

function settingsOf(text: string) {
  const { settings, problems } = parseConfig(text, { file: '/etc/openclaw.yml', env: {} });
  assert.deepEqual(problems, []);
  return settings!;
}

test('effective settings are presented as a file that loads to the same settings', () => {
  for (const text of [SEED, SECRETS]) {
    const settings = settingsOf(text);
    const again = settingsOf(stringify(present(settings, [], { secrets: true })));
    assert.deepEqual(again, settings);
  }
});

test('every secret is masked, in settings, in an export and in a diff', () => {
  const settings = settingsOf(SECRETS);
  const outputs = [
    JSON.stringify(present(settings)),
    JSON.stringify(present(settings.load_balancing.monitoring, ['load_balancing', 'monitoring'])),
    exportSection(SECRETS, [], { secrets: false })!,
    exportSection(SECRETS, ['load_balancing'], { secrets: false })!,
    formatChanges(diffSettings(settings, settingsOf(SEED))),
    formatChanges(diffSettings(settings, settingsOf(SECRETS.replaceAll('hidden', 'HIDDEN')))),
  ];
  for (const output of outputs) assert.doesNotMatch(output, /hidden/i);
  assert.match(outputs[2]!, /token: "\*{8}" # keep/);
  assert.match(outputs[5]!, /admin\.token: changed, not shown/);
});

test('an exported section comes back as it was', () => {
  for (const secrets of [true, false]) {
    const exported = exportSection(SEED, ['load_balancing'], { secrets })!;
    assert.deepEqual(parse(importText(SEED, exported, { replace: false })), parse(SEED));
  }
  const timeout = exportSection(SEED, ['load_balancing', 'timeout'], { secrets: false })!;
  assert.deepEqual(parse(timeout), {
    load_balancing: { timeout: parse(SEED).load_balancing.timeout },
  });
});

test('an import changes what it names and nothing else', () => {
  const imported = 'load_balancing:\n  timeout:\n    read: 20s\n  workers: 3\n';
  const merged = importText(SEED, imported, { replace: false });
  assert.match(merged, /connect: "5s"\n {4}read: "20s"\n/);
  assert.match(merged, /^ {2}workers: 3$/m);
  assert.match(merged, /# round_robin, least_connections/);
  const replaced = parse(importText(SEED, imported, { replace: true }));
  assert.deepEqual(replaced.load_balancing.timeout, { read: '20s' });
  assert.equal(replaced.load_balancing.strategy, 'round_robin');
});

test('a masked secret that is not set here is refused', () => {
  const imported = `admin:\n  token: "${MASK}"\n`;
  assert.throws(() => importText(SEED, imported, { replace: false }), /admin\.token is masked/);
  assert.match(importText(SECRETS, imported, { replace: false }), /token: hidden7/);
});

test('a diff knows a server by its address, and spells values as the file does', () => {
  const before = settingsOf('load_balancing:\n  servers: ["a:1", "b:1"]\n');
  const after = settingsOf(
    'load_balancing:\n  servers: ["c:1", {address: "b:1", weight: 5}]\n  timeout: {read: 90s}\n',
  );
  const lines = formatChanges(diffSettings(before, after)).split('\n');
  assert.match(lines[0]!, /^- load_balancing\.servers\[a:1\]: \{"address":"a:1"/);
  assert.equal(lines[1], '~ load_balancing.servers[b:1].weight: 1 → 5');
  assert.match(lines[2]!, /^\+ load_balancing\.servers\[c:1\]/);
  assert.equal(lines[3], '~ load_balancing.timeout.read: 1m → 1m30s');
  assert.equal(lines.length, 4);
  const headers = (text: string) =>
    settingsOf(`load_balancing:\n  health_check: {http: {headers: {${text}}}}\n`);
  assert.equal(
    formatChanges(diffSettings(headers('a: b'), headers('a: b, constructor: c'))),
    '+ load_balancing.health_check.http.headers.constructor: ********',
  );
});
