/**
 * A source of servers tells which servers a pool has, now and whenever that changes. A new kind is
 * a file beside this one and a line in `registry.ts`.
 */
import type { ServerSettings, Settings } from '../../config/schema.ts';

/** One kind of source. `Part` is what it needs of the settings. */
export interface SourceKind<Part = unknown> {
  /** What logs call it. */
  readonly name: string;
  /**
   * A source goes on over a reload as long as this part of the settings stays the same.
   *
   * @returns null where the settings name no source of this kind
   */
  partOf(settings: Settings): Part | null;
  open(part: Part, time: SourceTime): ServerSource;
}

export interface ServerSource {
  /**
   * Begins to tell. A source that need not wait tells its servers before this returns.
   * Failures are told and not thrown.
   */
  start(events: SourceEvents): void;
  /** Ends all that is under way; nothing is told from now on. */
  stop(): void;
}

export interface SourceEvents {
  /** The first answer, and every change: all servers, each address once. */
  onServers(servers: readonly ServerSettings[]): void;
  /** It cannot tell for now; what it told last counts on. @param cause for the log */
  onFailure(cause: string): void;
}

/** The time that a source lives by. */
export interface SourceTime {
  /** Milliseconds that only grow. */
  nowMs(): number;
  /** Calls once after so long. @returns takes the call back */
  after(ms: number, step: () => void): () => void;
}
