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
