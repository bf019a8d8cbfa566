import type { ClientCount } from '../../worker/busiest-clients.ts';

/** A client's requests across all data threads. */
export interface ClientStats {
  readonly address: string;
  readonly requests: number;
  readonly errors: number;
  readonly bytes: number;
  /** Of the last seconds. */
  readonly requestsPerSecond: number;
}

/** How much of a rate is the last second's: the rest is what it was. */
const NEWEST_SHARE = 0.3;
/** A rate that has faded to this is none. */
const RATE_MIN = 0.01;

/** The busiest clients of all data threads, each of which reports its own about once a second. */
export class ClientBoard {
  readonly #lanes = new Map<number, readonly ClientCount[]>();
  #rates = new Map<string, number>();
  #before = new Map<string, number>();
  #lastMs = 0;

  /** A data thread's report; replaces its last one. A thread that is gone reports none. */
  tell(lane: number, clients: readonly ClientCount[]): void {
    if (clients.length === 0) this.#lanes.delete(lane);
    else this.#lanes.set(lane, clients);
  }

  /** Brings the rates up to date; called about once a second. @param nowMs milliseconds */
  tick(nowMs: number): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    if (seconds <= 0) return;
    const totals = this.#totals();
    const rates = new Map<string, number>();
    for (const { address, requests } of totals.values()) {
      const before = this.#before.get(address);
      // Who was not there a moment ago may have been forgotten for a while: his count says nothing.
      const since = before === undefined ? 0 : Math.max(0, requests - before) / seconds;
      const old = this.#rates.get(address) ?? since;
      const rate = old + (since - old) * NEWEST_SHARE;
      if (rate >= RATE_MIN) rates.set(address, rate);
    }
    this.#rates = rates;
    this.#before = new Map([...totals.values()].map((one) => [one.address, one.requests]));
  }

  /** The busiest since the start, the busiest first. */
  top(count: number): ClientStats[] {
    return this.#stats()
      .sort((a, b) => b.requests - a.requests)
      .slice(0, count);
  }

  /** The busiest now, the busiest first. */
  topNow(count: number): ClientStats[] {
    return this.#stats()
      .filter((one) => one.requestsPerSecond > 0)
      .sort((a, b) => b.requestsPerSecond - a.requestsPerSecond)
      .slice(0, count);
  }

  #stats(): ClientStats[] {
    return [...this.#totals().values()].map((one) => ({
      ...one,
      requestsPerSecond: this.#rates.get(one.address) ?? 0,
    }));
  }

  #totals(): Map<string, ClientCount> {
    const totals = new Map<string, ClientCount>();
    for (const clients of this.#lanes.values()) {
      for (const { address, requests, errors, bytes } of clients) {
        const total = totals.get(address);
        if (total === undefined) totals.set(address, { address, requests, errors, bytes });
        else {
          total.requests += requests;
          total.errors += errors;
          total.bytes += bytes;
        }
      }
    }
    return totals;
  }
}
