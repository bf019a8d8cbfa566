import dns from 'node:dns';
import type { Clock } from '../core/exchange/engine.ts';

/** How long looked-up addresses are used before they are looked up again, in the background. */
const REFRESH_MS = 10_000;
/** Names that nobody asked for in this time are forgotten. */
const FORGET_MS = 600_000;
const NAMES_MAX = 4096;

type Waiter = (addresses: readonly string[], error: NodeJS.ErrnoException | null) => void;
export type Lookup = (host: string, done: Waiter) => void;

interface Entry {
  addresses: readonly string[];
  next: number;
  lookedUpMs: number;
  askedMs: number;
  waiters: Waiter[] | null;
}

/**
 * Addresses of server names. Every address is used in turn; a name is looked up again while it
 * is in use, and where that fails the old addresses go on being used.
 */
export class Resolver {
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, lookup: Lookup = systemLookup) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /** Calls back with all addresses, the one whose turn it is first; at once where known. */
  resolve(host: string, done: Waiter): void {
    const nowMs = this.#clock.nowMs();
    let entry = this.#entries.get(host);
    if (entry === undefined) {
      this.#forgetUnused(nowMs);
      entry = { addresses: [], next: 0, lookedUpMs: -REFRESH_MS, askedMs: nowMs, waiters: null };
      this.#entries.set(host, entry);
    }
    entry.askedMs = nowMs;
    const isStale = nowMs - entry.lookedUpMs >= REFRESH_MS;
    if (entry.addresses.length === 0) {
      if (entry.waiters !== null) entry.waiters.push(done);
      else this.#refresh(host, entry, [done]);
      return;
    }
    if (isStale && entry.waiters === null) this.#refresh(host, entry, []);
    done(inTurn(entry), null);
  }

  #refresh(host: string, entry: Entry, waiters: Waiter[]): void {
    entry.waiters = waiters;
    entry.lookedUpMs = this.#clock.nowMs();
    this.#lookup(host, (addresses, error) => {
      if (addresses.length > 0) entry.addresses = addresses;
      const waiting = entry.waiters ?? [];
      entry.waiters = null;
      for (const done of waiting) {
        if (entry.addresses.length > 0) done(inTurn(entry), null);
        else done([], error);
      }
    });
  }

  #forgetUnused(nowMs: number): void {
    if (this.#entries.size < NAMES_MAX) return;
    for (const [host, entry] of this.#entries) {
      if (nowMs - entry.askedMs > FORGET_MS && entry.waiters === null) this.#entries.delete(host);
    }
  }
}

function inTurn(entry: Entry): readonly string[] {
  const { addresses } = entry;
  if (addresses.length === 1) return addresses;
  const first = entry.next++ % addresses.length;
  return [...addresses.slice(first), ...addresses.slice(0, first)];
}

/** The system's resolver, which knows /etc/hosts and the search list. */
function systemLookup(host: string, done: Waiter): void {
  dns.lookup(host, { all: true }, (error, found) => {
    done(error === null ? found.map((one) => one.address) : [], error);
  });
}
