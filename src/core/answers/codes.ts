import { FAULTS } from '../http1/faults.ts';
import { FAILURES, type Failure } from './failures.ts';

/** Every code of a failure or fault; its place in the list is what the table counts it by. */
export const CODES: readonly string[] = [...Object.keys(FAILURES), ...Object.keys(FAULTS)];

const INDEX: ReadonlyMap<string, number> = new Map(CODES.map((code, index) => [code, index]));

/** Place of a code in CODES. */
export function codeIndex(code: string): number {
  return INDEX.get(code)!;
}

/** What rate limits refuse by, or would refuse by where they only observe. */
export const LIMIT_CODES = [
  'address_rate_limited',
  'rate_limited',
  'too_many_connections',
] as const satisfies readonly Failure[];
