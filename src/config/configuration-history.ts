/**
 * What was applied when: a bounded folder of the configurations that came from one file, each as
 * its text stood. The files hold secrets and are readable by their owner alone.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createWhole, readIfThere } from './store.ts';

/** How many are kept; the oldest go. */
export const HISTORY_MAX = 50;
const TRIES_MAX = 100;

export interface HistoryEntry {
  /** Counts up from 1 and is never given twice. */
  number: number;
  /** When it was applied, ISO 8601. */
  at: string;
  /** What applied it: "start", "reload", "rollback to 3", ... */
  cause: string;
  file: string;
  text: string;
}

export class ConfigurationHistory {
  readonly folder: string;

  /** @param folder `instanceDirectory` of locate.ts: each configuration file has its own history */
  constructor(folder: string) {
    this.folder = join(folder, 'history');
  }

  /**
   * Adds what was applied, unless it is what the last one holds.
   *
   * @throws the file system's error when it cannot be written
   */
  record(entry: Omit<HistoryEntry, 'number'>): HistoryEntry {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    for (let tries = 1; ; tries++) {
      const last = this.#newest();
      if (last !== undefined && last.text === entry.text && last.file === entry.file) return last;
      const whole = { number: (this.#numbers().at(-1) ?? 0) + 1, ...entry };
      if (createWhole(join(this.folder, fileName(whole.number)), JSON.stringify(whole))) {
        this.#removeOld();
        return whole;
      }
      // Another process that runs the same file has just taken the number.
      if (tries === TRIES_MAX) throw new Error(`${this.folder} is written by another process`);
    }
  }

  #removeOld(): void {
    for (const old of this.#numbers().slice(0, -HISTORY_MAX)) {
      rmSync(join(this.folder, fileName(old)), { force: true });
    }
  }

  /** From the oldest to the newest; what cannot be read is left out. */
  list(): HistoryEntry[] {
    return this.#numbers().flatMap((number) => this.read(number) ?? []);
  }

  #newest(): HistoryEntry | undefined {
    for (const number of this.#numbers().reverse()) {
      const entry = this.read(number);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  read(number: number): HistoryEntry | undefined {
    try {
      const text = readIfThere(join(this.folder, fileName(number)));
      return text === undefined ? undefined : (JSON.parse(text) as HistoryEntry);
    } catch {
      return undefined;
    }
  }

  #numbers(): number[] {
    try {
      return readdirSync(this.folder)
        .map((name) => Number(/^(\d+)\.json$/.exec(name)?.[1]))
        .filter((number) => number > 0)
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }
}

function fileName(number: number): string {
  return `${String(number).padStart(8, '0')}.json`;
}
