import type { Clock } from '../base/clock.ts';
import type { Client } from '../core/clients/client.ts';
import type { Backend, Doorkeeper } from '../io/backend.ts';
import type { ListenAddress } from '../plan/listen.ts';
import { GAUGE, WORKER_COUNTER } from '../table/measures.ts';
import type { SharedTable } from '../table/table.ts';

/** Connections looked at for one that is idle. */
const LOOKS_MAX = 64;
/** A client is not cut off between two requests that follow each other closely. */
const IDLE_MS_MIN = 1_000;
/** Idle connections closed at one tick for clients that wait at other workers. */
const CLOSED_FOR_OTHERS_MAX = 64;

/**
 * Who is let in at one worker: `max_connections` over all workers and listeners. Where that many
 * are open, idle connections are closed first, so that a flood of idle ones keeps nobody out.
 */
export class Admission implements Doorkeeper {
  clientsMax: number;
  readonly #table: SharedTable;
  readonly #lane: number;
  readonly #clock: Clock;
  readonly #connections: Map<Client, ListenAddress>;

  constructor(
    table: SharedTable,
    lane: number,
    clock: Clock,
    connections: Map<Client, ListenAddress>,
    clientsMax: number,
  ) {
    this.#table = table;
    this.#lane = lane;
    this.#clock = clock;
    this.#connections = connections;
    this.clientsMax = clientsMax;
  }

  claim(): boolean {
    return this.#table.clientCounts.claim(this.#lane, this.clientsMax);
  }

  release(): void {
    this.#table.clientCounts.release(this.#lane);
  }

  waiting(by: number): void {
    this.#table.clientCounts.addWaiting(this.#lane, by);
    this.#table.measures.add(this.#lane, GAUGE.clientsWaiting, by);
  }

  turnedAway(): void {
    this.#table.measures.add(this.#lane, WORKER_COUNTER.clientsTurnedAway, 1);
  }

  /**
   * Closes an idle client: the first of those looked at least lately. Each that is looked at
   * goes to the end of the list; an iterator kept over the map would keep alive all that ever was
   * in it.
   */
  makeRoom(): boolean {
    const nowMs = this.#clock.nowMs();
    let looks = Math.min(LOOKS_MAX, this.#connections.size);
    for (const [client, address] of this.#connections) {
      if (looks-- === 0) break;
      if (client.idleMs(nowMs) >= IDLE_MS_MIN) {
        client.dismiss();
        this.#table.measures.add(this.#lane, WORKER_COUNTER.clientsDismissed, 1);
        return true;
      }
      this.#connections.delete(client);
      this.#connections.set(client, address);
    }
    return false;
  }

  /** Call it on each tick. */
  tick(backend: Backend): void {
    if (this.#table.clientCounts.waiting() === 0) return;
    backend.letIn();
    const elsewhere = Math.min(this.#table.clientCounts.waiting(), CLOSED_FOR_OTHERS_MAX);
    for (let closed = 0; closed < elsewhere; closed++) {
      if (this.#table.clientCounts.open() < this.clientsMax || !this.makeRoom()) return;
    }
  }
}
