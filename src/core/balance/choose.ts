import type { Random } from '../../base/random.ts';
import { BREAKER } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';
import { mix32 } from './hash.ts';
import { type ServerVerdict, type Standing, standingOf, VERDICT } from './server-verdict.ts';
import { baseOf, type Situation, verdictIn } from './situation.ts';
import type { Candidate, Strategy } from './strategy.ts';
import type { TriedSet } from './tried-set.ts';

/** A server as a pool has it. */
export interface PoolServer extends Candidate {
  /** Serves only while no primary is usable. */
  readonly backup: boolean;
  /** Maximum requests in flight, across all workers; 0: no limit. */
  readonly maxInFlight: number;
  /** Brings `weight` up to date with the table. */
  readWeight(): void;
  /** Whether `claimTrial` would claim one. */
  hasFreeTrial(): boolean;
  /** Claims the one trial that a half-open breaker lets through: its token, or 0. */
  claimTrial(): number;
}

export interface ChooserOptions<S extends PoolServer> {
  /** In configuration order. */
  readonly servers: readonly S[];
  /** The pool's own instance; it may outlive the chooser. */
  readonly strategy: Strategy;
  readonly table: SharedTable;
  /** The pool's row in the table. */
  readonly poolRow: number;
  readonly random: Random;
  /**
   * Percent, 0 to 100. When a smaller share of the servers is up, all are used whatever their
   * health, for a few servers would only fall under the load of all. 0: never.
   */
  readonly panicThresholdPercent: number;
}

/** Why no server was chosen. */
export const WHY_NONE = {
  /** No server of the pool is usable. */
  noneUsable: 1,
  /** The request was sent to every usable server. */
  allTried: 2,
  /** Every usable server that is not yet tried has as many requests as it may; waiting helps. */
  allFull: 3,
} as const;
export type WhyNone = (typeof WHY_NONE)[keyof typeof WHY_NONE];

/**
 * Chooses servers for one pool in one worker: knows which may be used and lets the strategy pick
 * among them.
 *
 * Two workers that choose in the same moment may both take the last place of a server, so that
 * `maxInFlight` can be passed by one for each other worker.
 */
export class Chooser<S extends PoolServer> {
  /** Why the last `choose` gave null. */
  whyNone: WhyNone = WHY_NONE.noneUsable;
  /** What the choices are made from at present. */
  situation!: Situation<S>;
  /** Token of the trial that the last `choose` claimed at the server it gave; 0: it is no trial. */
  trial = 0;

  readonly #table: SharedTable;
  readonly #poolRow: number;
  readonly #random: Random;
  readonly #strategy: Strategy;
  readonly #panicThresholdPercent: number;
  readonly #servers: readonly S[];
  /** Primaries, then backups; the first tier that has a usable server serves. */
  readonly #tiers: readonly (readonly S[])[];
  readonly #hasBounds: boolean;
  /** As of #generation; the same array until the set changes. */
  #usable: readonly S[] = [];
  /** Those with a half-open breaker, which wait for a trial. */
  #halfOpen: readonly S[] = NONE;
  /** Whether a usable server gets less than its share for now. */
  #hasSlowStart = false;
  #generation: number;
  /** By which strategies derived from #usable. */
  readonly #weights: number[];
  /** Those of #usable that are open to one request; filled anew each time. */
  readonly #open: S[] = [];

  constructor(options: ChooserOptions<S>) {
    this.#table = options.table;
    this.#strategy = options.strategy;
    this.#poolRow = options.poolRow;
    this.#random = options.random;
    this.#panicThresholdPercent = options.panicThresholdPercent;
    const { servers } = options;
    this.#servers = servers;
    this.#weights = servers.map(() => 0);
    this.#tiers = [servers.filter((one) => !one.backup), servers.filter((one) => one.backup)];
    this.#hasBounds = servers.some((server) => server.maxInFlight > 0);
    this.#generation = this.#table.generation();
    this.#findSets();
  }

  /**
   * Gives a server for a request, or null; `whyNone` then says why.
   *
   * @param key what the strategy hashes by, 32 bits
   * @param tried where the request was sent before
   */
  choose(key: number, tried: TriedSet): S | null {
    this.#refresh();
    this.trial = 0;
    if (this.#halfOpen.length > 0) {
      const onTrial = this.#claimTrial(tried);
      if (onTrial !== null) return onTrial;
    }
    const server = this.#pick(this.#strategy, this.#random, key, tried);
    if (server === null) this.whyNone = this.#findWhyNone(tried);
    return server;
  }

