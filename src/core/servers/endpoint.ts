import type { ServerAddress } from '../ports/server-address.ts';
import type { ServerSide } from './server-side.ts';

/** A server's address, and one worker's connections to it. */
export class Endpoint {
  readonly address: ServerAddress;
  /** Version of its name's addresses; see `Connector.addressesVersion`. */
  addressesVersion = 0;
  /** Idle kept-alive connections, the most recently used last. */
  readonly idle: ServerSide[] = [];
  /** Connections being opened in advance. */
  warming = 0;
  /** No connection is opened in advance before this time, because the last one failed. */
  warmsFromMs = 0;
  #isRetired = false;

  constructor(address: ServerAddress) {
    this.address = address;
  }

  /** Whether a reload removed or replaced it. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Requests in flight continue; connections are closed once idle. */
  retire(): void {
    this.#isRetired = true;
    this.closeIdle();
  }

  closeIdle(): void {
    for (const connection of [...this.idle]) connection.destroy();
  }

  /** A connection is no longer idle. */
  forget(connection: ServerSide): void {
    const at = this.idle.indexOf(connection);
    if (at !== -1) this.idle.splice(at, 1);
  }
}
