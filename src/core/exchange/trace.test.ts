import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHOICES_MAX, Trace, Traces } from './trace.ts';

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
  assert.ok(given.size <= 8_192 + 1, `${given.size} traces for 8192 places`);
});

test('a request is found by the id that its client brought', () => {
  const traces = new Traces();
  const trace = new Trace();
  trace.broughtId = 'mine';
  traces.keep(trace, '');
  assert.equal(traces.find(0, 'mine'), trace);
  assert.equal(traces.find(0, 'other'), undefined);
});

test('attempts beyond the bound are not noted', () => {
  const trace = new Trace();
  for (let nth = 0; nth < CHOICES_MAX; nth++) assert.notEqual(trace.next(), null);
  assert.equal(trace.next(), null);
  assert.equal(trace.choices.length, CHOICES_MAX);
});
