import type { Random } from '../../base/random.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const random = {
  name: 'random',
  summary:
    'Any server with equal probability; needs no state and fits many balancers side by side.',
  key: 'none',
  because: 'drawn at random',
  reads: 'nothing',
  weighted: false,
  create: (source) => new Uniform(source),
} as const satisfies StrategyDefinition;

class Uniform implements Strategy {
  readonly #random: Random;

  constructor(source: Random) {
    this.#random = source;
  }

  pick<S extends Candidate>(open: readonly S[]): S {
    return open[Math.floor(this.#random() * open.length)]!;
  }

  fork(source: Random): Strategy {
    return new Uniform(source);
  }
}
