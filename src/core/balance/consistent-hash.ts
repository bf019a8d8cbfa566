import { mix32 } from './hash.ts';
import { HashRing } from './hash-ring.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const consistentHash = {
  name: 'consistent_hash',
  summary:
    'The server that a header, cookie, path or address hashes to, unless it has more than 1.25 ' +
    'times its share of the requests in flight; fits servers that cache.',
  key: 'configured',
  because: 'the key hashes to it, and it has room below its bound',
  reads: 'inFlight',
  weighted: true,
  create: () => new ConsistentHash(),
} as const satisfies StrategyDefinition;

/** A server takes at most so many times its share of the requests in flight, */
const LOAD_BOUND = 1.25;
/** and one more: where hardly anything is in flight, two requests of one key are no load. */
const SLACK = 1;

/** So often a key looks for a server with room before it goes to the least loaded. */
const JUMPS_MAX = 16;

/** A step between hashes that reaches all of them: 2^32 over the golden ratio, odd. */
const JUMP = 0x9e3779b9;

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2016), but where the
 * paper's overflow walks to the next server on the ring, here it jumps to a place that depends
 * on the key: else what one server cannot take falls on one neighbour whole, and fells it next.
 */
class ConsistentHash implements Strategy {
  #usable: readonly Candidate[] | undefined;
  #ring: HashRing | undefined;
  #weights = 0;

  pick<S extends Candidate>(open: readonly S[], key: number, usable: readonly S[]): S {
    const ring = this.#ringOf(usable);
    let inFlight = 1;
    for (let at = 0; at < usable.length; at++) inFlight += usable[at]!.inFlight();
    const perWeight = (LOAD_BOUND * inFlight) / this.#weights;
    let hash = key;
    for (let jumps = 0; jumps <= JUMPS_MAX; jumps++) {
      const server = usable[ring.ownerOf(mix32(hash))]!;
      const isOpen = open === usable || open.includes(server);
      if (isOpen && server.inFlight() < Math.ceil(perWeight * server.weight) + SLACK) return server;
      hash = (hash + JUMP) | 0;
    }
    return leastLoaded(open);
  }

  /** It remembers nothing but what follows from the servers. */
  fork(): Strategy {
    return this;
  }

  #ringOf(usable: readonly Candidate[]): HashRing {
    if (this.#ring === undefined || usable !== this.#usable) {
      this.#usable = usable;
      this.#ring = new HashRing(usable);
      this.#weights = usable.reduce((sum, server) => sum + server.weight, 0);
    }
    return this.#ring;
  }
}

function leastLoaded<S extends Candidate>(servers: readonly S[]): S {
  let best = servers[0]!;
  for (let at = 1; at < servers.length; at++) {
    const server = servers[at]!;
    if (server.inFlight() * best.weight < best.inFlight() * server.weight) best = server;
  }
  return best;
}
