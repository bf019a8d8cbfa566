import type { Client } from '../core/clients/client.ts';
import type { ListenAddress } from '../plan/listen.ts';
import { GAUGE, type Measures } from '../table/measures.ts';

/** The clients of a data thread. */
export class Clients {
  /** With the address at which each was accepted. */
  readonly all = new Map<Client, ListenAddress>();
  readonly #measures: Measures;
  readonly #lane: number;
  #onEmpty: (() => void) | null = null;

  constructor(measures: Measures, lane: number) {
    this.#measures = measures;
    this.#lane = lane;
  }

  add(client: Client, address: ListenAddress): void {
    this.all.set(client, address);
    this.#count();
  }

  delete(client: Client): void {
    this.all.delete(client);
    this.#count();
    if (this.all.size === 0) this.#onEmpty?.();
  }

  /** Ends those that were accepted elsewhere, each when what is under way is complete. */
  drainUnless(isListenedOn: (address: ListenAddress) => boolean): void {
    for (const [client, address] of this.all) if (!isListenedOn(address)) client.drain();
  }

  /** Ends each when what is under way is complete. @returns when all have gone */
  drain(): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const client of this.all.keys()) client.drain();
    return this.all.size === 0 ? Promise.resolve() : empty;
  }

  abort(nowMs: number): void {
    for (const client of this.all.keys()) client.abort(nowMs);
  }

  #count(): void {
    this.#measures.set(this.#lane, GAUGE.clientConnections, this.all.size);
  }
}
