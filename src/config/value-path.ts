import type { Path } from './walk.ts';

/** What stands at a path of plain values; undefined where there is nothing. */
export function getAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path) at = ownOf(at, key);
  return at;
}

/** A member of a section or list, and nothing that every object inherits (`constructor`). */
export function ownOf(holder: unknown, key: string | number): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, key))
    return undefined;
  return (holder as Record<string | number, unknown>)[key];
}

/** The same value with another one at a path; what is not on the way there is shared. */
export function withAt(value: unknown, path: Path, part: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return part;
  const section = value as Record<string | number, unknown>;
  return { ...section, [key]: withAt(section[key], rest, part) };
}
