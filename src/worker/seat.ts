import type { ClientSource } from '../core/limits/client-source.ts';
import type { WorkerContext } from '../core/ports/worker-context.ts';
import { type SourceCounts, UNCOUNTED } from '../table/source-counts.ts';

/** A connection's place in its source's count, held from its first moment to its last. */
export class Seat {
  /** Connections that the source had with this one; 0: not known. */
  readonly open: number;
  readonly #counts: SourceCounts;
  readonly #lane: number;
  #entry: number;

  constructor({ table, lane }: WorkerContext, { place, tag }: ClientSource) {
    this.#counts = table.sourceCounts;
    this.#lane = lane;
    this.#entry = this.#counts.enter(place, tag, lane);
    this.open = this.#counts.entered;
  }

  /** Counts the connection out; only the first call counts. */
  leave(): void {
    if (this.#entry === UNCOUNTED) return;
    this.#counts.leave(this.#entry, this.#lane);
    this.#entry = UNCOUNTED;
  }
}
