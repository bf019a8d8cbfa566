/**
 * Operators' commands for servers: drain, disable, weight. They are kept in the shared table, so
 * that every worker follows them with its next request; they outlive reloads, and restarts if
 * requested.
 *
 * The file has the last persistent commands. A later command that is not persistent cancels the
 * earlier one, so that a restart never restores what an operator has undone.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readIfThere, writeAtomically } from '../../config/store.ts';
import { ADMIN, type Admin } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';

export const WEIGHT_MAX = 256;
/** Longest drain that has an end. */
export const DRAIN_MS_MAX = 7 * 24 * 60 * 60 * 1000;
/** Default time over which a drain closes the remaining connections. */
export const DRAIN_OVER_MS = 10_000;

/** An operator's command for one server. */
export type OperatorCommand =
  /** Nothing new; requests in flight continue, until the drain ends if it has an end. */
  | { readonly action: 'drain'; readonly withinMs: number | null; readonly overMs: number }
  /** Nothing at all, sticky clients included. */
  | { readonly action: 'disable' }
  | { readonly action: 'enable' }
  /** @see WEIGHT_MAX; 0: nothing new; null: the configured one */
  | { readonly action: 'weight'; readonly weight: number | null };
export type Action = OperatorCommand['action'];
export const ACTIONS: readonly Action[] = ['drain', 'disable', 'enable', 'weight'];

/** All that operators set for one server. */
export interface Said {
  readonly admin: Admin;
  /** When its drain ends, milliseconds since 1970; 0: it drains without an end, or not at all. */
  readonly drainEndsMs: number;
  /** -1: the configured one. */
  readonly weight: number;
}

const NOTHING: Said = { admin: ADMIN.active, drainEndsMs: 0, weight: -1 };

type OperatedServer = { readonly row: number; readonly name: string; readonly label: string };

export interface OperatorEvents {
  /** A drain has timed out: the server's remaining connections are to be closed. */
  onDrained(server: OperatedServer, overMs: number): void;
  /** The commands for a server that is no longer configured are forgotten. */
  onForgotten(address: string): void;
  /** The file could not be updated: the next start uses its old contents. */
  onUnwritten(error: Error): void;
}

/** The message says how to fix it. */
export class OperatorFileError extends Error {}

export class Operator {
  readonly #table: SharedTable;
  readonly #file: string;
  readonly #events: OperatorEvents;
  /** By address. */
  #said: Map<string, Said>;
  readonly #kept: Map<string, Said>;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #servers: readonly OperatedServer[] = [];

  /**
   * @param folder for this configuration file only: other instances have other servers
   * @throws OperatorFileError when the file is there and cannot be read
   */
  constructor(table: SharedTable, folder: string, events: OperatorEvents) {
    this.#table = table;
    this.#file = join(folder, 'operator.json');
    this.#events = events;
    this.#kept = read(this.#file);
    this.#said = new Map(this.#kept);
  }

