/** What a check is given and how it reports. */
import type { Finding } from '../problem.ts';
import type { Settings } from '../schema.ts';
import type { Path } from '../walk.ts';

export interface CheckContext {
  settings: Settings;
  /** Whether the file itself says something at a path. */
  written: (path: Path) => boolean;
  /** Left out: what the settings name outside of the file is not looked at. */
  surroundings?: Surroundings | undefined;
}

/** What the checks may look at beside the text of the configuration. */
export interface Surroundings {
  readFile: (path: string) => FileRead;
  /** Milliseconds since 1970. */
  nowMs: number;
}

export type FileRead =
  | { ok: true; bytes: Buffer /** Permission bits. */; mode: number }
  | { ok: false; reason: string; help?: string };

export interface CheckFinding extends Finding {
  /** Every setting the check looked at; the first is where it is shown. */
  looksAt: readonly Path[];
  part?: 'key';
}

export type Report = (
  severity: 'error' | 'warning',
  looksAt: readonly Path[],
  message: string,
  help?: string,
  fileFault?: string,
) => void;

/** Reports what is wrong with a file that a setting names. @param fault begins with its path */
export function reportFile(
  report: Report,
  severity: 'error' | 'warning',
  looksAt: readonly Path[],
  { fault, help }: { fault: string; help?: string | undefined },
): void {
  report(severity, looksAt, fault, help, fault);
}
export type Check = (context: CheckContext, report: Report) => void;

/** A path below load_balancing. */
export const at = (...path: (string | number)[]): Path => ['load_balancing', ...path];

export const isEvery = (host: string) => ['', '0.0.0.0', '::'].includes(host);
export const isLoopback = (host: string) => /^127\.|^::1$|^localhost$/.test(host);
