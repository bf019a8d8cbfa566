import { isNotable, NotableTraces, type Trace } from './decision.ts';
import { TraceLog } from './decision-log.ts';

/** What one worker remembers of the requests that are over. */
export class Traces {
  readonly #notable = new NotableTraces();
  readonly #ordinary = new TraceLog();

  /** Takes a trace of a request that is over. @returns one that may be written over */
  keep(trace: Trace, requestText: string): Trace {
    if (isNotable(trace)) return this.#notable.keep(trace, requestText);
    this.#ordinary.write(trace);
    return trace;
  }

  /** @param requestNumber 0: it is known by the id that the client brought */
  find(requestNumber: number, broughtId: string): Trace | undefined {
    return (
      this.#notable.find(requestNumber, broughtId) ?? this.#ordinary.find(requestNumber, broughtId)
    );
  }
}
