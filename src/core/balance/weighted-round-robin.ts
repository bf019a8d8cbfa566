import type { Random } from '../../base/random.ts';
import { SERVER_ROWS_MAX } from '../../table/layout.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const weightedRoundRobin = {
  name: 'weighted_round_robin',
  summary: 'Turns in proportion to the weights, interleaved; fits servers of unequal size.',
  key: 'none',
  because: 'its turn, by weight',
  reads: 'nothing',
  weighted: true,
  create: (random) => new WeightedRoundRobin(random),
} as const satisfies StrategyDefinition;

/** So many picks are made at most before the first, so that workers start out of step. */
const HEAD_START_PICKS_MAX = 64;

/**
 * The smooth algorithm of nginx: each pick adds every server's weight to its current value,
 * takes the server with the largest, and takes the total of the weights off that one.
 *
 * Values are kept by row, so that a server that leaves and comes back goes on where it was. In a
 * set that stays, each lies between plus and minus the total; what it became in other sets is
 * cut to that when the set changes, or a server could come back to a long burst.
 */
class WeightedRoundRobin implements Strategy {
  readonly #current = new Int32Array(SERVER_ROWS_MAX);
  #usable: readonly Candidate[] | undefined;
  #headStart: number;

  constructor(random: Random) {
    this.#headStart = random();
  }

  pick<S extends Candidate>(open: readonly S[], _key: number, usable: readonly S[]): S {
    if (usable !== this.#usable) this.#take(usable);
    return this.#next(open);
  }

  fork(random: Random): Strategy {
    const copy = new WeightedRoundRobin(random);
    copy.#current.set(this.#current);
    copy.#usable = this.#usable;
    copy.#headStart = this.#headStart;
    return copy;
  }

  #next<S extends Candidate>(open: readonly S[]): S {
    let best = open[0]!;
    let bestValue = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let at = 0; at < open.length; at++) {
      const server = open[at]!;
      const value = this.#current[server.row]! + server.weight;
      this.#current[server.row] = value;
      total += server.weight;
      if (value > bestValue) {
        best = server;
        bestValue = value;
      }
    }
    this.#current[best.row]! -= total;
    return best;
  }

  #take(usable: readonly Candidate[]): void {
    this.#usable = usable;
    const total = usable.reduce((sum, server) => sum + server.weight, 0);
    for (const { row } of usable) {
      this.#current[row] = Math.max(-total, Math.min(this.#current[row]!, total));
    }
    const headStart = Math.floor(this.#headStart * Math.min(total, HEAD_START_PICKS_MAX));
    this.#headStart = 0;
    for (let made = 0; made < headStart; made++) this.#next(usable);
  }
}
