import { ProbeSchedule, type ProbeTimes } from '../../core/health/probe-schedule.ts';
import { ProbeState, type ProbeThresholds } from '../../core/health/probe-state.ts';
import { addressText, type ServerAddress } from '../../core/ports/server-address.ts';
import type { StateChange } from '../../core/servers/upkeep.ts';
import { type ProbeResult, type ProbeSpec, probe } from '../../io/probe.ts';
import { realClock } from '../../io/real-clock.ts';
import { Resolver } from '../../io/resolver.ts';
import { HEALTH, type Health } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';

/** Probes under way at a time; the others wait for their turn. */
const PROBES_MAX = 64;

export interface ProbePlan {
  readonly times: ProbeTimes;
  readonly thresholds: ProbeThresholds;
  readonly timeoutMs: number;
  /** For a server that live traffic found fault with. */
  readonly suspectTimeoutMs: number;
  readonly servers: readonly ProbedServer[];
}

export interface ProbedServer {
  readonly row: number;
  readonly label: string;
  /** Where it is probed, which need not be where it serves. */
  readonly address: ServerAddress;
  readonly spec: ProbeSpec;
}

export interface ProberEvents {
  onChange(change: StateChange): void;
  /** A server that was down is up again. */
  onBack(row: number): void;
}

const NAMES: Readonly<Record<Health, string>> = {
  [HEALTH.unknown]: 'unknown',
  [HEALTH.up]: 'up',
  [HEALTH.down]: 'down',
};

interface Target {
  server: ProbedServer;
  readonly schedule: ProbeSchedule;
  readonly state: ProbeState;
  /** Ends the probe under way; null: none is. */
  cancel: (() => void) | null;
}

/** Probes the servers and writes down whether they are up. Runs on the control thread. */
export class Prober {
  readonly #table: SharedTable;
  readonly #events: ProberEvents;
  readonly #resolver = new Resolver(realClock);
  #plan: ProbePlan | null = null;
  #targets: Target[] = [];
  #underWay = 0;

  constructor(table: SharedTable, events: ProberEvents) {
    this.#table = table;
    this.#events = events;
  }

  /**
   * Follows a plan. What is known of a server that is probed as before stays known.
   *
   * @param plan null: no server is probed, and none is down
   */
  apply(plan: ProbePlan | null, nowMs: number): void {
    const before = this.#targets;
    this.#plan = plan;
    this.#targets =
      plan?.servers.map((server, index) => {
        const same = before.find((one) => isSame(one.server, server));
        if (same !== undefined) {
          same.server = server;
          return same;
        }
        const schedule = new ProbeSchedule(index / plan.servers.length, plan.times, nowMs);
        this.#table.setHealth(server.row, HEALTH.unknown);
        return { server, schedule, state: new ProbeState(), cancel: null };
      }) ?? [];
    for (const target of before) {
      if (this.#targets.includes(target)) continue;
      this.#cancel(target);
      const goesOn = this.#targets.some((one) => one.server.row === target.server.row);
      if (!goesOn) this.#table.setHealth(target.server.row, HEALTH.unknown);
    }
  }

  /** Begins the probes that are due. Call it a few times a second. */
  turn(nowMs: number): void {
    const plan = this.#plan;
    if (plan === null) return;
    for (const target of this.#targets) {
      const { schedule, server } = target;
      if (this.#takeSuspicion(server.row)) schedule.suspect(plan.times, nowMs);
      if (target.cancel !== null || nowMs < schedule.dueMs) continue;
      if (this.#underWay < PROBES_MAX) this.#start(target, plan, nowMs);
    }
  }

  close(): void {
    for (const target of this.#targets) this.#cancel(target);
    this.#targets = [];
  }

  #takeSuspicion(row: number): boolean {
    return this.#table.failureNotes.takeSuspicion(row);
  }

  #start(target: Target, plan: ProbePlan, nowMs: number): void {
    const { server, schedule } = target;
    schedule.started(plan.times, nowMs);
    const timeoutMs = schedule.isSuspect ? plan.suspectTimeoutMs : plan.timeoutMs;
    this.#underWay += 1;
    target.cancel = probe(
      server.address,
      server.spec,
      timeoutMs,
      (result) => {
        this.#underWay -= 1;
        target.cancel = null;
        this.#ended(target, result);
      },
      this.#resolver,
    );
  }

  #cancel(target: Target): void {
    if (target.cancel === null) return;
    target.cancel();
    target.cancel = null;
    this.#underWay -= 1;
  }

  #ended({ server, schedule, state }: Target, result: ProbeResult): void {
    const { thresholds, times } = this.#plan!;
    if (result.isInconclusive) return schedule.ended(false, times);
    const before = state.health;
    const hasChanged = result.isHealthy
      ? state.succeeded(thresholds)
      : state.failed(result.reason, schedule.isSuspect, thresholds);
    schedule.ended(result.isHealthy || state.health === HEALTH.down, times);
    if (!hasChanged) return;
    if (before === HEALTH.down) this.#events.onBack(server.row);
    this.#table.setHealth(server.row, state.health);
    const cause = result.isHealthy ? succeeded(state.inRow) : result.reason;
    this.#events.onChange({
      aspect: 'health',
      subject: server.label,
      from: NAMES[before],
      to: NAMES[state.health],
      cause,
    });
  }
}

function isSame(one: ProbedServer, other: ProbedServer): boolean {
  return (
    one.row === other.row &&
    addressText(one.address) === addressText(other.address) &&
    JSON.stringify(one.spec) === JSON.stringify(other.spec)
  );
}

function succeeded(inRow: number): string {
  return inRow === 1 ? 'its probe succeeded' : `${inRow} consecutive probes succeeded`;
}
