/**
 * What changes with time, and no worker can decide: breakers become half-open, abandoned trials
 * expire, ejections end, shares ramp up, outliers are compared, primaries take over again. The
 * control thread runs it a few times a second; workers notice changes by the table's generation, so
 * that no request has to look at a clock.
 *
 * It also reports every change of state, including those made by workers.
 */
import { formatDuration } from '../../base/units.ts';
import { BREAKER, type BreakerState, COUNTER } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';
import { standingOf, VERDICT } from '../balance/server-verdict.ts';
import { close, expireTrial, recover } from '../health/breaker.ts';
import {
  CONTROL_THREAD,
  type EjectionSettings,
  eject,
  forgive,
  isEjected,
  readmit,
  readmitInTime,
} from '../health/ejection.ts';
import { Lateness } from '../health/lateness.ts';
import { findOutliers, type OutlierSettings, type Sample } from '../health/outliers.ts';
import { growShare, startSlowly } from '../health/slow-start.ts';
import { failureText } from './outcome.ts';
import type { PoolSettings, ServerPlan } from './settings.ts';

/** A change of state, for the log, metrics and alerts. */
export interface StateChange {
  readonly aspect: 'health' | 'breaker' | 'ejection' | 'failover' | 'pool';
  /** Label of the server, or of the pool for an aspect of the pool. */
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
}

export interface UpkeepPlan {
  readonly settings: Pick<PoolSettings, 'name' | 'row' | 'breaker' | 'ejection' | 'slowStartMs'>;
  readonly servers: readonly Pick<ServerPlan, 'row' | 'label' | 'backup'>[];
  /** null: servers are not compared. */
  readonly outliers: (OutlierSettings & { readonly intervalMs: number }) | null;
  /** null: backups serve only while no primary is usable. */
  readonly failback: Failback | null;
}

type ServerRef = UpkeepPlan['servers'][number];

export interface Failback {
  /** Whether primaries take over again automatically. */
  readonly isAutomatic: boolean;
  /** How long a primary must have been usable first. */
  readonly delayMs: number;
}

const BREAKER_NAMES = {
  [BREAKER.closed]: 'closed',
  [BREAKER.open]: 'open',
  [BREAKER.halfOpen]: 'half_open',
} as const satisfies Record<BreakerState, string>;
export type BreakerName = (typeof BREAKER_NAMES)[BreakerState];

/** The state of a server's breaker, as logs and metrics spell it. */
export function breakerName(table: SharedTable, row: number): BreakerName {
  return BREAKER_NAMES[table.breakers.state(row)];
}

/** A server's state at the last turn. */
interface Seen {
  breaker: BreakerState;
  ejected: boolean;
  /** Why it is about to be ejected, where the comparison did it. */
  ejectionCause: string;
  /** Since when it has been usable; -1: it is not. */
  usableSinceMs: number;
  forgivenMs: number;
  attempts: number;
  failures: number;
  firstByteUs: number;
  firstBytes: number;
  long: number;
}

export class Upkeep {
  readonly #table: SharedTable;
  readonly #onChange: (change: StateChange) => void;
  #plan: UpkeepPlan;
  #seen = new Map<number, Seen>();
  #comparedMs: number;
  readonly #lateness = new Lateness();
  #hasServers = true;

  constructor(
    table: SharedTable,
    plan: UpkeepPlan,
    onChange: (change: StateChange) => void,
    nowMs: number,
  ) {
    this.#table = table;
    this.#plan = plan;
    this.#onChange = onChange;
    this.#comparedMs = nowMs;
    for (const { row } of plan.servers) this.#seen.set(row, newSeen(nowMs));
  }

