import { type Decision, isNotable, NotableDecisions } from './decision.ts';
import { DecisionLog } from './decision-log.ts';

/** One worker's memory of finished requests. */
export class Decisions {
  readonly #notable = new NotableDecisions();
  readonly #ordinary = new DecisionLog();

  /** Keeps the decision of a finished request. @returns one that may be reused */
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
