import type { Random } from '../../base/random.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const leastConnections = {
  name: 'least_connections',
  summary:
    'The server with the fewest requests in flight for its weight, over all workers; fits ' +
    'requests of unequal cost.',
  key: 'none',
  because: 'the fewest requests in flight for its weight, in turn if equal',
  reads: 'inFlight',
  weighted: true,
  create: (random) => new LeastConnections(random),
} as const satisfies StrategyDefinition;

/** Of servers equally loaded, the one whose last turn is longest past: the scan starts behind it. */
class LeastConnections implements Strategy {
  #last: number;

  constructor(random: Random) {
    this.#last = Math.floor(random() * 0x10000);
  }

  pick<S extends Candidate>(open: readonly S[]): S {
    let at = (this.#last + 1) % open.length;
    let best = at;
    let bestInFlight = open[at]!.inFlight();
    for (let seen = 1; seen < open.length; seen++) {
      at = at + 1 === open.length ? 0 : at + 1;
      const inFlight = open[at]!.inFlight();
      if (inFlight * open[best]!.weight < bestInFlight * open[at]!.weight) {
        best = at;
        bestInFlight = inFlight;
      }
    }
    this.#last = best;
    return open[best]!;
  }

  fork(random: Random): Strategy {
    const copy = new LeastConnections(random);
    copy.#last = this.#last;
    return copy;
  }
}