  /** Follows another plan. Servers that it adds start slowly. */
  apply(plan: UpkeepPlan, nowMs: number): void {
    const isSame = (one: ServerRef, at: number) => this.#plan.servers[at]?.row === one.row;
    if (!plan.servers.every(isSame) || plan.servers.length !== this.#plan.servers.length) {
      this.#lateness.reset();
    }
    this.#plan = plan;
    const before = this.#seen;
    this.#seen = new Map();
    for (const { row } of plan.servers) {
      const seen = before.get(row);
      this.#seen.set(row, seen ?? newSeen(nowMs));
      if (seen === undefined) startSlowly(this.#table, row, plan.settings.slowStartMs, nowMs);
      if (plan.settings.breaker === null) close(this.#table, row);
      if (plan.settings.ejection === null) readmit(this.#table, row);
    }
    if (plan.failback === null && this.#table.isFailedOver(plan.settings.row)) {
      this.#table.setFailedOver(plan.settings.row, false);
    }
  }

  /** Brings everything up to date. Call it a few times a second. */
  turn(nowMs: number): void {
    const { outliers } = this.#plan;
    for (const server of this.#plan.servers) this.#turnServer(server, nowMs);
    if (outliers !== null && nowMs - this.#comparedMs >= outliers.intervalMs) {
      this.#compare(outliers, nowMs);
    }
    if (outliers !== null && outliers.latencyFactor > 0) this.#leaveOutLate(outliers, nowMs);
    for (const server of this.#plan.servers) this.#tell(server, nowMs);
    this.#turnPool(nowMs);
  }

  /** Whether a server is one of this pool. */
  has(row: number): boolean {
    return this.#seen.has(row);
  }

  /** A server's probes succeed again: ends an ejection for the same failures. */
  cameBack(row: number, nowMs: number): void {
    readmit(this.#table, row);
    startSlowly(this.#table, row, this.#plan.settings.slowStartMs, nowMs);
  }

  /** Lets the primaries take over again. @returns false if they never stopped serving */
  failback(cause: string): boolean {
    const { row, name } = this.#plan.settings;
    if (!this.#table.isFailedOver(row)) return false;
    this.#table.setFailedOver(row, false);
    this.#say('failover', name, 'backups', 'primaries', cause);
    return true;
  }

  #turnServer({ row }: { row: number }, nowMs: number): void {
    const table = this.#table;
    const { breaker, ejection, slowStartMs } = this.#plan.settings;
    if (breaker !== null) {
      recover(table, row, nowMs);
      expireTrial(table, row, breaker, nowMs);
    }
    if (ejection !== null) {
      if (readmitInTime(table, row, ejection, nowMs)) startSlowly(table, row, slowStartMs, nowMs);
      const seen = this.#seen.get(row)!;
      if (isEjected(table, row)) seen.forgivenMs = nowMs;
      else if (nowMs - seen.forgivenMs >= ejection.ejectionMs) {
        forgive(table, row);
        seen.forgivenMs = nowMs;
      }
    }
    growShare(table, row, slowStartMs, nowMs);
  }

  #compare(outliers: OutlierSettings, nowMs: number): void {
    const { servers, settings } = this.#plan;
    this.#comparedMs = nowMs;
    const samples = servers.map((server) => this.#sample(server.row));
    for (const { index, cause } of findOutliers(samples, outliers)) {
      this.#eject(servers[index]!.row, settings.ejection, cause, nowMs);
    }
  }

  #leaveOutLate(outliers: OutlierSettings, nowMs: number): void {
    const { servers, settings } = this.#plan;
    const table = this.#table;
    const samples = servers.map(({ row }) => ({
      awaited: table.counters.total(row, COUNTER.awaited),
      over: table.counters.total(row, COUNTER.awaitedOver),
      long: table.counters.total(row, COUNTER.awaitedLong),
      untilPrompt: table.counters.total(row, COUNTER.awaitedUntilPrompt),
      firstByteUs: table.counters.total(row, COUNTER.firstByteUs),
      firstBytes: table.counters.total(row, COUNTER.firstBytes),
      isUsable: standingOf(table, row) === VERDICT.usable,
    }));
    const late = { ...outliers, workers: Math.max(1, table.workers()) };
    for (const { index, cause } of this.#lateness.turn(samples, late, nowMs)) {
      this.#eject(servers[index]!.row, settings.ejection, cause, nowMs);
    }
  }

  #eject(row: number, ejection: EjectionSettings | null, cause: string, nowMs: number): void {
    if (ejection === null) return;
    const pool = { row: this.#plan.settings.row, servers: this.#plan.servers };
    if (eject(this.#table, pool, row, ejection, CONTROL_THREAD, nowMs)) {
      this.#seen.get(row)!.ejectionCause = cause;
    }
  }

  #sample(row: number): Sample {
    const table = this.#table;
    const seen = this.#seen.get(row)!;
    const attempts = table.counters.total(row, COUNTER.attempts);
    const failures = table.counters.failedAttempts(row);
    const firstByteUs = table.counters.total(row, COUNTER.firstByteUs);
    const firstBytes = table.counters.total(row, COUNTER.firstBytes);
    const long = table.counters.total(row, COUNTER.awaitedLong);
    const sample = {
      attempts: attempts - seen.attempts,
      failures: failures - seen.failures,
      firstByteUs: firstByteUs - seen.firstByteUs,
      firstBytes: firstBytes - seen.firstBytes,
      long: long - seen.long,
    };
    Object.assign(seen, { attempts, failures, firstByteUs, firstBytes, long });
    return sample;
  }

  /** Reports what changed at a server since the last turn. */
  #tell({ row, label }: UpkeepPlan['servers'][number], nowMs: number): void {
    const { breakers, failureNotes } = this.#table;
    const seen = this.#seen.get(row)!;
    const breaker = breakers.state(row);
    if (breaker !== seen.breaker) {
      const cause = this.#breakerCause(seen.breaker, breaker, failureNotes.last(row));
      const [from, to] = [BREAKER_NAMES[seen.breaker], BREAKER_NAMES[breaker]];
      seen.breaker = breaker;
      this.#say('breaker', label, from, to, cause);
    }
    const ejected = isEjected(this.#table, row);
    if (ejected !== seen.ejected) {
      seen.ejected = ejected;
      if (ejected) {
        const cause = seen.ejectionCause || this.#inRowCause(failureNotes.last(row));
        seen.ejectionCause = '';
        this.#say('ejection', label, 'in', 'ejected', cause);
      } else this.#say('ejection', label, 'ejected', 'in', 'its time is over, or it recovered');
    }
    const isUsable = standingOf(this.#table, row) === VERDICT.usable;
    if (!isUsable) seen.usableSinceMs = -1;
    else if (seen.usableSinceMs === -1) seen.usableSinceMs = nowMs;
  }

  #breakerCause(from: BreakerState, to: BreakerState, lastFailure: number): string {
    const { breaker } = this.#plan.settings;
    if (breaker === null) return 'breakers were turned off';
    if (to === BREAKER.closed) return 'its trial succeeded';
    if (to === BREAKER.halfOpen)
      return `recovery_timeout (${formatDuration(breaker.recoveryMs)}) is over`;
    if (from === BREAKER.halfOpen) return `its trial failed: ${failureText(lastFailure)}`;
    return `${breaker.failureThreshold} consecutive failures, the last: ${failureText(lastFailure)}`;
  }

  #inRowCause(lastFailure: number): string {
    const count = this.#plan.settings.ejection?.failuresInRow ?? 0;
    return `${count} consecutive failures, the last: ${failureText(lastFailure)}`;
  }

  #turnPool(nowMs: number): void {
    const { failback, servers, settings } = this.#plan;
    const { row, name } = settings;
    const usable = servers.filter((server) => this.#seen.get(server.row)!.usableSinceMs !== -1);
    const hasServers = usable.length > 0;
    if (hasServers !== this.#hasServers) {
      this.#hasServers = hasServers;
      const [from, to] = hasServers ? ['no_server', 'serving'] : ['serving', 'no_server'];
      this.#say(
        'pool',
        name,
        from!,
        to!,
        `${usable.length} of ${servers.length} servers are usable`,
      );
    }
    if (failback === null) return;
    const primaries = usable.filter((server) => !server.backup);
    if (!this.#table.isFailedOver(row)) {
      if (primaries.length > 0 || usable.length === 0) return;
      this.#table.setFailedOver(row, true);
      this.#say('failover', name, 'primaries', 'backups', 'no primary is usable');
      return;
    }
    if (!failback.isAutomatic) return;
    const ready = primaries.find(
      (server) => nowMs - this.#seen.get(server.row)!.usableSinceMs >= failback.delayMs,
    );
    if (ready !== undefined) {
      this.failback(`${ready.label} has been usable for ${formatDuration(failback.delayMs)}`);
    }
  }

  #say(
    aspect: StateChange['aspect'],
    subject: string,
    from: string,
    to: string,
    cause: string,
  ): void {
    this.#onChange({ aspect, subject, from, to, cause });
  }
}

function newSeen(nowMs: number): Seen {
  return {
    breaker: BREAKER.closed,
    ejected: false,
    ejectionCause: '',
    usableSinceMs: nowMs,
    forgivenMs: nowMs,
    attempts: 0,
    failures: 0,
    firstByteUs: 0,
    firstBytes: 0,
    long: 0,
  };
}
