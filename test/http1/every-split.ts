import assert from 'node:assert/strict';
import { type Outcome, type ReadOptions, readRequests } from './read-requests.ts';

/** Inputs up to this size are cut at every place; longer ones at places spread over them. */
const CUTS_MAX = 400;

/**
 * Reads the bytes whole, byte by byte, and cut in two at every place, and demands one outcome.
 *
 * A fault may be found later in pieces than in one, as a head in pieces is read again only when a
 * line feed came: then one line feed more has to bring it out.
 *
 * @returns the outcome
 */
export function readAtEverySplit(text: string | Buffer, options: ReadOptions = {}): Outcome {
  const bytes = Buffer.from(text as string, 'latin1');
  const whole = readRequests([bytes], options);
  expectOutcome([bytes], whole, { ...options, behind: 'GET / HTTP/1.1\r\nA: b' });
  expectOutcome(
    Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
    whole,
    options,
  );
  const step = Math.max(1, Math.floor(bytes.length / CUTS_MAX));
  for (let at = 1; at < bytes.length; at += step) {
    expectOutcome([bytes.subarray(0, at), bytes.subarray(at)], whole, options);
  }
  return whole;
}

/** Demands that these pieces are read with that outcome. */
export function expectOutcome(pieces: Buffer[], whole: Outcome, options: ReadOptions = {}): void {
  let outcome = readRequests(pieces, options);
  const isFault = whole.end !== 'between' && whole.end !== 'partial';
  if (isFault && outcome.end === 'partial') {
    outcome = readRequests([...pieces, Buffer.from('\n')], options);
  }
  assert.deepEqual(outcome, whole, `in pieces of ${pieces.map((one) => one.length).join(', ')}`);
}