  /** Follows a changed list of servers. */
  apply(servers: readonly OperatedServer[]): void {
    this.#servers = servers;
    const known = new Set(servers.map(({ name }) => name));
    const gone = [...this.#said.keys()].filter((address) => !known.has(address));
    for (const address of gone) {
      this.#said.delete(address);
      this.#clearTimer(address);
      this.#events.onForgotten(address);
    }
    if (gone.filter((address) => this.#kept.delete(address)).length > 0) this.#tryToWrite();
    for (const server of servers) this.#enforce(server, DRAIN_OVER_MS);
  }

  /** What operators set for a server. */
  saidOf(address: string): Said {
    return this.#said.get(address) ?? NOTHING;
  }

  /** All that operators set, for a successor. */
  all(): [address: string, said: Said][] {
    return [...this.#said];
  }

  /** Takes over what operators set in the previous instance, persistent or not. */
  inherit(all: readonly (readonly [address: string, said: Said])[]): void {
    this.#said = new Map(all);
    this.apply(this.#servers);
  }

  /**
   * @param isKept whether it outlives restarts
   * @throws Error if it is to be kept and cannot be written; then nothing has changed
   */
  say(server: OperatedServer, command: OperatorCommand, isKept: boolean): void {
    const before = this.#kept.get(server.name);
    keep(this.#kept, server.name, (isKept ? after : retracted)(before ?? NOTHING, command));
    try {
      if (isKept || before !== undefined) this.#write();
    } catch (error) {
      keep(this.#kept, server.name, before ?? NOTHING);
      throw error;
    }
    keep(this.#said, server.name, after(this.saidOf(server.name), command));
    this.#enforce(server, command.action === 'drain' ? command.overMs : DRAIN_OVER_MS);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #enforce(server: OperatedServer, overMs: number): void {
    const { row, name } = server;
    const said = this.saidOf(name);
    if (this.#table.admin(row) !== said.admin) this.#table.setAdmin(row, said.admin);
    if (this.#table.operatorWeight(row) !== said.weight) {
      this.#table.setOperatorWeight(row, said.weight);
    }
    if (said.drainEndsMs === 0) this.#clearTimer(name);
    else this.#endAt(name, said.drainEndsMs, overMs);
  }

  #endAt(address: string, endsMs: number, overMs: number): void {
    this.#clearTimer(address);
    const leftMs = Math.min(DRAIN_MS_MAX, Math.max(0, endsMs - Date.now()));
    const timer = setTimeout(() => this.#drained(address, overMs), leftMs).unref();
    this.#timers.set(address, timer);
  }

  /** The server's drain has timed out. */
  #drained(address: string, overMs: number): void {
    this.#timers.delete(address);
    const server = this.#servers.find(({ name }) => name === address);
    if (server === undefined) return;
    const isOver = (said: Said): Said => ({ ...said, admin: ADMIN.maintenance, drainEndsMs: 0 });
    this.#said.set(address, isOver(this.saidOf(address)));
    const kept = this.#kept.get(address);
    if (kept !== undefined && kept.drainEndsMs !== 0) {
      this.#kept.set(address, isOver(kept));
      this.#tryToWrite();
    }
    this.#table.setAdmin(server.row, ADMIN.maintenance);
    this.#events.onDrained(server, overMs);
  }

  #clearTimer(address: string): void {
    clearTimeout(this.#timers.get(address));
    this.#timers.delete(address);
  }

  /** Unless persistence was requested, traffic does not depend on it. */
  #tryToWrite(): void {
    try {
      this.#write();
    } catch (error) {
      this.#events.onUnwritten(error as Error);
    }
  }

  #write(): void {
    const servers = Object.fromEntries(
      [...this.#kept].map(([address, { admin, drainEndsMs, weight }]) => [
        address,
        {
          ...(admin === ADMIN.active ? {} : { state: NAMES[admin] }),
          ...(drainEndsMs === 0 ? {} : { drainEnds: new Date(drainEndsMs).toISOString() }),
          ...(weight === -1 ? {} : { weight }),
        },
      ]),
    );
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    writeAtomically(this.#file, `${JSON.stringify({ servers }, null, 2)}\n`, 0o600);
  }
}

const NAMES = ['active', 'draining', 'maintenance'] as const;

function after(said: Said, command: OperatorCommand): Said {
  switch (command.action) {
    case 'enable':
      // The weight 0 is a drain too, and whoever enables a server wants it to have traffic.
      return { admin: ADMIN.active, drainEndsMs: 0, weight: said.weight === 0 ? -1 : said.weight };
    case 'disable':
      return { ...said, admin: ADMIN.maintenance, drainEndsMs: 0 };
    case 'drain': {
      const drainEndsMs = command.withinMs === null ? 0 : Date.now() + command.withinMs;
      return { ...said, admin: ADMIN.draining, drainEndsMs };
    }
    case 'weight':
      return { ...said, weight: command.weight ?? -1 };
  }
}

/** Without an earlier command of the same kind. */
function retracted(said: Said, command: OperatorCommand): Said {
  if (command.action === 'weight') return { ...said, weight: -1 };
  return command.action === 'enable'
    ? after(said, command)
    : { ...said, admin: ADMIN.active, drainEndsMs: 0 };
}

function keep(all: Map<string, Said>, address: string, said: Said): void {
  if (said.admin === ADMIN.active && said.weight === -1) all.delete(address);
  else all.set(address, said);
}

function read(file: string): Map<string, Said> {
  try {
    const text = readIfThere(file);
    if (text === undefined) return new Map();
    const { servers } = JSON.parse(text) as { servers: Record<string, unknown> };
    return new Map(Object.entries(servers).map(([address, said]) => [address, saidIn(said)]));
  } catch (error) {
    const why = (error as Error).message;
    throw new OperatorFileError(
      `${file}, which has what operators set for servers, cannot be read: ${why}. Fix it, or remove it to enable all servers.`,
    );
  }
}

function saidIn(value: unknown): Said {
  const { state = 'active', drainEnds, weight = -1 } = value as Record<string, unknown>;
  const admin = NAMES.indexOf(state as (typeof NAMES)[number]) as Admin;
  const drainEndsMs = drainEnds === undefined ? 0 : Date.parse(String(drainEnds));
  const isWeight = Number.isInteger(weight) && Number(weight) >= -1 && Number(weight) <= WEIGHT_MAX;
  if (!(admin in NAMES) || Number.isNaN(drainEndsMs) || !isWeight) {
    throw new Error(`it has ${JSON.stringify(value)} for a server`);
  }
  return { admin, drainEndsMs, weight: Number(weight) };
}
