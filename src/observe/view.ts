import type { SharedTable } from '../table/table.ts';

/** What metrics are made of. The control thread gives it; it is read anew for each scrape. */
export interface View {
  readonly table: SharedTable;
  /** Lanes of the workers that run. */
  readonly lanes: readonly number[];
  readonly servers: readonly ViewServer[];
  /** At least one; requests that reached no server are counted to the first. */
  readonly pools: readonly ViewPool[];
  readonly version: string;
  /** Start time of the process, in seconds since 1970. */
  readonly startedSeconds: number;
  readonly workerDeaths: number;
  readonly lostLogRecords: number;
  readonly certificates: readonly ViewCertificate[];
  readonly alertsActive: readonly string[];
  /** Alert messages that a channel never took, by its name. */
  readonly undelivered: ReadonlyMap<string, number>;
}

export interface ViewPool {
  readonly name: string;
  /** Its row in the table. */
  readonly row: number;
}

export interface ViewServer {
  readonly pool: string;
  readonly label: string;
  readonly row: number;
  /** Absent where the server has no breaker. */
  readonly breaker?: 'closed' | 'open' | 'half_open';
}

export interface ViewCertificate {
  readonly path: string;
  /** For whom it stands: names and addresses. */
  readonly names: readonly string[];
  readonly expiresSeconds: number;
}
