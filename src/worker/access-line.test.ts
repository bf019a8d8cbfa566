import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessLines } from './access-line.ts';
import { bytesOf, type LinePiece, LinePieces, pieceMemory } from './line-pieces.ts';
import type { ExchangeRecord } from './record.ts';

const RECORD: ExchangeRecord = {
  requestId: '0123456789abcdef-00000001',
  peer: '192.0.2.7',
  request: 'GET /path?a=1',
  pool: 'default',
  server: 'red',
  attempts: 2,
  status: 200,
  failure: '',
  durationMs: 1.25,
  firstByteMs: -1,
  requestBodyBytes: 0,
  responseBodyBytes: 130,
  kind: 'request',
  protocol: 'HTTP/1',
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
};
const TIME = '2026-01-31T12:00:00.001Z';
const HEAD = { level: 'info', time: TIME, name: 'load_balancing', event: 'request' };

function accessLine(record: ExchangeRecord, level: 'info' | 'warn', time: string): string {
  const sent: LinePiece[] = [];
  const memory = pieceMemory();
  const pieces = new LinePieces(memory, (piece) => sent.push(piece));
  assert.ok(new AccessLines(pieces).write(record, level, Date.parse(time)));
  pieces.flush();
  return Buffer.from(bytesOf(memory, sent[0]!)).toString();
}

test('a line of the access log holds every field of its record', () => {
  const line = accessLine(RECORD, 'info', TIME);
  assert.ok(line.endsWith('}\n'));
  assert.deepEqual(JSON.parse(line), { ...HEAD, ...RECORD });
});

test('what few requests have is written where they have it', () => {
  const record: ExchangeRecord = {
    ...RECORD,
    client: '2001:db8::7',
    verdicts: ['rule 1 of "sql" at ?a', 'observed: rate_limited'],
    repeats: 12,
    protocol: 'HTTP/2',
  };
  assert.deepEqual(JSON.parse(accessLine(record, 'info', TIME)), { ...HEAD, ...record });
});

test('without a trace there is no trace_id', () => {
  const { trace_id: _, ...rest } = RECORD;
  const line = accessLine({ ...RECORD, trace_id: '' }, 'info', TIME);
  assert.deepEqual(JSON.parse(line), { ...HEAD, ...rest });
});

test('whatever a client sends, the line is one line of JSON', () => {
  const everyByte = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  const record = { ...RECORD, request: everyByte, requestId: '"},\\{"', server: 'grün 绿 🦊' };
  const line = accessLine(record, 'warn', TIME);
  assert.equal(line.indexOf('\n'), line.length - 1);
  assert.deepEqual(JSON.parse(line), { ...HEAD, level: 'warn', ...record });
  assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f]/, 'it steers no terminal');
});

test('numbers are written as they are, small and large', () => {
  for (const value of [0, 1, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 5e12]) {
    const record = { ...RECORD, responseBodyBytes: value, attempts: value };
    assert.deepEqual(JSON.parse(accessLine(record, 'info', TIME)), { ...HEAD, ...record });
  }
  for (const ms of [0, 0.001, 0.01, 0.1, 0.999, 1, 12.345, 999.999, 59_999.5, 3_600_000, 1e9]) {
    const record = { ...RECORD, durationMs: ms, firstByteMs: ms };
    assert.deepEqual(JSON.parse(accessLine(record, 'info', TIME)), { ...HEAD, ...record });
  }
});

test('of an endless target a part is written', () => {
  const line = accessLine({ ...RECORD, request: `GET /${'"'.repeat(100_000)}` }, 'info', TIME);
  assert.ok(line.length < 20_000);
  assert.match(JSON.parse(line).request, /^GET \/"+$/);
});

test('each line has its own time, level and server, whatever the one before had', () => {
  const sent: LinePiece[] = [];
  const memory = pieceMemory();
  const pieces = new LinePieces(memory, (piece) => sent.push(piece));
  const lines = new AccessLines(pieces);
  const atMs = Date.parse(TIME);
  const other = {
    ...RECORD,
    pool: 'other',
    server: 'red',
    failure: 'server_reset',
    kind: 'tunnel',
  } as const;
  lines.write(RECORD, 'info', atMs);
  lines.write(other, 'warn', atMs);
  lines.write({ ...RECORD, server: 'grün' }, 'info', atMs + 1);
  pieces.flush();
  const text = Buffer.from(bytesOf(memory, sent[0]!)).toString();
  assert.deepEqual(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { ...HEAD, ...RECORD },
      { ...HEAD, level: 'warn', ...other },
      { ...HEAD, ...RECORD, server: 'grün', time: '2026-01-31T12:00:00.002Z' },
    ],
  );
  assert.match(text, /"server":"grün"/, 'so that --grep finds it');
});
