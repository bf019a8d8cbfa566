/** Single settings of a file that has errors elsewhere, for commands that must work all the same. */
import { parseDocument, stringify } from 'yaml';
import { parseConfig } from '../config/load.ts';
import type { Settings } from '../config/schema.ts';
import { check } from './config-file.ts';
import type { Io } from './io.ts';

/** A section and a setting in it. */
type Name = readonly [section: string, key: string];

export interface Salvaged {
  /** What could be read, and defaults for everything else. */
  readonly settings: Settings;
  /** Whether each is what the file says, the default included where the file does not name it. */
  readonly isWhole: boolean;
}

/** @param names of settings that are texts */
export function salvage(io: Io, text: string, file: string, names: readonly Name[]): Salvaged {
  const good: Record<string, Record<string, unknown>> = Object.create(null);
  let isWhole = true;
  for (const [section, key] of names) {
    const { value, isRead } = read(text, section, key);
    if (value === undefined) {
      isWhole &&= isRead;
    } else if (check(io, stringify({ [section]: { [key]: value } }), file).problems.length > 0) {
      isWhole = false;
    } else {
      good[section] ??= Object.create(null);
      good[section]![key] = value;
    }
  }
  return { settings: check(io, stringify(good), file).settings ?? defaults(), isWhole };
}

export function defaults(): Settings {
  return parseConfig('admin: {}\n', { file: 'defaults', env: {} }).settings!;
}

interface Value {
  readonly value: unknown;
  /** Whether the syntax around it is whole, so that a value that is not there was never written. */
  readonly isRead: boolean;
}

/** An unclosed bracket swallows what follows it: then the section's lines are read by themselves. */
function read(text: string, section: string, key: string): Value {
  const lines = new RegExp(`^${section}[ \\t]*:.*(?:\\n(?:[ \\t#].*)?)*`, 'm').exec(text)?.[0];
  const parts = [text, ...(lines === undefined ? [] : [lines])].map((part) =>
    readPart(part, [section, key]),
  );
  const whole = parts.find(({ isWhole }) => isWhole);
  if (whole !== undefined) return { value: whole.value, isRead: true };
  const value = parts.map((part) => part.value).find((one) => one !== undefined);
  // An unclosed quote swallows lines too.
  const isSure = typeof value === 'string' && !/\s/.test(value);
  return { value: isSure ? value : undefined, isRead: false };
}

function readPart(text: string, path: readonly string[]): { value: unknown; isWhole: boolean } {
  const document = parseDocument(text, { uniqueKeys: false, merge: true });
  try {
    const value = path.reduce((inner, key) => inner?.[key], document.toJS()) ?? undefined;
    return { value, isWhole: document.errors.length === 0 };
  } catch {
    return { value: undefined, isWhole: false };
  }
}
