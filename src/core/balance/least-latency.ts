import type { Random } from '../../base/random.ts';
import type { Candidate, Strategy, StrategyDefinition } from './strategy.ts';

export const leastLatency = {
  name: 'least_latency',
  summary:
    'The server with the smallest recent time to first byte, times its requests in flight and ' +
    'one; fits servers at unequal distances or of unequal speed.',
  key: 'none',
  because: 'the lowest latency times requests in flight plus one',
  reads: 'latency',
  weighted: false,
  create: (random) => new LeastLatency(random),
} as const satisfies StrategyDefinition;

/**
 * The load of Finagle's p2c-peak-ewma, over all servers: the in-flight factor keeps a fast server
 * from being run over before its latency shows it. A server never measured counts as fast as the
 * mean of the others: at zero, all requests would go to it at once.
 */
class LeastLatency implements Strategy {
  #last: number;

  constructor(random: Random) {
    this.#last = Math.floor(random() * 0x10000);
  }

  pick<S extends Candidate>(open: readonly S[]): S {
    const unknownUs = meanLatencyUs(open);
    let at = this.#last % open.length;
    let best = at;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let seen = 0; seen < open.length; seen++) {
      at = at + 1 === open.length ? 0 : at + 1;
      const server = open[at]!;
      const cost = (server.latencyUs() || unknownUs) * (server.inFlight() + 1);
      if (cost < bestCost) {
        best = at;
        bestCost = cost;
      }
    }
    this.#last = best;
    return open[best]!;
  }

  fork(random: Random): Strategy {
    const copy = new LeastLatency(random);
    copy.#last = this.#last;
    return copy;
  }
}

/** Of the servers whose latency is known; 1 when none is. */
function meanLatencyUs(servers: readonly Candidate[]): number {
  let sum = 0;
  let known = 0;
  for (let at = 0; at < servers.length; at++) {
    const latencyUs = servers[at]!.latencyUs();
    if (latencyUs === 0) continue;
    sum += latencyUs;
    known += 1;
  }
  return known === 0 ? 1 : sum / known;
}
