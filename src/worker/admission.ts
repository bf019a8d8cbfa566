import type { Clock } from '../core/exchange/engine.ts';
import { Gate, type GateKeeper } from '../io/gate.ts';
import { GAUGE, WORKER_COUNTER } from '../table/measures.ts';
import type { SharedTable } from '../table/table.ts';
import type { Client } from './entrance.ts';

/** Connections looked at for one that rests: each new one moves on from where the last stopped. */
const LOOKS_MAX = 64;
/** A client is not cut off between two requests that follow each other closely. */
const RESTED_MS_MIN = 1_000;
/** Resting connections closed at one tick for clients that wait at other workers. */
const CLOSED_FOR_OTHERS_MAX = 64;

/**
 * Who is let in at one worker: `max_connections` over all workers and listeners. Where that many
 * are open, connections that rest are closed first, so that a flood of idle ones keeps nobody out.
 */
export class Admission implements GateKeeper {
  readonly gate: Gate;
  clientsMax: number;
  readonly #table: SharedTable;
  readonly #lane: number;
  readonly #clock: Clock;
  readonly #connections: ReadonlyMap<Client, unknown>;
  #next: IterableIterator<Client>;

  constructor(
    table: SharedTable,
    lane: number,
    clock: Clock,
    connections: ReadonlyMap<Client, unknown>,
    clientsMax: number,
  ) {
    this.#table = table;
    this.#lane = lane;
    this.#clock = clock;
    this.#connections = connections;
    this.#next = connections.keys();
    this.clientsMax = clientsMax;
    this.gate = new Gate(this);
  }

  claim(): boolean {
    return this.#table.claimClient(this.#lane, this.clientsMax);
  }

  release(): void {
    this.#table.releaseClient(this.#lane);
  }

  waiting(by: number): void {
    this.#table.addClientsWaiting(this.#lane, by);
    this.#table.measures.add(this.#lane, GAUGE.clientsWaiting, by);
  }

  turnedAway(): void {
    this.#table.measures.add(this.#lane, WORKER_COUNTER.clientsTurnedAway, 1);
  }

  /** Closes a client that rests: the first that is met, on a walk in the order of their coming. */
  makeRoom(): boolean {
    const nowMs = this.#clock.nowMs();
    const looks = Math.min(LOOKS_MAX, this.#connections.size);
    for (let look = 0; look < looks; look++) {
      let step = this.#next.next();
      if (step.done) {
        this.#next = this.#connections.keys();
        step = this.#next.next();
        if (step.done) return false;
      }
      if (step.value.restedMs(nowMs) < RESTED_MS_MIN) continue;
      step.value.dismiss();
      this.#table.measures.add(this.#lane, WORKER_COUNTER.clientsDismissed, 1);
      return true;
    }
    return false;
  }

  /** To be called with each tick. */
  tick(): void {
    if (this.#table.clientsWaiting() === 0) return;
    this.gate.open();
    const elsewhere = Math.min(this.#table.clientsWaiting(), CLOSED_FOR_OTHERS_MAX);
    for (let closed = 0; closed < elsewhere; closed++) {
      if (this.#table.clients() < this.clientsMax || !this.makeRoom()) return;
    }
  }
}
