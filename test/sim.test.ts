/** The simulation of sim/: that a seed replays, and that each of its invariants can fail. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { INVARIANTS, type Invariant } from '../sim/invariants.ts';
import type { Sabotage, Written } from '../sim/sabotage.ts';
import { simulate } from '../sim/simulation.ts';

const SIM = resolve(import.meta.dirname, '../sim');
/** In so many runs a fault of the core has to be seen. */
const SEEDS_MAX = 60;

test('a seed replays: the same events in the same order', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const once = simulate(seed);
    const again = simulate(seed, {}, true);
    assert.equal(again.traceHash, once.traceHash);
    assert.deepEqual(again.violations, once.violations);
    assert.ok(again.lines.length > 0);
  }
});

test('another seed is another run', () => {
  const hashes = [1, 2, 3, 4, 5, 6].map((seed) => simulate(seed).traceHash);
  assert.equal(new Set(hashes).size, hashes.length);
});

test('a sound core keeps every invariant', () => {
  for (let seed = 1; seed <= 20; seed++) assert.deepEqual(simulate(seed).violations, []);
});

test('a lowered max_connections lets nobody wait while connections rest', () => {
  assert.deepEqual(simulate(1856).violations, []);
});

test('the simulation fetches no time, no randomness and no socket', () => {
  const forbidden =
    /\b(setTimeout|setInterval|setImmediate|Date\.now|new Date|performance|hrtime|Math\.random|queueMicrotask|Promise|async)\b|node:(net|tls|dns|http|https|http2|timers|worker_threads|fs|crypto)/;
  for (const file of readdirSync(SIM)) {
    const text = readFileSync(join(SIM, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    assert.doesNotMatch(text, forbidden, file);
  }
});

/** Faults that a core might have, by the invariant that must find each of them. */
const FAULTS: Readonly<Record<Invariant, Readonly<Record<string, () => Sabotage>>>> = {
  answeredOnce: {
    'a response written twice': () =>
      onWrite(toClient, /^HTTP\/1\.1 204/, (bytes) => [bytes, bytes]),
  },
  ownAnswer: { 'responses swapped between two clients': swapResponses },
  wellFormed: {
    'a head that loses its line ends': () =>
      onWrite(toClient, /^HTTP\/1\.1 200/, (bytes) => [
        Buffer.from(bytes.toString('latin1').replace('\r\n', '\n'), 'latin1'),
      ]),
  },
  exactBody: {
    'a body piece written twice': () => everySoOften((bytes) => [bytes, bytes]),
    'a body piece that is lost': () => everySoOften(() => []),
    'a piece on an HTTP/2 stream that is lost': () => ({ losesStreamPieces: true }),
    'a reference kept to a read buffer': () => ({ keepsReferences: true }),
  },
  betweenFrames: {
    'a close frame in the middle of a frame': () =>
      onWrite(toClient, /^\x82[\s\S]{20}/, (bytes) => [
        bytes.subarray(0, 10),
        Buffer.from([0x88, 2, 3, 233]),
        bytes.subarray(10),
      ]),
  },
  visibleBreak: {
    'a broken response that ends properly': () => ({ endsProperly: true }),
    'a broken HTTP/2 stream that ends properly': () => ({ endsStreamsProperly: true }),
  },
  unsafeOnce: {
    'a POST that is sent again': () => onWrite(toServer, /^POST /, (bytes) => [bytes, bytes]),
  },
  screened: {
    'a verdict that nobody follows': () => ({ ignoresVerdict: true }),
    'a body that goes on before its verdict': () => ({ screensLate: true }),
  },
  healthyOnly: { 'a choice that ignores the table': () => ({ choosesBlindly: true }) },
  oneTrial: {
    'a trial that is claimed whatever is under way': () => ({ claimsTrialsBlindly: true }),
  },
  exactCounts: {
    'a request that is counted twice': () => ({ leaksCounter: true }),
    'a dead worker whose requests stay counted': () => ({ remembersDead: true }),
  },
  oneAtATime: {
    'a request that does not wait for the answer before': () =>
      onWrite(toServer, /^GET /, (bytes) => [bytes, bytes]),
  },
  settledOnce: { 'an exchange that settles twice': () => ({ settlesTwice: true }) },
  followsPlan: { 'a reload that takes no server out': () => ({ keepsServers: true }) },
  ownPool: { 'a route for all listeners': () => ({ mixesRoutes: true }) },
  boundedMemory: {
    'a fast sender that is not paused': () => ({ ignoresPause: true }),
    'a fast HTTP/2 stream that is not paused': () => ({ ignoresStreamPause: true }),
  },
  inTurn: { 'a queue that serves who came last': () => ({ queuesBackwards: true }) },
  waitsInTime: { 'a wait that goes on and on': () => ({ waitsLonger: true }) },
  withinBounds: { 'a pool that knows no bound': () => ({ ignoresBounds: true }) },
  noLostWakeUp: { 'queues that nobody looks at': () => ({ losesTicks: true }) },
  success: { 'a drain that nobody hears of': () => ({ losesDrains: true }) },
  progress: { 'a timer that is set again and again': () => ({ leaksTimer: true }) },
  nothingLeft: { 'a counter that is not taken back': () => ({ leaksCounter: true }) },
  streamContract: {
    'a write after the end': () =>
      onWrite(toClient, /^HTTP\/1\.1 200/, (bytes, endpoint) => {
        endpoint.end();
        return [bytes];
      }),
  },
};

for (const invariant of Object.keys(INVARIANTS) as Invariant[]) {
  for (const [fault, sabotage] of Object.entries(FAULTS[invariant])) {
    test(`${fault} breaks "${INVARIANTS[invariant]}"`, () => {
      for (let seed = 1; seed <= SEEDS_MAX; seed++) {
        const { violations } = simulate(seed, sabotage());
        if (violations.some((one) => one.invariant === invariant)) return;
      }
      assert.fail(`not seen in ${SEEDS_MAX} seeds`);
    });
  }
}

function toClient(endpoint: Written): boolean {
  return endpoint.name.startsWith('<worker');
}

function toServer(endpoint: Written): boolean {
  return endpoint.name.startsWith('>server');
}

function onWrite(
  isMeant: (endpoint: Written) => boolean,
  start: RegExp,
  change: (bytes: Buffer, endpoint: Written) => readonly Buffer[],
): Sabotage {
  return {
    write: (endpoint, bytes) =>
      isMeant(endpoint) && start.test(bytes.toString('latin1', 0, 40))
        ? change(bytes, endpoint)
        : [bytes],
  };
}

/** Changes every seventh write that is no head. */
function everySoOften(change: (bytes: Buffer) => readonly Buffer[]): Sabotage {
  let writes = 0;
  return {
    write: (_endpoint, bytes) => {
      if (/^(HTTP|[A-Z]+ )/.test(bytes.toString('latin1', 0, 10))) return [bytes];
      writes += 1;
      return writes % 7 === 0 ? change(bytes) : [bytes];
    },
  };
}

/** A client is given what was written to another one just before. */
function swapResponses(): Sabotage {
  let before: Buffer | undefined;
  return onWrite(toClient, /^HTTP\/1\.1 200/, (bytes) => {
    const given = before ?? bytes;
    before = bytes;
    return [given];
  });
}