  /**
   * What `choose` would give next, which stays as it is: no turn is taken, no trial claimed.
   *
   * @param random what is drawn is drawn from this
   */
  foresee(key: number, tried: TriedSet, random: Random): { server: S | null; isTrial: boolean } {
    this.#refresh();
    const onTrial = this.#halfOpen.find(
      (one) => this.#isFitForTrial(one, tried) && one.hasFreeTrial(),
    );
    if (onTrial !== undefined) return { server: onTrial, isTrial: true };
    const server = this.#pick(this.#strategy.fork(random), random, key, tried);
    return { server, isTrial: false };
  }

  #pick(strategy: Strategy, random: Random, key: number, tried: TriedSet): S | null {
    const usable = this.#usable;
    const open = tried.size === 0 && !this.#hasBounds ? usable : this.#findOpen(tried);
    if (open.length === 0) return null;
    const server = strategy.pick(open, key, usable);
    if (!this.#hasSlowStart) return server;
    return this.#spare(strategy, random, server, open, key);
  }

  /** Whether any server can take requests. */
  hasUsable(): boolean {
    this.#refresh();
    return this.#usable.length > 0;
  }

  /** What `choose` holds of one of its servers for a request. */
  verdict(server: S, tried: TriedSet): ServerVerdict {
    this.#refresh();
    const at = this.#servers.indexOf(server);
    return verdictIn(this.situation, at, tried.has(server.row), isFull(server));
  }

  /** One atomic load while nothing changed. */
  #refresh(): void {
    // Read before the states: if one changes in between, the next call sees a new generation.
    const generation = this.#table.generation();
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#findSets();
  }

  #findSets(): void {
    const usable = this.#findUsable();
    const hasNewWeights = this.#readWeights();
    // Most changes of a generation are none of the set, and strategies derive from the array.
    if (hasNewWeights || !isSame(usable, this.#usable)) this.#usable = usable;
    this.#hasSlowStart = this.#usable.some((server) => this.#sharePercent(server) < 100);
    const backupsServe = this.#usable.length === 0 || this.#usable[0]!.backup;
    this.#halfOpen = this.#servers.filter(
      (server) => this.#standing(server) === VERDICT.halfOpen && (backupsServe || !server.backup),
    );
    const standings = this.#servers.map((server) => this.#standing(server));
    const isUsable = new Set(this.#usable);
    this.situation = {
      servers: this.#servers,
      standings,
      bases: this.#servers.map((server, at) => {
        return baseOf(standings[at]!, isUsable.has(server));
      }),
      weights: [...this.#weights],
      sharePercents: this.#servers.map((server) => this.#sharePercent(server)),
      usable: this.#usable,
      isFailedOver: this.#table.isFailedOver(this.#poolRow),
    };
  }

  #readWeights(): boolean {
    let hasChanged = false;
    for (const [at, server] of this.#servers.entries()) {
      server.readWeight();
      if (server.weight !== this.#weights[at]) hasChanged = true;
      this.#weights[at] = server.weight;
    }
    return hasChanged;
  }

  #findUsable(): readonly S[] {
    const isFailedOver = this.#table.isFailedOver(this.#poolRow);
    const tiers = isFailedOver ? this.#tiers.toReversed() : this.#tiers;
    for (const tier of tiers) {
      const usable = tier.filter((server) => this.#standing(server) === VERDICT.usable);
      if (usable.length === 0) continue;
      const active = this.#activeOf(tier);
      return usable.length * 100 < active.length * this.#panicThresholdPercent ? active : usable;
    }
    if (this.#panicThresholdPercent > 0) return this.#activeOf(this.#servers);
    // An ejection says that others do better: it means nothing when there are no others.
    return this.#servers.filter(
      (server) => this.#standing(server) === VERDICT.ejected && this.#table.takesNew(server.row),
    );
  }

  /** A trial at a half-open server goes before the strategy, or a quiet pool would never try. */
  #claimTrial(tried: TriedSet): S | null {
    for (const server of this.#halfOpen) {
      if (!this.#isFitForTrial(server, tried)) continue;
      this.trial = server.claimTrial();
      if (this.trial !== 0) return server;
    }
    return null;
  }

  #isFitForTrial(server: S, tried: TriedSet): boolean {
    return this.#table.takesNew(server.row) && !tried.has(server.row) && !isFull(server);
  }

  /**
   * Passes over a server that starts slowly, but for its share. What is hashed is passed over by
   * its hash, so that each client changes over once.
   */
  #spare(strategy: Strategy, random: Random, server: S, open: readonly S[], key: number): S {
    const percent = this.#sharePercent(server);
    if (percent === 100) return server;
    const draw = key === 0 ? random() : mix32(key) / 2 ** 32;
    if (draw * 100 < percent) return server;
    const others = open.filter((one) => this.#sharePercent(one) === 100);
    return others.length === 0 ? server : strategy.pick(others, key, this.#usable);
  }

  #sharePercent(server: S): number {
    return this.#table.slowStarts.sharePercent(server.row);
  }

  /** A panic goes against probes and ejections, never against a breaker or the operator. */
  #activeOf(servers: readonly S[]): readonly S[] {
    return servers.filter((server) => {
      // Not the standing: a server that is down as well as broken stands there as down.
      const isBroken = this.#table.breakers.state(server.row) !== BREAKER.closed;
      return !isBroken && this.#table.takesNew(server.row);
    });
  }

  #standing(server: S): Standing {
    return standingOf(this.#table, server.row);
  }

  #findOpen(tried: TriedSet): readonly S[] {
    const usable = this.#usable;
    const open = this.#open;
    let count = 0;
    for (let at = 0; at < usable.length; at++) {
      const server = usable[at]!;
      if (!tried.has(server.row) && !isFull(server)) open[count++] = server;
    }
    if (count === usable.length) return usable;
    if (count === 0) return NONE;
    open.length = count;
    return open;
  }

  #findWhyNone(tried: TriedSet): WhyNone {
    const usable = this.#usable;
    if (usable.length === 0) return WHY_NONE.noneUsable;
    for (let at = 0; at < usable.length; at++) {
      if (!tried.has(usable[at]!.row)) return WHY_NONE.allFull;
    }
    return WHY_NONE.allTried;
  }
}

/** Cutting an array to no length would give its memory back, and the next fill would allocate. */
const NONE: readonly never[] = [];

function isFull(server: PoolServer): boolean {
  return server.maxInFlight > 0 && server.inFlight() >= server.maxInFlight;
}

function isSame(some: readonly PoolServer[], others: readonly PoolServer[]): boolean {
  return some.length === others.length && some.every((server, at) => server === others[at]);
}
