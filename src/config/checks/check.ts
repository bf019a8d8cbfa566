/** What a check is given and how it reports. */
import type { Finding } from '../problem.ts';
import type { Settings } from '../schema.ts';
import type { Path } from '../walk.ts';

export interface CheckContext {
  settings: Settings;
  /** Whether the file itself says something at a path. */
  written: (path: Path) => boolean;
  /** Why a file cannot be read, or undefined where it can. */
  fileProblem?: ((path: string) => string | undefined) | undefined;
}

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
) => void;
export type Check = (context: CheckContext, report: Report) => void;

/** A path below load_balancing. */
export const at = (...path: (string | number)[]): Path => ['load_balancing', ...path];

export const isEvery = (host: string) => ['', '0.0.0.0', '::'].includes(host);
export const isLoopback = (host: string) => /^127\.|^::1$|^localhost$/.test(host);
