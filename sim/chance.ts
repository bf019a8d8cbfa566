import { type Random, seededRandom } from '../src/base/random.ts';

/** Seeded decisions. Everyone in the simulation has a source of their own, forked from the seed. */
export class Chance {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  fork(): Chance {
    return new Chance(Math.floor(this.random() * 2 ** 32));
  }

  /** Whether something of that probability happens. */
  happens(probability: number): boolean {
    return this.random() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  /** A number within a range, fractions included. */
  within([least, most]: Range): number {
    return least + this.random() * (most - least);
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  /** Mostly small, seldom up to `most`: as sizes of bodies are. */
  size(most: number): number {
    const scale = this.random();
    return Math.floor(most * scale ** 6 * this.random()) + (this.happens(0.8) ? 1 : 0);
  }
}

export type Range = readonly [least: number, most: number];
