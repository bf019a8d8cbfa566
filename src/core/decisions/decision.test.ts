import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Situation } from '../balance/situation.ts';
import type { Server } from '../servers/server.ts';
import { CHOICES_MAX, Trace } from './decision.ts';
import { Traces } from './decisions.ts';

function traceOf(traces: Traces, spare: Trace, number: number, failure = ''): Trace {
  spare.requestNumber = number;
  spare.failure = failure;
  return traces.keep(spare, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
}

test('the last requests are remembered, those that failed for longer, in bounded memory', () => {
  const traces = new Traces();
  const given = new Set<Trace>();
  let spare = traceOf(traces, new Trace(), 1, 'connect_refused');
  for (let number = 2; number < 100_000; number++) {
    given.add(spare);
    spare = traceOf(traces, spare, number);
  }
  assert.equal(traces.find(1, '')?.line, 'GET / HTTP/1.1');
  assert.equal(traces.find(99_999, '')?.requestNumber, 99_999);
  assert.equal(traces.find(2, ''), undefined);
  assert.ok(given.size <= 1, `${given.size} traces for one exchange`);
});

test('a request is found by the id that its client brought', () => {
  const traces = new Traces();
  const trace = new Trace();
  trace.broughtId = 'mine';
  traces.keep(trace, '');
  assert.equal(traces.find(0, 'mine')?.broughtId, 'mine');
  assert.equal(traces.find(0, 'other'), undefined);
});

test('attempts beyond the bound are not noted', () => {
  const trace = new Trace();
  for (let nth = 0; nth < CHOICES_MAX; nth++) assert.notEqual(trace.next(), null);
  assert.equal(trace.next(), null);
  assert.equal(trace.choices.length, CHOICES_MAX);
});

test('an ordinary request is remembered as it was, figures and all', () => {
  const traces = new Traces();
  const trace = new Trace();
  const server = { label: 'red' } as Server;
  const situation = { servers: [server, server] } as unknown as Situation<Server>;
  trace.requestNumber = 7;
  trace.status = 204;
  trace.startedMs = 10.5;
  trace.ownRow = 3;
  const choice = trace.next()!;
  Object.assign(choice, { situation, server, isOwn: true, isReused: true });
  Object.assign(choice, { atMs: 11, sentMs: 12.25, endMs: 13 });
  choice.inFlight = Int32Array.of(4, 5);
  traces.keep(trace, '');
  choice.inFlight = null;
  choice.server = null;
  const found = traces.find(7, '')!;
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
