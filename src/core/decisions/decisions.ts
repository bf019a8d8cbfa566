import { type Decision, isNotable, NotableDecisions } from './decision.ts';
import { DecisionLog } from './decision-log.ts';

/** What one worker remembers of the requests that are over. */
export class Decisions {
  readonly #notable = new NotableDecisions();
  readonly #ordinary = new DecisionLog();

  /** Takes a decision of a request that is over. @returns one that may be written over */
  keep(decision: Decision, requestText: string): Decision {
    if (isNotable(decision)) return this.#notable.keep(decision, requestText);
    this.#ordinary.write(decision);
    return decision;
  }

  /** @param requestNumber 0: it is known by the id that the client brought */
  find(requestNumber: number, broughtId: string): Decision | undefined {
    return (
      this.#notable.find(requestNumber, broughtId) ?? this.#ordinary.find(requestNumber, broughtId)
    );
  }
}
