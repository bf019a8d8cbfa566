import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../config/load.ts';
import type { ServerSettings, Settings } from '../../config/schema.ts';
import { PoolSources } from './pool-sources.ts';
import { FakeTime, keepsTheContract } from './source.fixture.ts';
import type { ServerSource, SourceEvents, SourceKind, SourceTime } from './source.ts';
import { staticServers } from './static.ts';

const settingsOf = (...servers: string[]) => {
  const text = JSON.stringify({ load_balancing: { servers } });
  return parseConfig(text, { file: 'openclaw.yml', env: {} }).settings!;
};
const serverAt = (address: string): ServerSettings => {
  return settingsOf(address).load_balancing.servers[0]!;
};

const ASK_EVERY_MS = 1_000;

/** A registry that is asked once a second; what it answers is said by the test. */
function asking(answers: () => readonly string[] | Error, partOf = (_: Settings): unknown => '') {
  const open: Asking[] = [];
  class Asking implements ServerSource {
    readonly #time: SourceTime;
    #cancel = () => {};

    constructor(time: SourceTime) {
      this.#time = time;
    }

    start(events: SourceEvents): void {
      open.push(this);
      const ask = () => {
        this.#cancel = this.#time.after(ASK_EVERY_MS, ask);
        const answer = answers();
        if (answer instanceof Error) events.onFailure(answer.message);
        else events.onServers(answer.map(serverAt));
      };
      this.#cancel = this.#time.after(ASK_EVERY_MS, ask);
    }

    stop(): void {
      this.#cancel();
      open.splice(open.indexOf(this), 1);
    }
  }
  const kind: SourceKind = { name: 'asking', partOf, open: (_, time) => new Asking(time) };
  return { kind, open };
}

keepsTheContract(asking(() => ['10.0.0.7:80', '10.0.0.8:80']).kind, () => ({
  settings: settingsOf(),
  without: null,
  settle: (time) => time.pass(ASK_EVERY_MS),
  expected: ['10.0.0.7:80', '10.0.0.8:80'],
}));

function sourcesOf(...kinds: SourceKind[]) {
  const time = new FakeTime();
  const told: string[] = [];
  const addresses = () => sources.servers.map(({ address }) => address).join(' ');
  const sources: PoolSources = new PoolSources(
    time,
    {
      onChange: () => told.push(addresses()),
      onFailure: (kind, cause) => told.push(`${kind}: ${cause}`),
    },
    kinds,
  );
  return { time, told, sources, addresses };
}

test('the servers of all sources are one list, each address as the first of them says', () => {
  const { kind } = asking(() => ['10.0.0.1:80', '10.0.0.9:80']);
  const { time, told, sources } = sourcesOf(staticServers, kind);
  const prepared = sources.prepare(settingsOf('10.0.0.1:80'));
  assert.deepEqual(prepared.servers, [serverAt('10.0.0.1:80')]);
  prepared.commit();
  time.pass(ASK_EVERY_MS);
  assert.deepEqual(told, ['10.0.0.1:80 10.0.0.9:80']);
});

test('what was told already is no change, and a failure leaves what was told last', () => {
  let answer: readonly string[] | Error = ['10.0.0.1:80'];
  const { kind } = asking(() => answer);
  const { time, told, sources, addresses } = sourcesOf(kind);
  sources.prepare(settingsOf()).commit();
  time.pass(ASK_EVERY_MS);
  time.pass(ASK_EVERY_MS);
  answer = new Error('nobody answers');
  time.pass(ASK_EVERY_MS);
  assert.deepEqual(told, ['10.0.0.1:80', 'asking: nobody answers']);
  assert.equal(addresses(), '10.0.0.1:80');
});

test('a source whose part of the settings stays goes on over a reload', () => {
  const { kind, open } = asking(
    () => ['10.0.0.1:80'],
    (settings) => settings.load_balancing.strategy,
  );
  const { time, sources, addresses } = sourcesOf(kind, staticServers);
  sources.prepare(settingsOf()).commit();
  const [first] = open;
  time.pass(ASK_EVERY_MS);
  sources.prepare(settingsOf('10.0.0.2:80')).commit();
  assert.deepEqual(open, [first]);
  assert.equal(addresses(), '10.0.0.1:80 10.0.0.2:80');
});

test('one that is replaced leaves its servers until the new one tells, and is ended', () => {
  const { kind, open } = asking(
    () => ['10.0.0.1:80'],
    (settings) => settings.load_balancing.servers,
  );
  const { time, sources, addresses } = sourcesOf(kind);
  sources.prepare(settingsOf()).commit();
  const [first] = open;
  time.pass(ASK_EVERY_MS);
  sources.prepare(settingsOf('10.0.0.2:80')).commit();
  assert.equal(open.length, 1);
  assert.notEqual(open[0], first);
  assert.equal(addresses(), '10.0.0.1:80');
});

test('an abandoned reload ends the new sources, and those before go on', () => {
  const { kind, open } = asking(
    () => ['10.0.0.1:80'],
    (settings) => settings.load_balancing.servers,
  );
  const { time, told, sources } = sourcesOf(kind);
  sources.prepare(settingsOf()).commit();
  const [first] = open;
  sources.prepare(settingsOf('10.0.0.2:80')).abandon();
  assert.deepEqual(open, [first]);
  time.pass(ASK_EVERY_MS);
  assert.deepEqual(told, ['10.0.0.1:80']);
});

test('what a new source tells before it is followed is a change once it is', () => {
  const { kind } = asking(() => ['10.0.0.1:80']);
  const { time, told, sources } = sourcesOf(kind);
  const prepared = sources.prepare(settingsOf());
  time.pass(ASK_EVERY_MS);
  assert.deepEqual(told, []);
  prepared.commit();
  assert.deepEqual(told, ['10.0.0.1:80']);
});

test('a report that is refused counts no longer, and one before it does until another comes', () => {
  let answer: readonly string[] = ['10.0.0.1:80'];
  const { kind } = asking(() => answer);
  const { time, told, sources, addresses } = sourcesOf(kind);
  sources.prepare(settingsOf()).commit();
  time.pass(ASK_EVERY_MS);
  sources.latest().commit();
  answer = ['10.0.0.2:80'];
  time.pass(ASK_EVERY_MS);
  sources.latest().abandon();
  assert.equal(addresses(), '10.0.0.1:80');
  assert.deepEqual(sources.prepare(settingsOf()).servers, [serverAt('10.0.0.1:80')]);
  time.pass(ASK_EVERY_MS);
  assert.deepEqual(told, ['10.0.0.1:80', '10.0.0.2:80'], 'the same report again is no change');
  answer = ['10.0.0.3:80'];
  time.pass(ASK_EVERY_MS);
  assert.equal(addresses(), '10.0.0.3:80');
});
