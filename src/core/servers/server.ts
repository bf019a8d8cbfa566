import { COUNTER } from '../../table/layout.ts';
import type { PoolServer } from '../balance/choose.ts';
import { type BreakerSettings, claimTrial, hasFreeTrial, NO_TRIAL } from '../health/breaker.ts';
import { isSameAddress } from '../ports/server-address.ts';
import type { WorkerContext } from '../ports/worker-context.ts';
import { Endpoint } from './endpoint.ts';
import type { ServerPlan } from './settings.ts';

/** Requests that wait for room; see `WaitQueue`. */
interface RoomQueue {
  roomFreed(): void;
}

type ServerContext = Pick<WorkerContext, 'table' | 'lane' | 'clock'>;

/** A member of one pool, as one worker sees it: its row in the shared table, and its endpoint. */
export class Server implements PoolServer {
  readonly row: number;
  label: string;
  readonly name: string;
  readonly endpoint: Endpoint;
  /** As last read from the table by a chooser; see `readWeight`. */
  weight: number;
  configuredWeight: number;
  backup: boolean;
  maxInFlight: number;
  /** Its pool's current settings; null: no breaker. */
  breaker: BreakerSettings | null = null;
  /** Of its pool. */
  queue: RoomQueue | null = null;
  readonly #context: ServerContext;

  constructor(plan: ServerPlan, context: ServerContext) {
    this.row = plan.row;
    this.label = plan.label;
    this.name = plan.name;
    this.endpoint = new Endpoint(plan.address);
    this.weight = plan.weight;
    this.configuredWeight = plan.weight;
    this.backup = plan.backup;
    this.maxInFlight = plan.maxInFlight;
    this.#context = context;
  }

  /** Whether a plan is for the same server, so that its connections can stay. */
  isOf({ row, name, address }: ServerPlan): boolean {
    return row === this.row && name === this.name && isSameAddress(address, this.endpoint.address);
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

  /** Counts a request in. @returns false if the server is full */
  enter(): boolean {
    return this.#context.table.enter(this.row, this.#context.lane, this.maxInFlight);
  }

  /** Counts a request out; `roomFreed` tells waiting requests, once that is safe. */
  leave(): void {
    this.#context.table.leave(this.row, this.#context.lane);
  }

  /** Counts a request that is over, with the bytes of its bodies. */
  countServed(requestBodyBytes: number, responseBodyBytes: number): void {
    const { table, lane } = this.#context;
    table.counters.add(this.row, lane, COUNTER.requests);
    table.counters.add(this.row, lane, COUNTER.bytesFromClients, requestBodyBytes);
    table.counters.add(this.row, lane, COUNTER.bytesToClients, responseBodyBytes);
  }

  /** The server can take another request. */
  roomFreed(): void {
    this.queue!.roomFreed();
  }

  /** An operator's weight overrides the configured one; the chooser has handled 0. */
  readWeight(): void {
    const weight = this.#context.table.operatorWeight(this.row);
    this.weight = weight === -1 ? this.configuredWeight : Math.max(1, weight);
  }

  inFlight(): number {
    return this.#context.table.inFlight(this.row);
  }

  latencyUs(): number {
    return this.#context.table.latencies.averageUs(this.row, this.#context.clock.nowMs());
  }

  hasFreeTrial(): boolean {
    return this.breaker !== null && hasFreeTrial(this.#context.table, this.row);
  }

  claimTrial(): number {
    if (this.breaker === null) return NO_TRIAL;
    return claimTrial(this.#context.table, this.row, this.breaker, this.#context.clock.nowMs());
  }
}
