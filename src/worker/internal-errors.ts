/** An error in this program, as the log has it. */
export interface InternalError {
  readonly stack: string;
  /** Occurrences since the last report. */
  readonly times: number;
}

/**
 * Kinds of errors reported at a time; a client can trigger any number of errors, but only of a few
 * kinds.
 */
const KINDS_MAX = 8;
const STACK_LENGTH_MAX = 4096;

/** This thread's errors until they are reported, each kind once. All are counted elsewhere. */
export class InternalErrors {
  readonly #times = new Map<string, number>();

  add(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const stack = text.slice(0, STACK_LENGTH_MAX);
    const times = this.#times.get(stack);
    if (times !== undefined || this.#times.size < KINDS_MAX)
      this.#times.set(stack, (times ?? 0) + 1);
  }

  /** Those since the last time. */
  take(): InternalError[] {
    const all = [...this.#times].map(([stack, times]) => ({ stack, times }));
    this.#times.clear();
    return all;
  }
}
