import { Successor } from './handover.ts';
import type { Instance } from './instance.ts';

/** A successor whose data threads accept, and what it was asked for with. */
export interface Handover {
  readonly successor: Successor;
  /** How long what is under way here may go on. */
  readonly withinMs: number;
}

/** Starts successors, one at a time, and hands them to whoever runs the instance. */
export class Upgrade {
  readonly #instance: Instance;
  #isUnderWay = false;
  #next = Promise.withResolvers<Handover>();
  readonly #cancelled = new AbortController();

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  /** Resolves with the next successor that is ready to take over. */
  get next(): Promise<Handover> {
    return this.#next.promise;
  }

  /**
   * Starts a successor.
   *
   * @param withinMs how long what is under way here may go on
   * @returns its process id, once its data threads accept
   * @throws Error that says why it did not start; nothing has changed
   */
  async begin(withinMs: number): Promise<number> {
    if (this.#cancelled.signal.aborted) throw new Error('this instance is shutting down');
    if (this.#isUnderWay) throw new Error('an upgrade is already in progress');
    this.#isUnderWay = true;
    try {
      const successor = await Successor.start(
        await this.#instance.inheritance(),
        this.#cancelled.signal,
      );
      this.#next.resolve({ successor, withinMs });
      return successor.pid;
    } catch (error) {
      this.#isUnderWay = false;
      throw error;
    }
  }

  /** This instance ends: a successor that has not taken over yet ends as well. */
  cancel(): void {
    this.#cancelled.abort();
  }

  /** The successor failed after all: there may be another. */
  failed(): void {
    this.#isUnderWay = false;
    this.#next = Promise.withResolvers();
  }
}
