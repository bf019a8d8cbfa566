import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, type LinePiece, LinePieces, pieceMemory } from './line-pieces.ts';

const memory = pieceMemory();

function textOf(piece: LinePiece): string {
  return Buffer.from(bytesOf(memory, piece)).toString();
}

/** Adds lines until one is dropped. @returns those that were taken */
function fill(pieces: LinePieces): string[] {
  const taken: string[] = [];
  for (let at = 0; at < 1_000_000; at++) {
    const line = `${at} ${'x'.repeat(1000)}\n`;
    if (!pieces.add(line)) return taken;
    taken.push(line);
  }
  throw new Error('there is no bound');
}

test('lines are handed over whole, in order, with their number', () => {
  const sent: LinePiece[] = [];
  const pieces = new LinePieces(memory, (piece) => sent.push(piece));
  pieces.add('one\n');
  pieces.add(Buffer.from('zwei: grün 绿\n').toString('latin1'));
  assert.equal(sent.length, 0);
  pieces.flush();
  pieces.flush();
  assert.deepEqual(sent.map(textOf), ['one\nzwei: grün 绿\n']);
  assert.equal(sent[0]!.lines, 2);
});

test('when nothing comes back lines are refused, within a bound, until something does', () => {
  const sent: LinePiece[] = [];
  const pieces = new LinePieces(memory, (piece) => sent.push(piece));
  const taken = fill(pieces);
  assert.equal(sent.map(textOf).join(''), taken.join(''));
  const bytes = sent.reduce((sum, { length }) => sum + length, 0);
  assert.ok(bytes <= 2 * 1024 * 1024, `${bytes} bytes`);
  assert.equal(pieces.add('refused\n'), false);

  pieces.giveBack(sent[3]!.index);
  assert.ok(pieces.add('taken again\n'));
  pieces.flush();
  assert.equal(textOf(sent.at(-1)!), 'taken again\n');
  assert.equal(sent.at(-1)!.index, sent[3]!.index, 'in the memory that came back');
});

test('a line larger than a piece is refused, and the next is taken', () => {
  const sent: LinePiece[] = [];
  const pieces = new LinePieces(memory, (piece) => sent.push(piece));
  assert.equal(pieces.add('x'.repeat(600_000)), false);
  assert.ok(pieces.add('small\n'));
});
