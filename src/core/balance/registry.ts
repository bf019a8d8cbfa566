import type { Random } from '../../base/random.ts';
import { consistentHash } from './consistent-hash.ts';
import { ipHash } from './ip-hash.ts';
import { leastConnections } from './least-connections.ts';
import { leastLatency } from './least-latency.ts';
import { powerOfTwo } from './power-of-two.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';
import type { Strategy, StrategyDefinition } from './strategy.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** All strategies, in the order in which they are told to the operator. */
export const strategies = [
  roundRobin,
  weightedRoundRobin,
  leastConnections,
  random,
  ipHash,
  powerOfTwo,
  leastLatency,
  consistentHash,
] as const satisfies readonly StrategyDefinition[];

export type StrategyName = (typeof strategies)[number]['name'];

export const strategyNames: readonly StrategyName[] = strategies.map((strategy) => strategy.name);

/** @throws RangeError when there is no such strategy; it names those there are */
export function strategyDefinition(name: string): StrategyDefinition {
  const found = strategies.find((strategy) => strategy.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`no strategy "${name}"; there are ${strategyNames.join(', ')}`);
}

/** A strategy for one pool and one worker. */
export function createStrategy(name: StrategyName, random: Random): Strategy {
  return strategyDefinition(name).create(random);
}
