import { SERVER_ROWS_MAX } from '../../table/layout.ts';
import { hash32, mix32 } from './hash.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const ipHash = {
  name: 'ip_hash',
  summary:
    "The server that the client's address hashes to; a server that leaves moves only its own clients.",
  key: 'address',
  because: "the client's address hashes to it",
  reads: 'nothing',
  weighted: false,
  create: () => new IpHash(),
} as const satisfies StrategyDefinition;

/**
 * Highest random weight (Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous",
 * 1996): each server draws a number by the key and its own name, the highest takes the client.
 * The clients of a server that leaves spread evenly over the others, all others stay, and every
 * instance agrees, without a table.
 */
class IpHash implements Strategy {
  readonly #hashes = new Uint32Array(SERVER_ROWS_MAX);
  #usable: readonly Candidate[] | undefined;

  pick<S extends Candidate>(open: readonly S[], key: number, usable: readonly S[]): S {
    if (usable !== this.#usable) {
      this.#usable = usable;
      for (const { row, name } of usable) this.#hashes[row] = hash32(name);
    }
    let best = open[0]!;
    let highest = -1;
    for (let at = 0; at < open.length; at++) {
      const drawn = mix32(key ^ this.#hashes[open[at]!.row]!);
      if (drawn > highest) {
        best = open[at]!;
        highest = drawn;
      }
    }
    return best;
  }

  /** It remembers nothing but what follows from the servers. */
  fork(): Strategy {
    return this;
  }
}
