import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { guarded, keepServing } from './guarded.ts';

function newLog() {
  const lines: { event: string; during: string; cause: string }[] = [];
  return { lines, log: { error: (line: unknown) => lines.push(line as never) } as never };
}

test('a step that throws is logged, and called again', () => {
  const { lines, log } = newLog();
  let calls = 0;
  let nowMs = 0;
  const step = guarded(
    log,
    'probes',
    () => {
      calls += 1;
      throw new Error('broken');
    },
    () => nowMs,
  );
  step();
  step();
  assert.equal(calls, 2);
  // Twenty times a second it would fill the disk.
  assert.equal(lines.length, 1);
  assert.equal(lines[0]!.event, 'internal_error');
  assert.equal(lines[0]!.during, 'probes');
  assert.match(lines[0]!.cause, /^Error: broken\n/);
  nowMs = 60_000;
  step();
  assert.equal(lines.length, 2);
});

test('what nobody caught is logged, and nobody else has to hear of it', () => {
  const { lines, log } = newLog();
  const source = new EventEmitter();
  const end = keepServing(log, source);
  source.emit('uncaughtException', new Error('one'));
  source.emit('unhandledRejection', 'two');
  assert.deepEqual(
    lines.map(({ during, cause }) => [during, cause.split('\n')[0]]),
    [
      ['an event', 'Error: one'],
      ['a promise', 'two'],
    ],
  );
  end();
  assert.equal(source.listenerCount('uncaughtException'), 0);
  assert.equal(source.listenerCount('unhandledRejection'), 0);
});
