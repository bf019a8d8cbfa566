import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AlertEngine, type AlertMessage, type Condition } from './alerts.ts';

const latency = (holds: boolean): Condition => ({
  name: 'high_latency',
  subject: '',
  holds,
  measured: 'p99 1.2s, threshold 1s',
  outliers: ['red 1.9s'],
});
const down = (holds: boolean, subject = 'red'): Condition => ({
  name: 'server_down',
  subject,
  holds,
  measured: 'connect refused',
  outliers: [],
});
const phases = (messages: AlertMessage[]) => messages.map(({ phase, name }) => `${phase} ${name}`);

test('a threshold that is passed for long enough begins once and ends once', () => {
  const engine = new AlertEngine({ forMs: 1000, cooldownMs: 0 });
  const said = [0, 500, 1000, 1500, 2000].flatMap((now) => engine.judge([latency(true)], now));
  assert.deepEqual(phases(said), ['begin high_latency']);
  assert.equal(said[0]!.sinceMs, 0);
  assert.equal(said[0]!.atMs, 1000);
  const ended = [2500, 3000].flatMap((now) => engine.judge([latency(false)], now));
  assert.deepEqual(phases(ended), ['end high_latency']);
  assert.equal(ended[0]!.sinceMs, 0);
});

test('a threshold that is passed for a moment only says nothing', () => {
  const engine = new AlertEngine({ forMs: 1000, cooldownMs: 0 });
  for (let now = 0; now < 10_000; now += 100) {
    assert.deepEqual(engine.judge([latency(now % 1000 < 500)], now), []);
  }
});

test('an event begins at once, whatever a threshold must wait', () => {
  const engine = new AlertEngine({ forMs: 60_000, cooldownMs: 0 });
  assert.deepEqual(phases(engine.judge([down(true)], 5)), ['begin server_down']);
});

test('an alert does not begin again before its cooldown is over, then does if it still holds', () => {
  const engine = new AlertEngine({ forMs: 0, cooldownMs: 5000 });
  engine.judge([down(true)], 0);
  engine.judge([down(false)], 1000);
  assert.deepEqual(engine.judge([down(true)], 2000), []);
  assert.deepEqual(engine.judge([down(true)], 5999), []);
  assert.deepEqual(phases(engine.judge([down(true)], 6000)), ['begin server_down']);
});

test('two servers are two alerts', () => {
  const engine = new AlertEngine({ forMs: 0, cooldownMs: 0 });
  assert.equal(engine.judge([down(true, 'red'), down(true, 'blue')], 0).length, 2);
  const [message] = engine.judge([down(false, 'red'), down(true, 'blue')], 1);
  assert.deepEqual([message!.phase, message!.subject], ['end', 'red']);
  assert.deepEqual(
    engine.active().map(({ subject }) => subject),
    ['blue'],
  );
});

test('what is not there any more has ended', () => {
  const engine = new AlertEngine({ forMs: 0, cooldownMs: 0 });
  engine.judge([down(true)], 0);
  assert.deepEqual(phases(engine.judge([], 1)), ['end server_down']);
  assert.deepEqual(engine.active(), []);
});

test('a silence keeps begins back and tells those that outlast it', () => {
  const engine = new AlertEngine({ forMs: 0, cooldownMs: 0 });
  engine.silence(1000);
  assert.deepEqual(engine.judge([down(true, 'red'), down(true, 'blue')], 0), []);
  assert.equal(engine.active().length, 2);
  assert.deepEqual(engine.judge([down(false, 'red'), down(true, 'blue')], 500), []);
  const [message, ...more] = engine.judge([down(true, 'blue')], 1000);
  assert.deepEqual([message!.phase, message!.subject, more.length], ['begin', 'blue', 0]);
});

test('an alert that was told ends with a message, in a silence too', () => {
  const engine = new AlertEngine({ forMs: 0, cooldownMs: 0 });
  engine.judge([down(true)], 0);
  engine.silence(10_000);
  assert.deepEqual(phases(engine.judge([down(false)], 1)), ['end server_down']);
});

test('begins and ends take turns, whatever the conditions do', () => {
  const step = fc.record({
    holds: fc.boolean(),
    waitMs: fc.nat(3000),
    silenceMs: fc.option(fc.nat(3000)),
  });
  fc.assert(
    fc.property(fc.array(step), fc.nat(2000), fc.nat(2000), (steps, forMs, cooldownMs) => {
      const engine = new AlertEngine({ forMs, cooldownMs });
      let now = 0;
      let last = 'end';
      for (const { holds, waitMs, silenceMs } of steps) {
        now += waitMs;
        if (silenceMs !== null) engine.silence(now + silenceMs);
        for (const { phase } of engine.judge([latency(holds)], now)) {
          assert.notEqual(phase, last);
          last = phase;
        }
      }
    }),
  );
});
