/**
 * Applies a changed configuration file to the running instance, or reports what that would do. One
 * change at a time: a second reload waits for the first.
 */

import { Turns } from '../../base/turns.ts';
import type { ConfigurationHistory } from '../../config/configuration-history.ts';
import { diffSettings, type SettingChange } from '../../config/diff.ts';
import type { Settings } from '../../config/schema.ts';
import { withSectionOf } from '../../config/transfer.ts';
import { getAt, withAt } from '../../config/value-path.ts';
import type { Path } from '../../config/walk.ts';
import { type Impact, impactOf } from './impact.ts';
import type { Instance } from './instance.ts';

/** A configuration as it was read. */
export interface ReadConfiguration {
  readonly file: string;
  /** The text for the history; null without a file, so that nothing can be rolled back to. */
  readonly text: string | null;
  readonly settings: Settings;
}

export interface ReloaderOptions {
  readonly instance: Instance;
  /**
   * Reads and checks the file again, given what runs. @throws Error whose message lists every
   * problem
   */
  readonly read: (running: ReadConfiguration) => ReadConfiguration;
  readonly workersOf: (settings: Settings) => number;
  readonly history: ConfigurationHistory;
  /** What runs at the start. */
  readonly running: ReadConfiguration;
  readonly now: () => Date;
  /** Called when what runs is not in the history. */
  readonly onUnrecorded: (warning: string) => void;
  /** Called with every attempt; `reason` says why one failed or was undone later. */
  readonly onReload: (outcome: { changes: number; reason?: string; isTakenBack?: boolean }) => void;
}

export interface ReloadReport {
  readonly changes: readonly SettingChange[];
  readonly impact: Impact;
  /** When the change is undone unless confirmed, ISO 8601; null: it stays. */
  readonly confirmBefore: string | null;
  /** What went wrong although the change is applied; '' for nothing. */
  readonly warning: string;
}

/** Longest time that a reload may wait for its confirmation. */
export const CONFIRM_MS_MAX = 24 * 60 * 60 * 1000;

export class Reloader {
  readonly #options: ReloaderOptions;
  #running: ReadConfiguration;
  readonly #turns = new Turns();
  #unconfirmed: { timer: NodeJS.Timeout; before: ReadConfiguration } | null = null;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#running = options.running;
  }

  /** The instance is up with its initial configuration. */
  started(): void {
    this.#record('start', this.#running);
  }

  /** Whether a reload waits for its confirmation. */
  get isUnconfirmed(): boolean {
    return this.#unconfirmed !== null;
  }

  /**
   * What a reload would do, without doing it.
   *
   * @throws Error when the file has problems
   */
  plan(section: Path = []): ReloadReport {
    const next = this.#wanted(section);
    return this.#report(next.settings, null);
  }

  /**
   * Takes the file over.
   *
   * @param section only this part of it
   * @param confirmWithinMs the change is taken back after this time unless `confirm` is called;
   *   0: it stays
   * @throws Error when the file has problems or an address cannot be opened; nothing has changed
   */
  reload(section: Path = [], confirmWithinMs = 0): Promise<ReloadReport> {
    return this.#turns.run(async () => {
      try {
        const next = this.#wanted(section);
        const report = await this.#take(next, 'reload', confirmWithinMs);
        this.#options.onReload({ changes: report.changes.length });
        return report;
      } catch (error) {
        this.#options.onReload({ changes: 0, reason: messageOf(error) });
        throw error;
      }
    });
  }

  /** The change that waits stays. @returns false where none waits */
  confirm(): boolean {
    if (this.#unconfirmed === null) return false;
    clearTimeout(this.#unconfirmed.timer);
    this.#unconfirmed = null;
    return true;
  }

  close(): void {
    this.confirm();
  }

  async #take(
    next: ReadConfiguration,
    cause: string,
    confirmWithinMs: number,
  ): Promise<ReloadReport> {
    const { instance, workersOf, now } = this.#options;
    const before = this.#unconfirmed?.before ?? this.#running;
    const isTimed = confirmWithinMs > 0;
    const deadline = isTimed ? new Date(now().getTime() + confirmWithinMs).toISOString() : null;
    const report = this.#report(next.settings, deadline);
    await instance.reload(next.settings, workersOf(next.settings));
    this.#running = next;
    this.confirm();
    if (isTimed) {
      const timer = setTimeout(() => void this.#takeBack(), confirmWithinMs);
      this.#unconfirmed = { timer, before };
    }
    return { ...report, warning: this.#record(cause, next) };
  }

  /** Nobody confirmed: perhaps nobody could. */
  async #takeBack(): Promise<void> {
    await this.#turns.run(async () => {
      const before = this.#unconfirmed?.before;
      this.#unconfirmed = null;
      if (before === undefined) return;
      const reason = 'not confirmed in time: the previous configuration is back';
      try {
        const { changes } = await this.#take(before, 'not confirmed', 0);
        this.#options.onReload({ changes: changes.length, reason, isTakenBack: true });
      } catch (error) {
        const why = `not confirmed in time, but it could not be undone: ${messageOf(error)}`;
        this.#options.onReload({ changes: 0, reason: why });
      }
    });
  }

  /** What the file asks for; with a section, the running settings with that part of the file. */
  #wanted(section: Path): ReadConfiguration {
    const fresh = this.#options.read(this.#running);
    if (section.length === 0) return fresh;
    const { text, settings } = this.#running;
    return {
      file: fresh.file,
      text: text && fresh.text && withSectionOf(text, fresh.text, section),
      settings: withAt(settings, section, getAt(fresh.settings, section)) as Settings,
    };
  }

  #report(settings: Settings, confirmBefore: string | null): ReloadReport {
    const { instance } = this.#options;
    const changes = diffSettings(this.#running.settings, settings);
    const impact = impactOf(instance, settings, changes);
    return { changes, impact, confirmBefore, warning: '' };
  }

  /**
   * What runs goes into the history; a full disk keeps nothing from running.
   *
   * @returns what to tell the operator, or ''
   */
  #record(cause: string, { file, text }: ReadConfiguration): string {
    if (text === null) return '';
    const { history, now, onUnrecorded } = this.#options;
    try {
      history.record({ at: now().toISOString(), cause, file, text });
      return '';
    } catch (error) {
      const warning = `the history in ${history.folder} could not be written, so "config rollback" cannot return to this configuration: ${messageOf(error)}. Free some space there, or give this user write access.`;
      onUnrecorded(warning);
      return warning;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
