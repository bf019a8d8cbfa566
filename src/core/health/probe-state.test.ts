import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEALTH } from '../../table/layout.ts';
import { ProbeState } from './probe-state.ts';

const THRESHOLDS = { failureThreshold: 3, successThreshold: 2 };

/** `+` a success, `-` a failure, `!` a failure of a suspect server; what changed, probe by probe. */
function changes(probes: string): string {
  const state = new ProbeState();
  return [...probes]
    .map((probe) => {
      if (probe === '+') return state.succeeded(THRESHOLDS) ? 'U' : '.';
      return state.failed('connect refused', probe === '!', THRESHOLDS) ? 'D' : '.';
    })
    .join('');
}

test('the first success brings a server up that was never probed', () => {
  assert.equal(changes('+++'), 'U..');
});

test('the first failure takes a server out that was never probed', () => {
  assert.equal(changes('---'), 'D..');
});

test('a server that is up goes down by failures in a row, not by as many with successes between', () => {
  assert.equal(changes('+--+--+---'), 'U........D');
});

test('a server that is down comes back by successes in a row', () => {
  assert.equal(changes('-+-+-++'), 'D.....U');
});

test('a single failure takes out a server that live traffic found fault with', () => {
  assert.equal(changes('+!'), 'UD');
});

test('the reason of the last failure is kept', () => {
  const state = new ProbeState();
  state.failed('connect refused', false, THRESHOLDS);
  state.failed('timed out after 2s', false, THRESHOLDS);
  assert.equal(state.reason, 'timed out after 2s');
  assert.equal(state.health, HEALTH.down);
});
