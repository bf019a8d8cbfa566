import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../base/random.ts';
import { DEFAULT_HEAD_LIMITS, Head, readRequestHead } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import { HeadWriter } from '../http1/writer.ts';
import { TraceContext } from './trace-context.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const NEW_LINE = /^traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])\r\n$/;

function headOf(...lines: string[]): Head {
  const bytes = Buffer.from(['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n'), 'latin1');
  const head = new Head();
  assert.equal(readRequestHead(head, bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS), bytes.length);
  return head;
}

/** The id, and the line that is added. */
function trace(head: Head, sampled = 1, random = seededRandom(1)): { id: string; line: string } {
  const one = new TraceContext();
  one.find(headOf(), { sampled: 0 }, seededRandom(2));
  one.find(head, { sampled }, random);
  const writer = new HeadWriter();
  writer.begin();
  one.write(writer);
  return { id: one.id, line: writer.result() };
}

/** Names of the fields that go on to the server. */
function goesOn(head: Head): string[] {
  return Array.from({ length: head.fieldCount }, (_, index) => index)
    .filter((index) => head.ids[index] !== NAME.dropped)
    .map((index) => head.name(index));
}

for (const value of [
  `00-${ID}-${PARENT}-01`,
  `00-${ID}-${PARENT}-00`,
  `00-${ID}-${PARENT}-ff`,
  `01-${ID}-${PARENT}-01`,
  `cc-${ID}-${PARENT}-01-what-a-later-version-adds`,
  `  00-${ID}-${PARENT}-01  `,
]) {
  test(`valid and passed on as it came: "${value}"`, () => {
    const head = headOf(`traceparent: ${value}`, 'Tracestate: a=1');
    assert.deepEqual(trace(head), { id: ID, line: '' });
    assert.deepEqual(goesOn(head), ['Host', 'traceparent', 'Tracestate']);
  });
}

for (const value of [
  '',
  'something',
  `00-${ID}-${PARENT}`,
  `00-${ID}-${PARENT}-1`,
  `00-${ID}-${PARENT}-01-`,
  `00-${ID}-${PARENT}-01-more`,
  `01-${ID}-${PARENT}-01x`,
  `ff-${ID}-${PARENT}-01`,
  `0g-${ID}-${PARENT}-01`,
  `00-${ID.toUpperCase()}-${PARENT}-01`,
  `00-${'0'.repeat(32)}-${PARENT}-01`,
  `00-${ID}-${'0'.repeat(16)}-01`,
  `00_${ID}-${PARENT}-01`,
  `00-${ID}_${PARENT}-01`,
  `00-${ID}-${PARENT}_01`,
  `00-${ID}-${PARENT}-0x`,
  `00-${ID.slice(1)}z-${PARENT}-01`,
]) {
  test(`not valid, and replaced with its tracestate dropped: "${value}"`, () => {
    const head = headOf(
      `TraceParent: ${value}`,
      'tracestate: a=1',
      'X-Other: b',
      'TRACESTATE: c=2',
    );
    const { id, line } = trace(head);
    assert.equal(NEW_LINE.exec(line)?.[1], id);
    assert.notEqual(id, ID);
    assert.deepEqual(goesOn(head), ['Host', 'X-Other']);
  });
}

test('two of them are as good as none', () => {
  const value = `00-${ID}-${PARENT}-01`;
  const head = headOf(`traceparent: ${value}`, `traceparent: ${value}`, 'tracestate: a=1');
  assert.match(trace(head).line, NEW_LINE);
  assert.deepEqual(goesOn(head), ['Host']);
});

test('where there is none a trace begins, and a tracestate alone means nothing', () => {
  const head = headOf('tracestate: a=1');
  assert.match(trace(head).line, NEW_LINE);
  assert.deepEqual(goesOn(head), ['Host']);
});

test('every trace has an id of its own, and every one a parent of its own', () => {
  const random = seededRandom(7);
  const lines = Array.from({ length: 1000 }, () => NEW_LINE.exec(trace(headOf(), 1, random).line)!);
  assert.equal(new Set(lines.map(([, id]) => id)).size, 1000);
  assert.equal(new Set(lines.map(([, , parent]) => parent)).size, 1000);
});

test('no id is all zeros, not even by such a chance', () => {
  const [, id, parent] = NEW_LINE.exec(trace(headOf(), 1, () => 0).line)!;
  assert.match(id!, /[1-9a-f]/);
  assert.match(parent!, /[1-9a-f]/);
});

test('as many are marked as sampled as was asked for', () => {
  const flags = (sampled: number) => {
    const random = seededRandom(3);
    const all = Array.from(
      { length: 1000 },
      () => NEW_LINE.exec(trace(headOf(), sampled, random).line)![3],
    );
    return all.filter((flag) => flag === '01').length;
  };
  assert.equal(flags(1), 1000);
  assert.equal(flags(0), 0);
  assert.ok(Math.abs(flags(0.25) - 250) < 60);
});
