/**
 * A source of servers reports which servers a pool has, now and whenever that changes. A new kind
 * is a file beside this one and a line in `registry.ts`.
 */
import type { ServerSettings, Settings } from '../../config/schema.ts';

/** One kind of source. `Part` is what it needs of the settings. */
export interface SourceKind<Part = unknown> {
  /** Its name in logs. */
  readonly name: string;
  /**
   * A source outlives a reload as long as this part of the settings stays the same.
   *
   * @returns null if the settings have no source of this kind
   */
  partOf(settings: Settings): Part | null;
  open(part: Part, time: SourceTime): ServerSource;
}

export interface ServerSource {
  /**
   * Starts reporting. A source that need not wait reports its servers before this returns. Failures
   * are reported, not thrown.
   */
  start(events: SourceEvents): void;
  /** Stops; nothing is reported from now on. */
  stop(): void;
}

export interface SourceEvents {
  /** The first answer, and every change: all servers, each address once. */
  onServers(servers: readonly ServerSettings[]): void;
  /** It fails for now; its last report still counts. @param cause for the log */
  onFailure(cause: string): void;
}

/** The clock and timers of a source. */
export interface SourceTime {
  /** Milliseconds that only grow. */
  nowMs(): number;
  /** Calls back once after a time. @returns cancels the call */
  after(ms: number, step: () => void): () => void;
}
