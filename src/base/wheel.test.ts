import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Timer, TimerWheel } from './wheel.ts';

const TICK_MS = 50;
const NEVER = Number.POSITIVE_INFINITY;

function timerOf(wheel: TimerWheel, onTimer: (nowMs: number) => void): Timer {
  return new Timer(wheel, { onTimer, crashed() {} });
}

/** A wheel whose one timer writes down when it fired. */
function wheelWithTimer(nowMs = 0) {
  const wheel = new TimerWheel(nowMs, TICK_MS);
  const fired: number[] = [];
  const timer = timerOf(wheel, (dueMs) => fired.push(dueMs));
  return { wheel, timer, fired };
}

test('a timer fires at the first tick that is not before its deadline, once', () => {
  const { wheel, timer, fired } = wheelWithTimer();
  timer.set(120);
  wheel.advance(119);
  wheel.advance(149);
  assert.deepEqual(fired, []);
  wheel.advance(150);
  wheel.advance(1000);
  assert.deepEqual(fired, [150]);
  assert.equal(timer.deadlineMs, NEVER);
});

test('a timer set for the past fires with the next tick', () => {
  const { wheel, timer, fired } = wheelWithTimer(1000);
  timer.set(10);
  wheel.advance(1049);
  assert.deepEqual(fired, []);
  wheel.advance(1050);
  assert.deepEqual(fired, [1050]);
});

test('a timer moved later does not fire at its old time', () => {
  const { wheel, timer, fired } = wheelWithTimer();
  timer.set(100);
  timer.set(500);
  wheel.advance(450);
  assert.deepEqual(fired, []);
  wheel.advance(500);
  assert.deepEqual(fired, [500]);
});

test('a timer moved earlier does not wait for its old time', () => {
  const { wheel, timer, fired } = wheelWithTimer();
  timer.set(60_000);
  timer.set(100);
  wheel.advance(100);
  assert.deepEqual(fired, [100]);
});

test('a timer cleared or disposed does not fire, and can be set again', () => {
  const { wheel, timer, fired } = wheelWithTimer();
  timer.set(100);
  timer.clear();
  wheel.advance(200);
  timer.set(300);
  timer.dispose();
  timer.dispose();
  wheel.advance(400);
  assert.deepEqual(fired, []);
  timer.set(500);
  wheel.advance(500);
  assert.deepEqual(fired, [500]);
});

test('a deadline beyond one turn of the wheel is kept', () => {
  const { wheel, timer, fired } = wheelWithTimer();
  const dayMs = 86_400_000;
  timer.set(dayMs);
  for (let nowMs = 0; nowMs < dayMs; nowMs += 10_000) wheel.advance(nowMs);
  assert.deepEqual(fired, []);
  wheel.advance(dayMs);
  assert.deepEqual(fired, [dayMs]);
});

test('after a long sleep everything that is due fires, and nothing else', () => {
  const wheel = new TimerWheel(0, TICK_MS);
  const fired: number[] = [];
  const deadlines = [50, 51_199, 51_200, 600_000, 3_600_000, 3_600_001];
  for (const deadline of deadlines) {
    timerOf(wheel, () => fired.push(deadline)).set(deadline);
  }
  wheel.advance(3_600_000);
  assert.deepEqual(
    fired.sort((a, b) => a - b),
    deadlines.slice(0, -1),
  );
});

test('a callback may set, clear and dispose timers of the very slot that is being turned', () => {
  const wheel = new TimerWheel(0, TICK_MS);
  const fired: string[] = [];
  const last: Timer = timerOf(wheel, () => fired.push('last'));
  const cleared = timerOf(wheel, () => fired.push('cleared'));
  const disposed = timerOf(wheel, () => fired.push('disposed'));
  const again: Timer = timerOf(wheel, (nowMs) => {
    fired.push(`again at ${nowMs}`);
    cleared.clear();
    disposed.dispose();
    last.set(nowMs + 100);
    if (fired.length < 3) again.set(nowMs + TICK_MS);
  });
  // The timer set last is looked at first.
  for (const timer of [last, cleared, disposed, again]) timer.set(100);
  for (let nowMs = 0; nowMs <= 400; nowMs += TICK_MS) wheel.advance(nowMs);
  assert.deepEqual(fired, ['again at 100', 'again at 150', 'again at 200', 'last']);
});

test('a callback that disposes its own timer lets go of it', () => {
  const wheel = new TimerWheel(0, TICK_MS);
  let fired = 0;
  const timer: Timer = timerOf(wheel, () => {
    fired += 1;
    timer.dispose();
  });
  timer.set(50);
  wheel.advance(50);
  wheel.advance(5000);
  assert.equal(fired, 1);
  assert.equal(wheel.earliestMs(), NEVER);
});

