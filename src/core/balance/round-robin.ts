import type { Random } from '../../base/random.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const roundRobin = {
  name: 'round_robin',
  summary: 'Equal turns for all servers; fits servers of one size and requests of one cost.',
  key: 'none',
  because: 'its turn',
  reads: 'nothing',
  weighted: false,
  create: (random) => new RoundRobin(random),
} as const satisfies StrategyDefinition;

/**
 * Each worker has turns of its own and starts somewhere else, so that a few requests do not all
 * meet the first server.
 *
 * Requests for which some servers are closed (retries, mostly) have turns of their own: if they
 * used up those of the others, the server after a failing one would lose its turns to the
 * retries.
 */
class RoundRobin implements Strategy {
  #turn: number;
  #turnOfSome: number;

  constructor(random: Random) {
    this.#turn = Math.floor(random() * 0x10000);
    this.#turnOfSome = Math.floor(random() * 0x10000);
  }

  pick<S extends Candidate>(open: readonly S[], _key: number, usable: readonly S[]): S {
    if (open !== usable) {
      this.#turnOfSome = (this.#turnOfSome + 1) % open.length;
      return open[this.#turnOfSome]!;
    }
    this.#turn = (this.#turn + 1) % usable.length;
    return usable[this.#turn]!;
  }

  fork(random: Random): Strategy {
    const copy = new RoundRobin(random);
    copy.#turn = this.#turn;
    copy.#turnOfSome = this.#turnOfSome;
    return copy;
  }
}
