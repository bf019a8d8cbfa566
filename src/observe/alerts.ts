/**
 * When an alert begins and when it ends. Pure: it is told which conditions hold, and gives back
 * the messages that are due: one when an alert begins, one when it ends, none between.
 */

/** Alerts by threshold and by event; the names stand in the configuration. */
export const ALERT_NAMES = [
  'high_traffic',
  'high_error_rate',
  'high_latency',
  'server_down',
  'breaker_open',
  'no_servers',
  'certificate_expiry',
  'reload_failed',
] as const;
export type AlertName = (typeof ALERT_NAMES)[number];

/** Something that may be wrong, as it stands now. */
export interface Condition {
  readonly name: AlertName;
  /** The server, pool or file it is about; empty: the whole instance. */
  readonly subject: string;
  readonly holds: boolean;
  /** How much there is, and against which threshold, for people: "7.2% of 5xx, threshold 5%". */
  readonly measured: string;
  /** Servers that stand out, each with what stands out. */
  readonly outliers: readonly string[];
}

export interface AlertMessage {
  readonly phase: 'begin' | 'end';
  readonly name: AlertName;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly sinceMs: number;
  readonly measured: string;
  readonly outliers: readonly string[];
}

export interface ActiveAlert {
  readonly name: AlertName;
  readonly subject: string;
  readonly sinceMs: number;
  readonly measured: string;
  readonly outliers: readonly string[];
  /** Its message has gone out; false while it is silenced. */
  readonly isAnnounced: boolean;
}

export interface AlertTimes {
  /** How long a threshold must be passed before the alert begins; events begin at once. */
  readonly forMs: number;
  /** How long after its end the same alert stays quiet. */
  readonly cooldownMs: number;
}

/** Most alerts that are followed at one time; beyond them new ones wait for an end. */
const ALERTS_MAX = 5000;

const WAITS: ReadonlySet<AlertName> = new Set(['high_traffic', 'high_error_rate', 'high_latency']);

interface State {
  condition: Condition;
  /** Since when the condition holds; null: it does not. */
  heldSinceMs: number | null;
  hasBegun: boolean;
  isAnnounced: boolean;
  endedMs: number;
}

export class AlertEngine {
  readonly #times: AlertTimes;
  readonly #states = new Map<string, State>();
  #silentUntilMs = 0;

  constructor(times: AlertTimes) {
    this.#times = times;
  }

  /** No message until then; what still holds is announced after it. 0 ends the silence. */
  silence(untilMs: number): void {
    this.#silentUntilMs = untilMs;
  }

  get silentUntilMs(): number {
    return this.#silentUntilMs;
  }

  /** Alerts that have begun and not ended, the oldest first. */
  active(): ActiveAlert[] {
    return [...this.#states.values()]
      .filter((state) => state.hasBegun)
      .map(({ condition, heldSinceMs, isAnnounced }) => {
        const { name, subject, measured, outliers } = condition;
        return { name, subject, sinceMs: heldSinceMs!, measured, outliers, isAnnounced };
      })
      .sort((a, b) => a.sinceMs - b.sinceMs);
  }

  /**
   * Looks at all conditions as they are now. One that is not named any more (its server was
   * removed) does not hold.
   */
  judge(conditions: readonly Condition[], nowMs: number): AlertMessage[] {
    const messages: AlertMessage[] = [];
    const isSilent = nowMs < this.#silentUntilMs;
    const seen = new Set<string>();
    for (const condition of conditions) {
      const key = `${condition.name} ${condition.subject}`;
      seen.add(key);
      if (!condition.holds && !this.#states.has(key)) continue;
      if (this.#states.size >= ALERTS_MAX && !this.#states.has(key)) continue;
      const state = this.#stateOf(key, condition);
      state.condition = condition;
      if (condition.holds) this.#hold(state, nowMs);
      else this.#release(state, nowMs, messages);
    }
    for (const [key, state] of this.#states) {
      if (!seen.has(key)) this.#release(state, nowMs, messages);
      if (state.hasBegun && !state.isAnnounced && !isSilent) {
        state.isAnnounced = true;
        messages.push(messageOf('begin', state, nowMs));
      }
      const isForgotten = nowMs - state.endedMs >= this.#times.cooldownMs;
      if (state.heldSinceMs === null && isForgotten) this.#states.delete(key);
    }
    return messages;
  }

  #stateOf(key: string, condition: Condition): State {
    let state = this.#states.get(key);
    if (state === undefined) {
      state = {
        condition,
        heldSinceMs: null,
        hasBegun: false,
        isAnnounced: false,
        endedMs: Number.NEGATIVE_INFINITY,
      };
      this.#states.set(key, state);
    }
    return state;
  }

  #hold(state: State, nowMs: number): void {
    state.heldSinceMs ??= nowMs;
    if (state.hasBegun) return;
    const forMs = WAITS.has(state.condition.name) ? this.#times.forMs : 0;
    state.hasBegun =
      nowMs - state.heldSinceMs >= forMs && nowMs - state.endedMs >= this.#times.cooldownMs;
  }

  /** An end is told even in a silence when its begin was: nobody should go on looking for it. */
  #release(state: State, nowMs: number, messages: AlertMessage[]): void {
    if (state.hasBegun) {
      if (state.isAnnounced) messages.push(messageOf('end', state, nowMs));
      state.endedMs = nowMs;
    }
    state.heldSinceMs = null;
    state.hasBegun = false;
    state.isAnnounced = false;
  }
}

function messageOf(phase: AlertMessage['phase'], state: State, nowMs: number): AlertMessage {
  const { name, subject, measured, outliers } = state.condition;
  return { phase, name, subject, atMs: nowMs, sinceMs: state.heldSinceMs!, measured, outliers };
}
