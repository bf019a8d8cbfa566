import type { ServerAddress } from '../ports/address.ts';
import type { ServerSide } from './server-side.ts';

/** Where a server is reached, and the connections to it that one worker keeps. */
export class Endpoint {
  readonly address: ServerAddress;
  /** Which addresses of its name are known; see `Connector.addressesVersion`. */
  addressesVersion = 0;
  /** Kept-alive connections without a request, the one used last at the end. */
  readonly idle: ServerSide[] = [];
  /** Connections that are being opened ahead of need. */
  warming = 0;
  /** None is opened ahead of need before this time: the last one failed. */
  warmsFromMs = 0;
  #isRetired = false;

  constructor(address: ServerAddress) {
    this.address = address;
  }

  /** Whether a reload took it out, or put another of its kind in its place. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Requests under way go on; connections that rest, now or later, are closed. */
  retire(): void {
    this.#isRetired = true;
    this.closeIdle();
  }

  closeIdle(): void {
    for (const connection of [...this.idle]) connection.destroy();
  }

  /** A connection rests no longer. */
  forget(connection: ServerSide): void {
    const at = this.idle.indexOf(connection);
    if (at !== -1) this.idle.splice(at, 1);
  }
}
