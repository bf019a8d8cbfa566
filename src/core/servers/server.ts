import type { Clock } from '../../base/clock.ts';
import type { SharedTable } from '../../table/table.ts';
import type { PoolServer } from '../balance/choose.ts';
import { type BreakerSettings, claimTrial, hasFreeTrial, NO_TRIAL } from '../health/breaker.ts';
import { isSameAddress, type ServerAddress } from '../ports/address.ts';
import type { ServerConnection } from './http1-server-connection.ts';
import type { WaitQueue } from './wait-queue.ts';

/** What a worker is told of a server. */
export interface ServerPlan {
  readonly row: number;
  /** What status, logs and metrics call it. */
  readonly label: string;
  /** What it is hashed by: its address. */
  readonly name: string;
  readonly address: ServerAddress;
  readonly weight: number;
  readonly backup: boolean;
  /** Most requests in flight over all workers; 0: no bound. */
  readonly maxInFlight: number;
}

/** One server as one worker sees it: its row in the shared table and its idle connections. */
export class Server implements PoolServer {
  readonly row: number;
  label: string;
  readonly name: string;
  readonly address: ServerAddress;
  /** As the table had it when a chooser last looked; see `readWeight`. */
  weight: number;
  configuredWeight: number;
  backup: boolean;
  maxInFlight: number;
  /** Which addresses of its name are known; see `Connector.addressesVersion`. */
  addressesVersion = 0;
  /** Kept-alive connections, the one used last at the end. */
  readonly idle: ServerConnection[] = [];
  /** As its pool has it at present; null: without a breaker. */
  breaker: BreakerSettings | null = null;
  /** Of its pool. */
  queue: WaitQueue | null = null;
  /** Connections that are being opened ahead of need. */
  warming = 0;
  /** None is opened ahead of need before this time: the last one failed. */
  warmsFromMs = 0;
  readonly #table: SharedTable;
  readonly #clock: Clock;
  #isRetired = false;

  constructor(plan: ServerPlan, table: SharedTable, clock: Clock) {
    this.row = plan.row;
    this.label = plan.label;
    this.name = plan.name;
    this.address = plan.address;
    this.weight = plan.weight;
    this.configuredWeight = plan.weight;
    this.backup = plan.backup;
    this.maxInFlight = plan.maxInFlight;
    this.#table = table;
    this.#clock = clock;
  }

  /** Whether a plan is about the same server, whose connections it can go on with. */
  isOf({ row, name, address }: ServerPlan): boolean {
    return row === this.row && name === this.name && isSameAddress(address, this.address);
  }

  /** Follows another plan of the same server. */
  follow({ label, weight, backup, maxInFlight }: ServerPlan): this {
    this.label = label;
    this.weight = weight;
    this.configuredWeight = weight;
    this.backup = backup;
    this.maxInFlight = maxInFlight;
    return this;
  }

  /** Whether a reload took it out, or put another of its kind in its place. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Requests under way go on; connections that rest, now or later, are closed. */
  retire(): void {
    this.#isRetired = true;
    for (const connection of [...this.idle]) connection.destroy();
  }

  /** An operator's weight goes before the configured one; of 0 the chooser has taken note. */
  readWeight(): void {
    const weight = this.#table.operatorWeight(this.row);
    this.weight = weight === -1 ? this.configuredWeight : Math.max(1, weight);
  }

  inFlight(): number {
    return this.#table.inFlight(this.row);
  }

  latencyUs(): number {
    return this.#table.latencyUs(this.row, this.#clock.nowMs());
  }

  hasFreeTrial(): boolean {
    return this.breaker !== null && hasFreeTrial(this.#table, this.row);
  }

  claimTrial(): number {
    if (this.breaker === null) return NO_TRIAL;
    return claimTrial(this.#table, this.row, this.breaker, this.#clock.nowMs());
  }
}
