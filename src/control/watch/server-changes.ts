import type { Logger } from '../../observe/log.ts';
import { HEALTH } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';

/** What happened last to a server, and why. */
export interface ServerChange {
  readonly atMs: number;
  readonly what: string;
  readonly why: string;
}

/** Who says something of a server that alerts tell the cause of. */
export type Aspect = 'health' | 'breaker' | 'ejection';
const ASPECTS: readonly Aspect[] = ['health', 'breaker', 'ejection'];

/** A change of the table that is as young as this was told of. */
const TOLD_MS = 2_000;

/** The last changes of each server, by its label. */
export class ServerChanges {
  readonly #table: SharedTable;
  readonly #log: Logger;
  readonly #last = new Map<string, ServerChange>();
  /** The last change of each aspect: an alert tells the cause of its own matter. */
  readonly #aspects = new Map<string, ServerChange>();
  readonly #states = new Map<string, string>();

  constructor(table: SharedTable, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  /** Reports a changed state of a server with its cause, to be shown and logged. */
  changed(label: string, what: string, why: string): void {
    this.note(label, what, why);
    this.#log.info({ event: 'server_changed', server: label, what, why });
  }

  /** Like `changed`, for whoever logs the change himself. */
  note(label: string, what: string, why: string): void {
    const change = { atMs: Date.now(), what, why };
    this.#last.set(label, change);
    // That a breaker tries again is not why it opened.
    const aspect = /^(health|breaker|ejection) (?!half_open)/.exec(what)?.[1];
    if (aspect !== undefined) this.#aspects.set(`${aspect} ${label}`, change);
  }

  /** What a probe, a breaker or a comparison said last of a server, and why. */
  said(aspect: Aspect, label: string): ServerChange | null {
    return this.#aspects.get(`${aspect} ${label}`) ?? null;
  }

  lastOf(label: string): ServerChange | null {
    return this.#last.get(label) ?? null;
  }

  /**
   * Changes that nobody told of are at least seen; servers that are gone are forgotten.
   *
   * @param servers all that there are
   */
  look(servers: readonly { readonly label: string; readonly row: number }[], nowMs: number): void {
    for (const { label, row } of servers) {
      const health = this.#table.health(row);
      const state = health === HEALTH.down ? 'down' : health === HEALTH.up ? 'up' : 'unknown';
      const before = this.#states.get(label);
      this.#states.set(label, state);
      if (before === undefined || before === state) continue;
      const told = this.#last.get(label);
      if (told !== undefined && nowMs - told.atMs < TOLD_MS) continue;
      this.changed(label, state, '');
    }
    if (this.#states.size <= servers.length) return;
    const there = new Set(servers.map(({ label }) => label));
    for (const label of this.#states.keys()) {
      if (there.has(label)) continue;
      this.#states.delete(label);
      this.#last.delete(label);
      for (const aspect of ASPECTS) this.#aspects.delete(`${aspect} ${label}`);
    }
  }
}
