import type { Random } from '../../base/random.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const powerOfTwo = {
  name: 'power_of_two',
  summary:
    'The less loaded of two servers drawn at random; nearly as even as least_connections, and ' +
    'balancers that know nothing of each other do not all run to the same server.',
  key: 'none',
  because: 'the less loaded of two drawn at random',
  reads: 'inFlight',
  weighted: false,
  create: (random) => new PowerOfTwo(random),
} as const satisfies StrategyDefinition;

/** Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (1996). */
class PowerOfTwo implements Strategy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick<S extends Candidate>(open: readonly S[]): S {
    const at = Math.floor(this.#random() * open.length);
    const first = open[at]!;
    if (open.length === 1) return first;
    const step = 1 + Math.floor(this.#random() * (open.length - 1));
    const second = open[(at + step) % open.length]!;
    return second.inFlight() < first.inFlight() ? second : first;
  }

  fork(random: Random): Strategy {
    return new PowerOfTwo(random);
  }
}