test('a callback that is due at once again waits for the next tick', () => {
  const { wheel } = wheelWithTimer();
  let fired = 0;
  const timer: Timer = timerOf(wheel, (nowMs) => {
    fired += 1;
    timer.set(nowMs);
  });
  timer.set(50);
  wheel.advance(50);
  assert.equal(fired, 1);
  wheel.advance(100);
  assert.equal(fired, 2);
});

test('the earliest deadline is known', () => {
  const wheel = new TimerWheel(0, TICK_MS);
  assert.equal(wheel.earliestMs(), NEVER);
  const timers = [70_000, 300, 5000].map((deadlineMs) => {
    const timer = timerOf(wheel, () => {});
    timer.set(deadlineMs);
    return timer;
  });
  assert.equal(wheel.earliestMs(), 300);
  timers[1]!.set(6000);
  assert.equal(wheel.earliestMs(), 5000);
  timers[2]!.clear();
  assert.equal(wheel.earliestMs(), 6000);
});

const TIMERS = 4;
const which = fc.nat({ max: TIMERS - 1 });
const deltaMs = fc.oneof(
  fc.integer({ min: -200, max: 2000 }),
  fc.double({ min: 0, max: 300, noNaN: true }),
  fc.constantFrom(0, 40, 50, 90, 100, 140, 150, 200),
  fc.constantFrom(51_150, 51_200, 51_250, 120_000),
);
const sleepMs = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(25, 50, 50, 100) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 200, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(51_200, 60_000, 1_000_000) },
);
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), which, deltaMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('dispose' as const), which }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('sleep' as const), sleepMs }) },
);
/** What a timer does to another when it fires; each plan is used once, so that it ends. */
const plan = fc.option(fc.record({ which, deltaMs }));

test('timers agree with a naive list of deadlines, whatever is done to them', () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.array(plan, { maxLength: 20 }),
      (actions, plans) => {
        let nowMs = 12_345.5;
        const wheel = new TimerWheel(nowMs, TICK_MS);
        /** The naive model: when each timer is due, and from which tick on that can be seen. */
        const due: number[] = new Array(TIMERS).fill(NEVER);
        const visibleTick: number[] = new Array(TIMERS).fill(0);
        const left = [...plans];
        const tickOf = (timeMs: number) => Math.floor(timeMs / TICK_MS);
        let wheelTick = tickOf(nowMs);

        const setDue = (index: number, deadlineMs: number) => {
          due[index] = deadlineMs;
          visibleTick[index] = wheelTick + 1;
          timers[index]!.set(deadlineMs);
        };
        const timers = due.map((_, index) =>
          timerOf(wheel, (firedMs) => {
            assert.equal(firedMs, nowMs);
            assert.ok(due[index]! <= nowMs, 'never early, never after clear or dispose');
            due[index] = NEVER;
            const next = left.pop();
            if (next) setDue(next.which, nowMs + next.deltaMs);
          }),
        );
        for (const one of actions) {
          if (one.kind === 'set') setDue(one.which, nowMs + one.deltaMs);
          else if (one.kind === 'clear') {
            timers[one.which]!.clear();
            due[one.which] = NEVER;
          } else if (one.kind === 'dispose') {
            timers[one.which]!.dispose();
            due[one.which] = NEVER;
          } else {
            nowMs += one.sleepMs;
            // Callbacks within see the tick as passed already: what they set waits for the next.
            wheelTick = tickOf(nowMs);
            wheel.advance(nowMs);
            for (const [index, deadlineMs] of due.entries()) {
              const isOverdue = Math.ceil(deadlineMs / TICK_MS) <= wheelTick;
              const wasVisible = visibleTick[index]! <= wheelTick;
              assert.ok(!(isOverdue && wasVisible), 'never more than one tick late');
            }
          }
          assert.deepEqual(
            timers.map((timer) => timer.deadlineMs),
            due,
          );
          assert.equal(wheel.earliestMs(), Math.max(0, Math.min(...due)));
        }
      },
    ),
    { seed: 20260101, numRuns: 2000 },
  );
});

test('a callback that throws is contained, and the other timers of the tick fire', () => {
  const contained: unknown[] = [];
  const wheel = new TimerWheel(0, TICK_MS, (error, part, nowMs) => {
    contained.push([(error as Error).message, part, nowMs]);
  });
  const fired: string[] = [];
  const owner = {
    onTimer() {
      throw new Error('broken');
    },
    crashed() {},
  };
  timerOf(wheel, () => fired.push('before')).set(100);
  new Timer(wheel, owner).set(100);
  timerOf(wheel, () => fired.push('after')).set(100);
  wheel.advance(100);
  assert.deepEqual(fired.sort(), ['after', 'before']);
  assert.deepEqual(contained, [['broken', owner, 100]]);
});
