import { isDeepStrictEqual } from 'node:util';
import { present } from './present.ts';
import type { Settings } from './schema.ts';
import { ownOf } from './value-path.ts';
import { formatPath, type Path } from './walk.ts';

/** One setting that differs; a side that has none is undefined. Values as the file spells them. */
export interface SettingChange {
  path: string;
  before: unknown;
  after: unknown;
}

/** Lists whose items are known by a name and not by their place. */
const IDENTITY: Record<string, string> = {
  'load_balancing.servers': 'address',
  'load_balancing.weights': 'server',
};

/**
 * What differs between two settings, in the order of the schema. A server is found again by its
 * address wherever it stands: `load_balancing.servers[10.0.0.1:80].weight`. Secrets that differ
 * are named and not shown.
 */
export function diffSettings(before: Settings, after: Settings): SettingChange[] {
  const changes: SettingChange[] = [];
  compare(before, after, [], '', changes);
  return changes;
}

function compare(
  before: unknown,
  after: unknown,
  path: Path,
  name: string,
  changes: SettingChange[],
): void {
  if (isDeepStrictEqual(before, after)) return;
  const identity = IDENTITY[formatPath(path)];
  if (identity !== undefined) {
    compareByIdentity(before as Item[], after as Item[], identity, path, name, changes);
  } else if (isSection(before) && isSection(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const inner = name === '' ? key : `${name}.${key}`;
      compare(ownOf(before, key), ownOf(after, key), [...path, key], inner, changes);
    }
  } else {
    changes.push({ path: name, before: shown(before, path), after: shown(after, path) });
  }
}

type Item = Record<string, unknown>;

function compareByIdentity(
  before: Item[],
  after: Item[],
  identity: string,
  path: Path,
  name: string,
  changes: SettingChange[],
): void {
  const count = changes.length;
  const byName = (items: Item[]) => new Map(items.map((item) => [String(item[identity]), item]));
  const [old, now] = [byName(before), byName(after)];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    compare(old.get(key), now.get(key), [...path, 0], `${name}[${key}]`, changes);
  }
  if (changes.length === count) {
    changes.push({ path: name, before: [...old.keys()], after: [...now.keys()] });
  }
}

function shown(value: unknown, path: Path): unknown {
  return value === undefined ? undefined : present(value, path);
}

/** `~ path: before → after`, a line each; `+` and `-` where a side has none. */
export function formatChanges(changes: readonly SettingChange[]): string {
  return changes
    .map(({ path, before, after }) => {
      if (before === undefined) return `+ ${path}: ${text(after)}`;
      if (after === undefined) return `- ${path}: ${text(before)}`;
      return before === after
        ? `~ ${path}: changed, not shown`
        : `~ ${path}: ${text(before)} → ${text(after)}`;
    })
    .join('\n');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
