/**
 * Looks for servers that joined or came back, and has some tunnels of the others closed so that
 * their clients connect anew (`failover.rebalance`). All is decided from the shared table.
 */
import {
  apportion,
  type Surplus,
  surplusOf,
  type TunnelBearer,
} from '../../core/balance/rebalance.ts';
import { standingOf, VERDICT } from '../../core/balance/server-verdict.ts';
import type { EndOrder } from '../../core/exchange/ending.ts';
import type { PoolPlan } from '../../plan/worker-plan.ts';
import type { SharedTable } from '../../table/table.ts';

export interface RebalancePlan {
  /** Most tunnels that are closed, in percent of those open. */
  readonly mostPercent: number;
  readonly overMs: number;
  readonly pool: PoolPlan;
}

export interface RebalancerEvents {
  /** Workers by their lanes. */
  lanes(): readonly number[];
  /** Tunnels of one worker are to end. */
  end(lane: number, order: EndOrder): void;
  onBegin(told: { tunnels: number; closing: number; overMs: number; because: string }): void;
}

/** Servers that come back within this time of each other are one occasion. */
const SETTLE_MS = 1_000;

export class Rebalancer {
  readonly #table: SharedTable;
  readonly #events: RebalancerEvents;
  #plan: RebalancePlan | null = null;
  /** Rows that take their whole share of what is new. */
  #serving = new Set<number>();
  /** Of the table, when it was last looked at; -1: it is to be looked at. */
  #generation = -1;
  /** Who came since the last closing. */
  #came = new Set<string>();
  #dueMs = 0;
  #busyUntilMs = 0;

  constructor(table: SharedTable, events: RebalancerEvents) {
    this.#table = table;
    this.#events = events;
  }

  /** @param plan null: tunnels stay where they are */
  apply(plan: RebalancePlan | null): void {
    const isNew = this.#plan === null;
    this.#plan = plan;
    // Servers that are there at the start have not joined.
    if (isNew || plan === null) this.#serving = this.#servingNow();
    this.#came.clear();
    this.#generation = -1;
  }

  /** Call it a few times a second. */
  turn(nowMs: number): void {
    if (this.#plan === null) return;
    const generation = this.#table.generation();
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#noteWhoCame(this.#plan, nowMs);
    }
    if (this.#came.size === 0 || nowMs < this.#dueMs) return;
    const because = [...this.#came].join(', ');
    this.#came.clear();
    this.#begin(this.#plan, because, nowMs);
  }

  #noteWhoCame({ pool }: RebalancePlan, nowMs: number): void {
    const serving = this.#servingNow();
    for (const { row, label } of pool.servers) {
      if (!serving.has(row) || this.#serving.has(row)) continue;
      this.#came.add(label);
      this.#dueMs = Math.max(nowMs + SETTLE_MS, this.#busyUntilMs);
    }
    this.#serving = serving;
  }

  #begin({ mostPercent, overMs, pool }: RebalancePlan, because: string, nowMs: number): void {
    const bearers = this.#bearers(pool);
    const surplus = surplusOf(bearers, mostPercent);
    if (surplus.length === 0) return;
    this.#busyUntilMs = nowMs + overMs;
    const tunnels = bearers.reduce((sum, bearer) => sum + bearer.tunnels, 0);
    const closing = surplus.reduce((sum, { count }) => sum + count, 0);
    for (const one of surplus) this.#end(one, overMs);
    this.#events.onBegin({ tunnels, closing, overMs, because });
  }

  #end({ row, count }: Surplus, overMs: number): void {
    const lanes = this.#events.lanes();
    const counts = apportion(
      count,
      lanes.map((lane) => this.#table.tunnelsOf(row, lane)),
    );
    for (const [at, most] of counts.entries()) {
      if (most === 0) continue;
      this.#events.end(lanes[at]!, { row, most, webSocketsOnly: true, afterMs: 0, overMs });
    }
  }

  /** Servers that work; those that others stand before have a share of nothing. */
  #bearers({ servers }: PoolPlan): TunnelBearer[] {
    return servers
      .filter(({ row }) => standingOf(this.#table, row) === VERDICT.usable)
      .map(({ row, weight }) => {
        const own = this.#table.operatorWeight(row);
        const isServing = this.#serving.has(row);
        const share = own === -1 ? weight : own;
        return { row, weight: isServing ? share : 0, tunnels: this.#table.tunnels(row) };
      });
  }

  #servingNow(): Set<number> {
    if (this.#plan === null) return new Set();
    const { servers, settings } = this.#plan.pool;
    const usable = servers.filter(({ row }) => {
      const hasFullShare = this.#table.slowStarts.sharePercent(row) === 100;
      return hasFullShare && standingOf(this.#table, row) === VERDICT.usable;
    });
    const backupsServe =
      this.#table.isFailedOver(settings.row) || usable.every((server) => server.backup);
    return new Set(usable.filter(({ backup }) => backup === backupsServe).map(({ row }) => row));
  }
}
