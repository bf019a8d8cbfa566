import type { Path } from './walk.ts';

/** Something wrong, or doubtful, at a place of a configuration file. */
export interface Problem {
  severity: 'error' | 'warning';
  /** Names the setting and the rule: "load_balancing.timeout.connect: the unit is missing ...". */
  message: string;
  /** The setting, where there is one. */
  path: Path;
  file: string;
  /** From 1. */
  line: number;
  /** From 1, in characters. */
  column: number;
  /** How many characters of the line the caret covers; at least 1. */
  width: number;
  /** The line itself, secrets masked. */
  lineText: string;
  expected?: string;
  found?: string;
  /** How to mend it. */
  help?: string;
  /** What is wrong with a file that the configuration names, wherever it names it; else absent. */
  fileFault?: string;
}

/** What is known of a problem before it has a place. */
export interface Finding {
  severity: 'error' | 'warning';
  path: Path;
  message: string;
  expected?: string | undefined;
  found?: string | undefined;
  help?: string | undefined;
  fileFault?: string | undefined;
}
