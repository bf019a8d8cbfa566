import { hash32, mix32 } from './hash.ts';

/** Points of a server on the ring for each unit of its weight, as Ketama and nginx have them. */
const POINTS_PER_WEIGHT = 160;

/**
 * Most points of one ring (give or take one a server). Where the weights ask for more, each unit
 * of weight gets fewer, and at least each server one. A server's points are the first of one
 * endless row, so a smaller share takes points off and moves none; but a change of the set then
 * moves up to about twice the keys that it must.
 */
export const RING_POINTS_MAX = 32_768;

interface Placed {
  readonly name: string;
  readonly weight: number;
}

/** A consistent hash: keys and servers lie on one circle, a key belongs to the next server. */
export class HashRing {
  /** In rising order. */
  readonly #points: Uint32Array;
  /** The index of the server that a point belongs to. */
  readonly #owners: Uint16Array;

  /** @param servers at least one, at most 4096 */
  constructor(servers: readonly Placed[]) {
    const weights = servers.reduce((sum, server) => sum + server.weight, 0);
    const perWeight = Math.min(POINTS_PER_WEIGHT, RING_POINTS_MAX / weights);
    const countOf = ({ weight }: Placed) => Math.max(1, Math.round(weight * perWeight));
    const total = servers.reduce((sum, server) => sum + countOf(server), 0);
    const points = new Uint32Array(total);
    const owners = new Uint16Array(total);
    let at = 0;
    for (const [index, server] of servers.entries()) {
      const seed = hash32(server.name);
      const count = countOf(server);
      for (let i = 1; i <= count; i++) {
        points[at] = mix32(seed ^ mix32(i));
        owners[at++] = index;
      }
    }
    [this.#points, this.#owners] = sorted(points, owners);
  }

  /**
   * @param hash 32 bits, spread evenly (see mix32)
   * @returns the index, in the array the ring was made of, of the server the hash belongs to
   */
  ownerOf(hash: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return this.#owners[low === points.length ? 0 : low]!;
  }
}

interface Sorted {
  points: Uint32Array;
  owners: Uint16Array;
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * Points in rising order with their owners, equal ones by owner. Digit by digit, from the lowest:
 * a ring is made between two requests, and a comparing sort of it takes ten milliseconds.
 */
function sorted(points: Uint32Array, owners: Uint16Array): [Uint32Array, Uint16Array] {
  let from: Sorted = { points, owners };
  let into: Sorted = { points: points.slice(), owners: owners.slice() };
  const starts = new Uint32Array(DIGITS + 1);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    starts.fill(0);
    for (const point of from.points) starts[((point >>> shift) & (DIGITS - 1)) + 1]! += 1;
    for (let digit = 1; digit < DIGITS; digit++) starts[digit]! += starts[digit - 1]!;
    for (let at = 0; at < from.points.length; at++) {
      const point = from.points[at]!;
      const to = starts[(point >>> shift) & (DIGITS - 1)]!++;
      into.points[to] = point;
      into.owners[to] = from.owners[at]!;
    }
    [from, into] = [into, from];
  }
  return [from.points, from.owners];
}
