import { isDeepStrictEqual } from 'node:util';
import type { Settings } from './schema.ts';

/** Whether these settings differ in the servers of the pool, and in nothing else. */
export function differInServersAlone(before: Settings, after: Settings): boolean {
  return !isDeepStrictEqual(before, after) && isDeepStrictEqual(rest(before), rest(after));
}

function rest({ load_balancing, ...others }: Settings): object {
  const { servers: _servers, weights: _weights, ...balancing } = load_balancing;
  return { ...others, ...balancing };
}
