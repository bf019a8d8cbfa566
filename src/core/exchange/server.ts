import type { SharedTable } from '../../table/table.ts';
import type { Candidate } from '../balance/strategy.ts';
import type { ServerConnection } from './server-connection.ts';

/** Where a server is reached. */
export interface ServerAddress {
  /** A host name or IP address; empty for a unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket; empty otherwise. */
  readonly path: string;
  /** TLS to the server; null: plain. Part of what a pooled connection is known by. */
  readonly tls: ServerTls | null;
}

export interface ServerTls {
  /** The name asked for and verified. */
  readonly serverName: string;
  readonly verify: boolean;
  /** PEM file of the authorities to trust; empty: the system's. */
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** One server as one worker sees it: its row in the shared table and its idle connections. */
export class Server implements Candidate {
  readonly row: number;
  readonly name: string;
  readonly address: ServerAddress;
  weight: number;
  backup: boolean;
  maxInFlight: number;
  /** The Host value for a request that came without one. */
  readonly authority: string;
  /** Kept-alive connections, the one used last at the end. */
  readonly idle: ServerConnection[] = [];
  readonly #table: SharedTable;

  constructor(
    plan: {
      row: number;
      name: string;
      address: ServerAddress;
      weight: number;
      backup: boolean;
      maxInFlight: number;
    },
    table: SharedTable,
  ) {
    this.row = plan.row;
    this.name = plan.name;
    this.address = plan.address;
    this.weight = plan.weight;
    this.backup = plan.backup;
    this.maxInFlight = plan.maxInFlight;
    this.authority = plan.address.path === '' ? plan.name : 'localhost';
    this.#table = table;
  }

  inFlight(): number {
    return this.#table.inFlight(this.row);
  }

  latencyUs(): number {
    return this.#table.latencyUs(this.row, this.#nowMs());
  }
}
