import dns from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.ts';

/** How long looked-up addresses are used before they are looked up again, in the background. */
const REFRESH_MS = 10_000;
/** How long they are used while every lookup fails (RFC 8767 §5 has one to three days). */
const STALE_MS_MAX = 24 * 3_600_000;
/** Lookups by `renew` under way at a time: names beyond are looked up less often. */
const RENEWALS_MAX = 16;
/** Names that nobody asked for in this time are forgotten. */
const FORGET_MS = 600_000;
const NAMES_MAX = 4096;
/** Who asks for a name while its first lookup goes on and so many wait already is refused. */
const WAITERS_MAX = 4096;
/** How long an address that refused a connection, or was silent, is tried after the others. */
const AVOID_MS = 30_000;
const AVOIDED_MAX = 4096;

type Waiter = (addresses: readonly string[], error: NodeJS.ErrnoException | null) => void;
export type Lookup = (host: string, done: Waiter) => void;

interface Entry {
  addresses: readonly string[];
  /** Goes up when the addresses are others. */
  version: number;
  next: number;
  lookedUpMs: number;
  /** When a lookup succeeded last. */
  knownMs: number;
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
  /** Addresses with their port that failed lately, and until when that counts; the oldest first. */
  #renewals = 0;
  readonly #avoided = new Map<string, number>();

  constructor(clock: Clock, lookup: Lookup = systemLookup) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /**
   * Calls back with all addresses, the one whose turn it is first and the families by turns (RFC
   * 8305 §4); at once where known.
   */
  resolve(host: string, done: Waiter): void {
    const nowMs = this.#clock.nowMs();
    const entry = this.#entryOf(host, nowMs);
    if (entry.addresses.length === 0) {
      if (entry.waiters === null) this.#refresh(host, entry, [done]);
      else if (entry.waiters.length < WAITERS_MAX) entry.waiters.push(done);
      else done([], tooManyWait(host));
      return;
    }
    if (isStale(entry, nowMs)) this.#refresh(host, entry, []);
    done(inTurn(entry), null);
  }

  /**
   * Looks a name up anew where it is time, in the background.
   *
   * @returns a number that is another one when the addresses are
   */
  renew(host: string): number {
    const nowMs = this.#clock.nowMs();
    const entry = this.#entryOf(host, nowMs);
    if (isStale(entry, nowMs) && this.#renewals < RENEWALS_MAX) {
      this.#renewals += 1;
      const isOver = () => {
        this.#renewals -= 1;
      };
      this.#refresh(host, entry, [isOver]);
    }
    return entry.version;
  }

  /** Whether a name has an address, as far as is known. */
  has(host: string, address: string): boolean {
    const addresses = this.#entries.get(host)?.addresses ?? [];
    return addresses.length === 0 || addresses.includes(address);
  }

  #entryOf(host: string, nowMs: number): Entry {
    let entry = this.#entries.get(host);
    if (entry === undefined) {
      this.#forgetUnused(nowMs);
      entry = {
        addresses: [],
        version: 0,
        next: 0,
        lookedUpMs: -REFRESH_MS,
        knownMs: nowMs,
        askedMs: nowMs,
        waiters: null,
      };
      this.#entries.set(host, entry);
    }
    entry.askedMs = nowMs;
    return entry;
  }

  /** A connection to an address was refused, broke off before it was open, or nobody answered. */
  failed(address: string, port: number): void {
    const key = `${address} ${port}`;
    this.#avoided.delete(key);
    this.#avoided.set(key, this.#clock.nowMs() + AVOID_MS);
    if (this.#avoided.size > AVOIDED_MAX) {
      this.#avoided.delete(this.#avoided.keys().next().value!);
    }
  }

  worked(address: string, port: number): void {
    if (this.#avoided.size > 0) this.#avoided.delete(`${address} ${port}`);
  }

  /** The addresses in their order, those that failed lately at the end. */
  lateFailuresLast(addresses: readonly string[], port: number): readonly string[] {
    if (this.#avoided.size === 0 || addresses.length === 1) return addresses;
    const nowMs = this.#clock.nowMs();
    const isAvoided = (one: string) => (this.#avoided.get(`${one} ${port}`) ?? 0) > nowMs;
    return [
      ...addresses.filter((one) => !isAvoided(one)),
      ...addresses.filter((one) => isAvoided(one)),
    ];
  }

  #refresh(host: string, entry: Entry, waiters: Waiter[]): void {
    entry.waiters = waiters;
    entry.lookedUpMs = this.#clock.nowMs();
    this.#lookup(host, (addresses, error) => {
      const nowMs = this.#clock.nowMs();
      if (addresses.length > 0) {
        if (!isSameSet(entry.addresses, addresses)) entry.version += 1;
        entry.addresses = familiesByTurns(addresses);
        entry.knownMs = nowMs;
      } else if (nowMs - entry.knownMs > STALE_MS_MAX) entry.addresses = [];
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

function tooManyWait(host: string): NodeJS.ErrnoException {
  const error = new Error(`${WAITERS_MAX} connections are waiting for the address of ${host}`);
  return Object.assign(error, { code: 'EAI_AGAIN' });
}

function isStale(entry: Entry, nowMs: number): boolean {
  return entry.waiters === null && nowMs - entry.lookedUpMs >= REFRESH_MS;
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one) => others.includes(one));
}

function inTurn(entry: Entry): readonly string[] {
  const { addresses } = entry;
  if (addresses.length === 1) return addresses;
  const first = entry.next++ % addresses.length;
  return [...addresses.slice(first), ...addresses.slice(0, first)];
}

/** IPv6 and IPv4 alternate, in the order of the lookup, so that a family that is cut off costs little. */
function familiesByTurns(addresses: readonly string[]): readonly string[] {
  const [first, second] = [0, 1].map((which) =>
    addresses.filter((one) => (isIP(one) === isIP(addresses[0]!)) === (which === 0)),
  ) as [string[], string[]];
  const mixed: string[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at++) {
    mixed.push(...first.slice(at, at + 1), ...second.slice(at, at + 1));
  }
  return mixed;
}

/** The system's resolver, which knows /etc/hosts and the search list. */
function systemLookup(host: string, done: Waiter): void {
  dns.lookup(host, { all: true }, (error, found) => {
    done(error === null ? found.map((one) => one.address) : [], error);
  });
}
