import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resolver } from './resolver.ts';

const clock = { now: 0, nowMs: () => clock.now, wallMs: () => clock.now };

function resolved(resolver: Resolver): readonly string[] {
  let found: readonly string[] = [];
  resolver.resolve('a.example', (addresses) => {
    found = addresses;
  });
  return found;
}

test('families alternate, and each address has its turn', () => {
  const addresses = ['::1', '::2', '::3', '10.0.0.1', '10.0.0.2'];
  const resolver = new Resolver(clock, (_host, done) => done(addresses, null));
  assert.deepEqual(resolved(resolver), ['::1', '10.0.0.1', '::2', '10.0.0.2', '::3']);
  assert.deepEqual(resolved(resolver), ['10.0.0.1', '::2', '10.0.0.2', '::3', '::1']);
});

test('an address that failed comes last until that is half a minute ago, or it works again', () => {
  const resolver = new Resolver(clock);
  resolver.failed('10.0.0.1', 80);
  const ordered = () => resolver.lateFailuresLast(['10.0.0.1', '10.0.0.2'], 80);
  assert.deepEqual(ordered(), ['10.0.0.2', '10.0.0.1']);
  clock.now += 29_000;
  assert.deepEqual(ordered(), ['10.0.0.2', '10.0.0.1']);
  clock.now += 2_000;
  assert.deepEqual(ordered(), ['10.0.0.1', '10.0.0.2']);
  resolver.failed('10.0.0.1', 80);
  resolver.worked('10.0.0.1', 80);
  assert.deepEqual(ordered(), ['10.0.0.1', '10.0.0.2']);
});

test('a name that is in use is looked up again, and its version says when it moved', () => {
  let addresses = ['10.0.0.1', '10.0.0.2'];
  let lookups = 0;
  const resolver = new Resolver(clock, (_host, done) => {
    lookups += 1;
    done(addresses, null);
  });
  resolver.renew('a.example');
  const first = resolver.renew('a.example');
  assert.equal(lookups, 1);
  clock.now += 10_000;
  addresses = ['10.0.0.2', '10.0.0.1'];
  assert.equal(resolver.renew('a.example'), first);
  assert.equal(resolver.renew('a.example'), first);
  assert.equal(lookups, 2);
  clock.now += 10_000;
  addresses = ['10.0.0.2', '10.0.0.3'];
  resolver.renew('a.example');
  assert.notEqual(resolver.renew('a.example'), first);
  assert.equal(resolver.has('a.example', '10.0.0.1'), false);
  assert.equal(resolver.has('a.example', '10.0.0.2'), true);
});

test('a name service that is out moves no name', () => {
  let isOut = false;
  const resolver = new Resolver(clock, (_host, done) => {
    if (isOut) done([], Object.assign(new Error('out'), { code: 'EAI_AGAIN' }));
    else done(['10.0.0.1'], null);
  });
  resolver.renew('a.example');
  const first = resolver.renew('a.example');
  isOut = true;
  clock.now += 10_000;
  resolver.renew('a.example');
  assert.equal(resolver.renew('a.example'), first);
  assert.equal(resolver.has('a.example', '10.0.0.1'), true);
});

test('no more than so many names are looked up at a time', () => {
  let lookups = 0;
  const resolver = new Resolver(clock, () => {
    lookups += 1;
  });
  for (let name = 0; name < 100; name++) resolver.renew(`${name}.example`);
  assert.equal(lookups, 16);
});

test('while a lookup hangs a bounded number waits for it, and the rest is refused', () => {
  let answer: (addresses: readonly string[], error: null) => void = () => {};
  const resolver = new Resolver(clock, (_host, done) => {
    answer = done;
  });
  let refused = 0;
  let served = 0;
  for (let asked = 0; asked < 5_000; asked++) {
    resolver.resolve('hangs.example', (addresses) => {
      if (addresses.length === 0) refused += 1;
      else served += 1;
    });
  }
  assert.equal(refused, 5_000 - 4_096);
  answer(['10.0.0.1'], null);
  assert.equal(served, 4_096);
});
