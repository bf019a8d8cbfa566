/** A change of servers alone: what it reads, and what it leaves as it is. */
import assert from 'node:assert/strict';
import fs, { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NetworkSet } from '../../base/network-set.ts';
import { parseConfig } from '../../config/load.ts';
import type { SourceEvents, SourceKind } from '../discovery/source.ts';
import { staticServers } from '../discovery/static.ts';
import { Instance } from './instance.ts';
import { NO_LOG } from './no-log.fixture.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/certificates');

interface Server {
  readonly address: string;
  readonly weight?: number;
  readonly tls?: object;
}

/** An instance with TLS on both sides, a list of networks in a file and session cookies. */
async function open(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  const file = (name: string) => join(folder, name);
  copyFileSync(join(FIXTURES, 'nameless.crt'), file('own.crt'));
  copyFileSync(join(FIXTURES, 'nameless.key'), file('own.key'));
  copyFileSync(join(FIXTURES, 'nameless.crt'), file('ca.crt'));
  writeFileSync(file('denied.txt'), '192.0.2.0/24\n');
  const secure = { enabled: true, ca_path: file('ca.crt') };
  const settingsOf = (servers: readonly Server[], further: object = {}) => {
    const load_balancing = {
      listen: `unix:${file('listen.sock')}`,
      servers,
      session_persistence: { enabled: true, type: 'cookie' },
      health_check: { enabled: false },
      security: {
        tls: { enabled: true, cert_path: file('own.crt'), key_path: file('own.key') },
        access_control: { enabled: true, denylist_file: file('denied.txt') },
      },
      ...further,
    };
    const { settings, problems } = parseConfig(JSON.stringify({ load_balancing }), {
      file: 'openclaw.yml',
      env: {},
    });
    assert.ok(settings, JSON.stringify(problems));
    return settings;
  };
  const first: Server[] = [{ address: '127.0.0.1:1', tls: secure }, { address: '127.0.0.1:2' }];
  const instance = new Instance(settingsOf(first), NO_LOG, folder, folder, 1);
  context.after(async () => {
    await instance.stop({ pid: 0, withinMs: 0 });
    rmSync(folder, { recursive: true });
  });
  await instance.start();
  return { instance, settingsOf, secure, first, file };
}

/** Counts what a change reads and makes anew. */
async function counted(context: TestContext, change: () => Promise<void>) {
  const opened = context.mock.method(fs, 'openSync');
  syncBuiltinESMExports();
  const made = context.mock.method(NetworkSet, 'of');
  await change();
  const files = opened.mock.calls.map(({ arguments: [path] }) => String(path));
  const lists = made.mock.callCount();
  opened.mock.restore();
  made.mock.restore();
  syncBuiltinESMExports();
  return { files, lists };
}

const addressesOf = ({ plan }: Instance) => plan.pools[0].servers.map(({ name }) => name);

test('a change of servers alone reads no certificate and makes no list anew', async (context) => {
  const { instance, settingsOf, secure, first } = await open(context);
  const before = instance.plan;
  const next = settingsOf([...first, { address: '127.0.0.1:3', tls: secure, weight: 2 }]);
  const { files, lists } = await counted(context, () => instance.reload(next, 1));
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']);
  assert.deepEqual([files, lists], [[], 0]);
  assert.equal(instance.settings, next);
  for (const part of ['tls', 'guard', 'listen'] as const) {
    assert.equal(instance.plan[part], before[part]);
  }
  const rows = (plan: typeof before) => plan.pools[0].servers.map(({ row }) => row);
  assert.deepEqual(rows(instance.plan).slice(0, 2), rows(before));
  assert.equal(
    instance.plan.pools[0].servers[2]!.address.tls!.identity,
    before.pools[0].servers[0]!.address.tls!.identity,
  );
});

test('a tls that no server had before is read, and nothing else', async (context) => {
  const { instance, settingsOf, first, file } = await open(context);
  copyFileSync(file('ca.crt'), file('other.crt'));
  const tls = { enabled: true, ca_path: file('other.crt') };
  const next = settingsOf([...first, { address: '127.0.0.1:3', tls }]);
  const { files, lists } = await counted(context, () => instance.reload(next, 1));
  assert.deepEqual([files, lists], [[file('other.crt')], 0]);
});

test('a tls that cannot be read refuses the change, and the servers before stay', async (context) => {
  const { instance, settingsOf, first, file } = await open(context);
  const tls = { enabled: true, ca_path: file('missing.crt') };
  const next = settingsOf([{ address: '127.0.0.1:3', tls }]);
  const before = instance.settings;
  await assert.rejects(instance.reload(next, 1), /missing\.crt: it cannot be read/);
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:1', '127.0.0.1:2']);
  assert.equal(instance.settings, before);
  await instance.reload(settingsOf(first.slice(1)), 1);
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:2']);
});

test('the whole way is gone where more has changed than servers', async (context) => {
  const { instance, settingsOf, first, file } = await open(context);
  const fewer = first.slice(1);
  const changes: Record<string, () => Promise<void>> = {
    'another setting': () => instance.reload(settingsOf(fewer, { strategy: 'random' }), 1),
    'the same settings': () => instance.reload(settingsOf(fewer, { strategy: 'random' }), 1),
    'another number of workers': () =>
      instance.reload(settingsOf(first, { strategy: 'random' }), 2),
    'another list in a file': () => {
      writeFileSync(file('denied.txt'), '192.0.2.0/24\n198.51.100.0/24\n');
      return instance.reload(settingsOf(fewer, { strategy: 'random' }), 2);
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const { files, lists } = await counted(context, change);
    assert.ok(files.includes(file('own.crt')), name);
    assert.ok(files.includes(file('denied.txt')), name);
    assert.ok(lists > 0, name);
  }
});

test('what a source tells is followed, what it tells meanwhile in one step; a failure changes nothing', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const text = JSON.stringify({ load_balancing: { servers: ['127.0.0.1:1'] } });
  const { settings } = parseConfig(text, { file: 'openclaw.yml', env: {} });
  const [server] = settings!.load_balancing.servers;
  let events: SourceEvents | undefined;
  const source: SourceKind = {
    name: 'told',
    partOf: () => '',
    open: () => ({
      start: (given) => {
        events = given;
      },
      stop: () => {},
    }),
  };
  const kinds = [staticServers, source];
  const instance = new Instance(settings!, NO_LOG, folder, folder, 1, kinds);
  context.after(() => instance.observer.stop());
  const plans = new Set([instance.plan]);
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      plans.add(instance.plan);
    }
  };
  for (const port of [2, 3, 4]) {
    events!.onServers([{ ...server!, address: `127.0.0.1:${port}` }]);
  }
  await turns();
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:1', '127.0.0.1:4']);
  events!.onFailure('nobody answers');
  await turns();
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:1', '127.0.0.1:4']);
  assert.equal(plans.size, 2);
  const tooMany = Array.from({ length: 5_000 }, (_, at) => `10.0.${at >> 8}.${at & 255}:80`);
  events!.onServers(tooMany.map((address) => ({ ...server!, address })));
  await turns();
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:1', '127.0.0.1:4']);
  events!.onServers([{ ...server!, address: '127.0.0.1:5' }]);
  await turns();
  assert.deepEqual(addressesOf(instance), ['127.0.0.1:1', '127.0.0.1:5']);
});
