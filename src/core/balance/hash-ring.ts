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
    const placed: number[] = [];
    for (const [index, { name, weight }] of servers.entries()) {
      const seed = hash32(name);
      const count = Math.max(1, Math.round(weight * perWeight));
      // A point and its owner in one number: 32 bits and 12, of the 53 there are.
      for (let i = 1; i <= count; i++) placed.push(mix32(seed ^ mix32(i)) * OWNERS + index);
    }
    const sorted = Float64Array.from(placed).sort();
    this.#points = Uint32Array.from(sorted, (point) => Math.floor(point / OWNERS));
    this.#owners = Uint16Array.from(sorted, (point) => point % OWNERS);
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

const OWNERS = 4096;
