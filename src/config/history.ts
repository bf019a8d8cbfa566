/**
 * What was applied when: a bounded folder of the configurations that an instance ran, each as its
 * text stood. The files hold secrets and are readable by their owner alone.
 */
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, writeAtomically } from './store.ts';

/** How many are kept; the oldest go. */
export const HISTORY_MAX = 50;

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

export class History {
  readonly folder: string;

  /** @param stateDirectory of locate.ts */
  constructor(stateDirectory: string) {
    this.folder = join(stateDirectory, 'history');
  }

  /** Adds what was applied, unless it is what the last one holds. */
  record(entry: Omit<HistoryEntry, 'number'>): HistoryEntry {
    const last = this.#newest();
    if (last !== undefined && last.text === entry.text && last.file === entry.file) return last;
    const whole = { number: (last?.number ?? 0) + 1, ...entry };
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeAtomically(join(this.folder, fileName(whole.number)), JSON.stringify(whole), 0o600);
    for (const old of this.#numbers().slice(0, -HISTORY_MAX)) {
      unlinkSync(join(this.folder, fileName(old)));
    }
    return whole;
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
