/** Lanes that readers add up. */
export class UsedLanes {
  readonly #most: number;
  #used = 0;

  /** @param most lanes that the table has */
  constructor(most: number) {
    this.#most = most;
  }

  /** From the first call on, only lanes up to the highest that was given are read: most never are. */
  use(worker: number): void {
    this.#used = Math.max(this.#used, worker + 1);
  }

  get count(): number {
    return this.#used === 0 ? this.#most : this.#used;
  }
}
