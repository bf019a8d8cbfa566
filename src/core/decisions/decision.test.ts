import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Situation } from '../balance/situation.ts';
import type { Server } from '../servers/server.ts';
import { CHOICES_MAX, Decision } from './decision.ts';
import { Decisions } from './decisions.ts';

function decisionOf(decisions: Decisions, spare: Decision, number: number, failure = ''): Decision {
  spare.requestNumber = number;
  spare.failure = failure;
  return decisions.keep(spare, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
}

test('the last requests are remembered, those that failed for longer, in bounded memory', () => {
  const decisions = new Decisions();
  const given = new Set<Decision>();
  let spare = decisionOf(decisions, new Decision(), 1, 'connect_refused');
  for (let number = 2; number < 100_000; number++) {
    given.add(spare);
    spare = decisionOf(decisions, spare, number);
  }
  assert.equal(decisions.find(1, '')?.line, 'GET / HTTP/1.1');
  assert.equal(decisions.find(99_999, '')?.requestNumber, 99_999);
  assert.equal(decisions.find(2, ''), undefined);
  assert.ok(given.size <= 1, `${given.size} decisions for one exchange`);
});

test('a request is found by the id that its client brought', () => {
  const decisions = new Decisions();
  const decision = new Decision();
  decision.broughtId = 'mine';
  decisions.keep(decision, '');
  assert.equal(decisions.find(0, 'mine')?.broughtId, 'mine');
  assert.equal(decisions.find(0, 'other'), undefined);
});

test('attempts beyond the bound are not noted', () => {
  const decision = new Decision();
  for (let nth = 0; nth < CHOICES_MAX; nth++) assert.notEqual(decision.next(), null);
  assert.equal(decision.next(), null);
  assert.equal(decision.choices.length, CHOICES_MAX);
});

test('an ordinary request is remembered as it was, figures and all', () => {
  const decisions = new Decisions();
  const decision = new Decision();
  const server = { label: 'red' } as Server;
  const situation = { servers: [server, server] } as unknown as Situation<Server>;
  decision.requestNumber = 7;
  decision.status = 204;
  decision.startedMs = 10.5;
  decision.ownRow = 3;
  const choice = decision.next()!;
  Object.assign(choice, { situation, server, isOwn: true, isReused: true });
  Object.assign(choice, { atMs: 11, sentMs: 12.25, endMs: 13 });
  choice.inFlight = Int32Array.of(4, 5);
  decisions.keep(decision, '');
  choice.inFlight = null;
  choice.server = null;
  const found = decisions.find(7, '')!;
  assert.deepEqual(
    [found.status, found.startedMs, found.ownRow, found.attempts],
    [204, 10.5, 3, 1],
  );
  const [was] = found.choices;
  assert.deepEqual(
    [was!.server, was!.situation, was!.isOwn, was!.isReused, was!.outcome],
    [server, situation, true, true, 204],
  );
  assert.deepEqual([was!.atMs, was!.sentMs, was!.endMs], [11, 12.25, 13]);
  assert.deepEqual([...was!.inFlight!.subarray(0, 2)], [4, 5]);
  assert.equal(was!.latencyUs, null);
});
