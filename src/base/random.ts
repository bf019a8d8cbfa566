/** A source of randomness: each call gives a number in [0, 1). Passed in, never fetched. */
export type Random = () => number;

/**
 * A small seeded generator (Mulberry32) for simulations and tests: the same seed gives the same
 * numbers on every machine. Not for secrets.
 *
 * @param seed any integer; only its low 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
